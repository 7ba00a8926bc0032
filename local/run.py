"""`make run`: the whole service on this machine, with a demo tenant whose history ends now."""

import argparse
import asyncio
import json
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from os.path import relpath
from pathlib import Path
from typing import Any

import aiohttp
from tqdm import tqdm

from local import demo
from local.env import FILE, FOLDER, write_env
from local.import_history import import_rows
from local.stack import OPERATOR_KEY, CannotStart, Ports, Stack
from shared.days import day_of, months_before, start_of
from shared.publisher import Publisher, queue_of
from shared.services import build

PORTS = (7071, 8081, 10000, 10001, 10002)
LIVE_DAYS = 2  # the newest days come through the queue
PULSE, PULSES = 10, 60  # seconds between the extra events at the start, so that the page moves, and how many


class Demo:
    """The demo tenant of a running stack. What has been done already is kept in the folder's `demo.json`."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack = stack
        self._file = folder / "demo.json"
        self._done: dict[str, str] = json.loads(self._file.read_text()) if self._file.exists() else {}
        self._today = day_of(datetime.now(UTC), demo.ZONE)

    @property
    def key(self) -> str:
        """The tenant's API key."""
        return self._done["key"]

    async def prepare(self) -> None:
        """The tenant, its prices and its key."""
        tenant = demo.tenant(self._today)
        path = f"tenants/{tenant.pop('id')}"
        await self._operator("PUT", path, tenant)
        prices = [
            {"primitive": primitive, "valid_from": "2020-01-01", "unit_usd": str(usd)}
            for primitive, usd in demo.unit_prices().items()
        ]
        await self._operator("POST", "prices", {"prices": prices})
        if "key" not in self._done:
            scopes = {"name": "demo", "scopes": ["read", "ingest", "alerts"]}
            self._keep(key=(await self._operator("POST", f"{path}/keys", scopes))["key"])

    async def load_history(self) -> None:
        """Twelve months up to the newest days, through the import; done once."""
        if "published_until" in self._done:
            return
        last = self._today - timedelta(days=LIVE_DAYS)
        first = months_before(self._today.replace(day=1), 12)
        rows = enumerate(demo.history(first, last), 1)
        total = sum(1 for _ in demo.history(first, last))
        with tqdm(total=total, desc="Loading 12 months of history", unit=" events", leave=False) as bar:
            services = build(self._stack.service_settings)
            await import_rows(services, demo.TENANT_ID, rows, bar.update)
            await services.close()
        self._keep(published_until=start_of(last + timedelta(days=1), demo.ZONE).isoformat())

    async def trickle(self) -> None:
        """The demo's events as they happen, through the queue, for as long as it runs."""
        async with queue_of(self._stack.storage) as queue, Publisher(queue) as publisher:
            for pulse in range(sys.maxsize):
                since = datetime.fromisoformat(self._done["published_until"])
                until = datetime.now(UTC)
                await publisher.publish_many(
                    demo.events_between(max(since, until - timedelta(days=34)), until)
                )
                if pulse < PULSES:
                    await publisher.publish(_another(until, pulse))
                await publisher.flush()
                self._keep(published_until=until.isoformat())
                await asyncio.sleep(PULSE)

    def _keep(self, **done: str) -> None:
        self._done |= done
        self._file.write_text(json.dumps(self._done))

    async def _operator(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
        url = f"{self._stack.url}/api/operator/{path}"
        async with (
            aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
            session.request(method, url, json=body) as response,
        ):
            answer: dict[str, Any] = await response.json()
            return answer


def _another(now: datetime, pulse: int) -> dict[str, Any]:
    """An event like one of today's, happening now."""
    samples = list(demo.events_of_day(day_of(now, demo.ZONE) - timedelta(days=3)))
    return samples[pulse % len(samples)] | {"id": f"pulse-{now.isoformat()}", "time": now.isoformat()}


def announce(stack: Stack, demonstration: Demo, file: Path) -> None:
    """Says where to look, and writes it down for scripts."""
    curl = (
        f'curl -H "Authorization: Bearer {demonstration.key}" "{stack.url}/api/usage/by-feature?period=30d"'
    )
    mine = {"USAGE_URL": stack.url, "USAGE_KEY": demonstration.key, "OPERATOR_KEY": OPERATOR_KEY}
    write_env(mine | stack.environment, file)
    print(f"\nUsage Analytics runs at {stack.url}\n\n  API key  {demonstration.key}\n  Try it   {curl}\n")
    print(f"For scripts: {relpath(file)}. Ctrl-C stops everything.", flush=True)


async def run(folder: Path, ports: Ports) -> None:
    """Starts everything, then waits for Ctrl-C."""
    async with Stack(folder=folder, ports=ports) as stack:
        demonstration = Demo(stack, folder)
        await demonstration.prepare()
        await demonstration.load_history()
        announce(stack, demonstration, folder / FILE.name)
        await asyncio.gather(demonstration.trickle(), stack.keep_running())


async def until_stopped(folder: Path, ports: Ports) -> None:
    """Runs until SIGINT or SIGTERM, then stops everything."""
    task = asyncio.ensure_future(run(folder, ports))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
    print("Stopped.")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="local.run", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where data are kept (%(default)s)")
    parser.add_argument(
        "--ports", type=int, nargs=5, default=PORTS, metavar=("HOST", "COSMOS", "BLOB", "QUEUE", "TABLE"),
        help="0 takes a free one (%(default)s)",
    )  # fmt: skip
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    try:
        asyncio.run(until_stopped(options.folder, Ports(*options.ports)))
    except CannotStart as error:
        sys.exit(f"make run: {error}")


if __name__ == "__main__":
    main()
