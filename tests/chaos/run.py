"""A chaos run: a plan is sent while everything fails; then whatever was stored is held to a recount."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import aiohttp
from azure.core.exceptions import AzureError
from azure.storage.queue.aio import QueueClient

from local.stack import OPERATOR_KEY, Stack
from shared.each import each
from shared.publisher import queue_of
from shared.seal import seal_marked
from shared.services import Services, build
from shared.stores.schema import POISON_QUEUE
from tests.chaos.check import check_rejects, check_stores, check_tenant
from tests.chaos.fire import FAULTS, Fire
from tests.chaos.plan import Message, Plan, make_plan
from tests.chaos.recount import PRICES, Recount, recount
from tests.stack import Api, Customer, api_of, eventually

SENDERS = 6
LEASE = 3  # seconds until the messages of a killed host come back, and of a failed function:
SOON = {"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:03"}
PAUSE = 0.3  # seconds until what failed is tried again
PATIENCE = 120.0  # seconds for what waits when nothing fails any more
AT_ONCE = 4  # tenants that are checked
TAKEN = (202, 400)
SEALED = timedelta(hours=52)  # so much later all days have ended, also those by a clock that was ahead
AGAIN, POISON = "message sent again", "poison message replayed"


@dataclass(slots=True)
class Run:
    """A run: what is sent, what has to come of it, and what happened."""

    seed: int
    plan: Plan
    expected: Recount
    api: Api
    fire: Fire
    customers: dict[str, Customer] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """All differences, and the faults that have not happened."""
        return self.differences + [f"never: {name}" for name in FAULTS if not self.fire.counts[name]]

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Notes how long a phase takes."""
        begun = monotonic()
        yield
        self.seconds[phase] = monotonic() - begun

    async def prepare(self) -> None:
        """Tenants, keys and prices, and a second host."""
        listed = [{"valid_from": "2020-01-01", **price} for price in PRICES]
        await self.api.operate("POST", "prices", {"prices": listed})
        for name, zone in self.plan.zones.items():
            self.customers[name] = await self.api.customer(name, time_zone=zone.key)
        if self.api.stack.host:
            self.fire.hosts += [self.api.stack.host, await self.api.stack.start_host()]

    async def send(self, seconds: float) -> None:
        """Sends the plan within so many seconds at best; each message until it is taken."""
        messages = iter(self.plan.messages)
        pause = seconds / len(self.plan.messages) * SENDERS
        async with asyncio.TaskGroup() as group:
            for number in range(SENDERS):
                random = Random(f"{self.seed} sender {number}")
                group.create_task(self._send_some(messages, pause, random))

    async def drain(self) -> None:
        """Waits until no message is left; what became a poison message is replayed."""
        await eventually(self._waiting, 0, PATIENCE)
        for reject in await rejects(self.api):
            if reject["errors"][0]["reason"].startswith("could not be handled"):
                await self.api.ask("POST", f"operator/rejects/{reject['id']}/replay", OPERATOR_KEY)
                self.counts[POISON] += 1

    async def check(self, services: Services) -> None:
        """Notes all differences between what is stored or shown and the recount."""
        self.differences += await check_stores(services, self.expected)
        listed = [one for one in await rejects(self.api) if one["status"] == "open"]
        self.differences += check_rejects(listed, self.expected)
        zones = self.plan.zones

        async def check(customer: Customer) -> list[str]:
            return await check_tenant(services, customer, zones[customer.id], self.expected)

        for told in await each(self.customers.values(), check, AT_ONCE):
            self.differences += told
        repaired = [line for line in self.log() if "repaired" in line]
        self.differences += [f"a seal found a difference: {line}" for line in repaired]

    async def seal(self, services: Services) -> None:
        """Seals all days, as at a time when they have ended."""
        sealed = await seal_marked(services.stores, datetime.now(UTC) + SEALED)
        self.differences += [f"the last seal found a difference: {day}" for day in sealed.repaired]

    def log(self) -> list[str]:
        """What the hosts logged."""
        return (self.fire.folder / "log").read_text().splitlines()

    async def _waiting(self) -> int:
        """How many messages are left, in the queue and as poison."""
        count = await self.api.waiting()
        async with queue_of(self.api.stack.storage, queue=POISON_QUEUE) as queue:
            return count + ((await queue.get_queue_properties()).approximate_message_count or 0)

    async def _send_some(self, messages: Iterator[Message], pause: float, random: Random) -> None:
        async with queue_of(self.api.stack.storage) as queue:
            for message in messages:
                await asyncio.sleep(pause)
                while not await self._send(queue, message, random):
                    self.counts[AGAIN] += 1
                    await asyncio.sleep(PAUSE)

    async def _send(self, queue: QueueClient, message: Message, random: Random) -> bool:
        """Whether the message was surely taken; if not, it may have been."""
        try:
            if message.client is None:
                await queue.send_message(message.wire.decode())
                return True
            url = f"{random.choice(self.fire.hosts).url}/api/usage/events"
            key = {"Authorization": f"Bearer {self.customers[message.client].key}"}
            async with self.fire.session.post(url, data=message.wire, headers=key) as response:
                return response.status in TAKEN
        except (AzureError, aiohttp.ClientError, TimeoutError):
            return False


async def rejects(api: Api) -> list[dict[str, Any]]:
    """All rejects that an operator reads."""
    found: list[dict[str, Any]] = []
    while page := await api.rejects(limit=1000, offset=len(found)):
        found += page
    return found


async def run(*, seed: int, events: int, tenants: int, seconds: float, pace: float = 1.0) -> Run:
    """One whole run; what is not right is in `wrong`. See `Fire` for the pace."""
    plan = make_plan(seed, datetime.now(UTC), events, tenants)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "clock").write_text("0")
        stack = Stack(folder=folder, lease=LEASE, program=("tests.chaos.host", name), settings=SOON)
        async with stack, api_of(stack) as api:
            timeout = aiohttp.ClientTimeout(total=20)
            async with aiohttp.ClientSession(timeout=timeout) as session:
                fire = Fire(stack, session, folder, seed, pace)
                return await _burn(Run(seed, plan, recount(plan), api, fire), seconds)


async def _burn(one: Run, seconds: float) -> Run:
    services = build(one.api.stack.service_settings)
    try:
        with one.timed("prepare"):
            await one.prepare()
        with one.timed("send under fire"):
            sending = asyncio.create_task(one.send(seconds))
            async with one.fire.burning():
                await asyncio.wait((sending,), timeout=2 * seconds)
                await one.fire.spread()
        with one.timed("send what is left"):
            await sending
        with one.timed("drain"):
            await one.drain()
        with one.timed("seal"):
            await one.seal(services)
        with one.timed("check"):
            await one.check(services)
    finally:
        await services.close()
    return one
