"""`make import FILE=… TENANT=…`: loads a tenant's past into the stores that the settings name."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import orjson
from tqdm import tqdm

from local.faults import told
from local.operator import connect
from shared.errors import NotFound
from shared.history import Import, Report, Row, blocks, read_rows
from shared.services import Services


async def import_rows(
    services: Services, tenant_id: str, rows: Iterable[Row], progress: Callable[[int], object]
) -> Report:
    """Stores and folds the rows. Raises NotFound when there is no such tenant."""
    return await _load(await _begin(services, tenant_id), rows, progress)


async def import_file(path: Path, tenant_id: str) -> Report:
    """Imports a JSON Lines or CSV file, with a progress bar. Raises BadFile, OSError and NotFound."""
    total = sum(1 for _ in read_rows(path))
    services = connect()
    try:
        job = await _begin(services, tenant_id)
        with tqdm(total=total, desc=f"Importing {path.name}", unit=" rows") as bar:
            return await _load(job, read_rows(path), bar.update)
    finally:
        await services.close()


async def _begin(services: Services, tenant_id: str) -> Import:
    tenant = await services.tenants.find(tenant_id)
    if tenant is None:
        raise NotFound(f"There is no tenant {tenant_id!r}.")
    return Import(services.stores, tenant, await services.stores.prices.book(), datetime.now(UTC))


async def _load(job: Import, rows: Iterable[Row], progress: Callable[[int], object]) -> Report:
    for block in blocks(rows):
        await job.add(block)
        progress(len(block))
    await job.finish()
    return job.report


def tell(report: Report, path: Path) -> None:
    """Prints what became of the rows; the rejected ones go to a file, with their reasons."""
    print(
        f"{report.accepted} accepted, {report.duplicates} duplicates, {len(report.rejected)} rejected",
        flush=True,
    )
    if not report.rejected:
        return
    file = Path(f"{path}.rejected.jsonl")
    with file.open("wb") as lines:
        for line, bad in report.rejected:
            errors = [f"{error.field}: {error.reason}" for error in bad.errors]
            row = {"line": line, "errors": errors, "event": orjson.Fragment(bad.payload)}
            lines.write(orjson.dumps(row) + b"\n")
    print(f"The rejected rows and their reasons: {file}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="local.import_history", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--tenant", required=True)
    options = parser.parse_args()
    try:
        with told("import"):
            tell(asyncio.run(import_file(options.file, options.tenant)), options.file)
    except KeyboardInterrupt:
        sys.exit("import: interrupted; run again, it will complete what is there")


if __name__ == "__main__":
    main()
