"""`make rebuild TENANT=… FROM=… TO=…`: counts a tenant's days again from their segments, and repairs them."""

import argparse
import asyncio
from collections import Counter
from datetime import UTC, date, datetime

from tqdm import tqdm

from local.faults import told
from local.operator import connect
from shared.days import Period
from shared.errors import InvalidInput, NotFound
from shared.rebuild import Rebuild
from shared.services import Services


async def rebuild(services: Services, tenant_id: str, period: Period, *, dry_run: bool) -> Counter[str]:
    """Prints what became of each day and month; gives how often each outcome was.

    Raises NotFound when there is no such tenant.
    """
    tenant = await services.tenants.find(tenant_id)
    if tenant is None:
        raise NotFound(f"There is no tenant {tenant_id!r}.")
    job = Rebuild(services.stores, tenant, datetime.now(UTC), dry_run)
    outcomes = Counter[str]()
    with tqdm(period, desc=f"Rebuilding {tenant_id}", unit=" days") as days:
        for day in days:
            outcome = await job.day(day)
            outcomes[outcome] += 1
            days.write(f"{day}  {outcome}")
    for first, outcome in (await job.finish(period)).items():
        outcomes[f"month {outcome}"] += 1
        print(f"{first:%Y-%m}     {outcome}")
    return outcomes


async def run(tenant_id: str, period: Period, *, dry_run: bool) -> None:
    """The rebuild on the stores that the settings name."""
    services = connect()
    try:
        outcomes = await rebuild(services, tenant_id, period, dry_run=dry_run)
    finally:
        await services.close()
    print(", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())))


def _period(first: str, last: str) -> Period:
    """Raises InvalidInput."""
    try:
        period = Period(date.fromisoformat(first), date.fromisoformat(last))
    except ValueError as error:
        raise InvalidInput([], "FROM=… and TO=… are dates, such as 2026-10-31") from error
    if period.last < period.first:
        raise InvalidInput([], "TO=… must not be before FROM=…")
    return period


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="local.rebuild", description=__doc__)
    parser.add_argument("tenant")
    parser.add_argument("--from", dest="first", required=True)
    parser.add_argument("--to", dest="last", required=True)
    parser.add_argument("--dry-run", action="store_true", help="only tell what differs")
    options = parser.parse_args()
    with told("rebuild"):
        period = _period(options.first, options.last)
        asyncio.run(run(options.tenant, period, dry_run=options.dry_run))


if __name__ == "__main__":
    main()
