"""`make run`: the whole service on this machine, with a demo tenant whose history ends now."""

import argparse
import asyncio
import json
import signal
import sys
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from os.path import relpath
from pathlib import Path
from typing import Any

import aiohttp
from tqdm import tqdm

from dashboard.build import CannotBuild
from dashboard.build import build as build_dashboard
from local import demo
from local.env import FILE, FOLDER, write_env
from local.import_history import import_rows
from local.stack import MASTER_KEY, OPERATOR_KEY, CannotStart, Ports, Stack
from shared.days import billing_month, day_of, months_before, start_of
from shared.publisher import Publisher, queue_of
from shared.quota import quota
from shared.services import build
from shared.snapshots import snapshot_of

PORTS = (7071, 8081, 10000, 10001, 10002, 1025, 8025)
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
        self._keep(since=self._done.get("since", self._today.isoformat()))
        await self._put_tenant()
        prices = [
            {"primitive": primitive, "valid_from": "2020-01-01", "unit_usd": str(usd)}
            for primitive, usd in demo.unit_prices().items()
        ]
        await self._operator("POST", "prices", {"prices": prices})
        if "key" not in self._done:
            scopes = {"name": "demo", "scopes": ["read", "ingest", "alerts"]}
            path = f"tenants/{demo.TENANT_ID}/keys"
            self._keep(key=(await self._operator("POST", path, scopes))["key"])

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
        await self._put_tenant()
        await self._recall_projections(last)

    async def set_alerts(self) -> None:
        """A rule that calls this machine; done once.

        The address has the rule's id in it, so the rule is switched on in a second step.
        """
        if "rule" in self._done:
            return
        rule = demo.rule(f"{self._stack.outside}/hooks/{demo.TENANT_ID}")
        made = await self._ask("POST", "usage/alerts", self.key, rule | {"enabled": False})
        rule = demo.rule(f"{self._stack.outside}/hooks/{demo.TENANT_ID}/{made['id']}")
        await self._ask("PUT", f"usage/alerts/{made['id']}", self.key, rule)
        self._keep(rule=made["id"])

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
                if pulse == 0:
                    await self._look_at_alerts()

    async def _recall_projections(self, last: date) -> None:
        """How the quota stood when each day of the billing month ended, as the timer would have kept it."""
        services = build(self._stack.service_settings)
        (tenant,) = [one for one in await services.tenants.all() if one.id == demo.TENANT_ID]
        day = billing_month(self._today, tenant.billing_day).first
        while day <= last:
            day += timedelta(days=1)
            now = start_of(day, demo.ZONE) - timedelta(seconds=1)
            snapshot = snapshot_of(await quota(services.stores, tenant, now))
            await services.snapshots.save(tenant.id, snapshot)
        await services.close()

    def _keep(self, **done: str) -> None:
        self._done |= done
        self._file.write_text(json.dumps(self._done))

    async def _look_at_alerts(self) -> None:
        """Runs their timer now, so that nobody has to wait for it; should that fail, it comes by itself."""
        url = f"{self._stack.url}/admin/functions/evaluate_alerts"
        headers = {"x-functions-key": MASTER_KEY}
        with suppress(aiohttp.ClientError):
            async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as session:
                await session.post(url, json={})

    async def _put_tenant(self) -> None:
        """The tenant as it was when the demo began. Until its past is there it has no limits to pass."""
        tenant = demo.tenant(date.fromisoformat(self._done["since"]))
        if "published_until" not in self._done:
            tenant["tier"] = {}
        await self._operator("PUT", f"tenants/{tenant.pop('id')}", tenant)

    async def _operator(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._ask(method, f"operator/{path}", OPERATOR_KEY, body)

    async def _ask(self, method: str, path: str, key: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key}"}
        url = f"{self._stack.url}/api/{path}"
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
    mine["OUTSIDE_URL"] = stack.outside
    write_env(mine | stack.environment, file)
    print(f"\nUsage Analytics runs at {stack.url}: open it, and sign in with the API key.\n")
    print(f"  API key  {demonstration.key}\n  Mails    {stack.outside} (webhooks and tickets, too)")
    print(f"  Try it   {curl}\n")
    print(f"For scripts: {relpath(file)}. Ctrl-C stops everything.", flush=True)


async def run(folder: Path, ports: Ports) -> None:
    """Builds the page, starts everything, then waits for Ctrl-C."""
    build_dashboard()
    async with Stack(folder=folder, ports=ports) as stack:
        demonstration = Demo(stack, folder)
        await demonstration.prepare()
        await demonstration.load_history()
        await demonstration.set_alerts()
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
        "--ports", type=int, nargs="+", default=PORTS, metavar="PORT",
        help="of the host, Cosmos, blobs, queues, tables, mails and their page; 0, and those not given, "
        "take a free one (%(default)s)",
    )  # fmt: skip
    options = parser.parse_args()
    if len(options.ports) > len(PORTS):
        parser.error(f"--ports: there are {len(PORTS)} ports")
    options.folder.mkdir(exist_ok=True)
    try:
        asyncio.run(until_stopped(options.folder, Ports(*options.ports)))
    except (CannotStart, CannotBuild) as error:
        sys.exit(f"make run: {error}")


if __name__ == "__main__":
    main()
