"""How long until an event is in the answer of a view, under load; and where the wall is."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import orjson

from bench.ours import stores_of
from bench.report import progress, quantile, table, text
from local.stack import Stack
from shared.ingest import ingest_message
from shared.ports import Stores
from shared.publisher import messages, queue_of
from tests import fakes
from tests.events import CONTOSO, event
from tests.fakes import Cloud, Process
from tests.stack import Customer, api_of, eventually

RATE, SIZE = 300, 10  # events a second, and in a message
PROBE_SECONDS = 0.5  # between probes: their own questions are load, too
PATIENCE = 600.0  # seconds
GOAL = 2.0  # seconds, of 99 in 100
TENANTS = 5
LATENCY = 0.010  # of an operation of the fakes: what a cloud's stores take
AT_ONCE = 16
BURST = 100  # events in a message


class Slow(Process):
    """A process all of whose operations take as long."""

    async def do[T](self, operation: Callable[[], T]) -> T:
        """One operation, after the latency."""
        await asyncio.sleep(LATENCY)
        return operation()


async def main() -> None:
    """Measures and prints."""
    seconds, burst = (5, 3_000) if "--quick" in sys.argv else (60, 20_000)
    walls = {}
    async with Stack() as stack, api_of(stack) as api, stores_of(stack) as stores:
        customers = [await api.customer() for _ in range(TENANTS)]
        await asyncio.gather(*(drain(stack, customer, BURST) for customer in customers))  # warm up
        progress(f"{RATE} events a second for {seconds} seconds")
        waits = await under_load(stack, customers, seconds)
        progress("where the wall is")
        walls["queue and Functions host, to the answer"] = await drain(stack, customers[0], burst)
        walls["ingest alone, in this process"] = await rate(stores, customers[1].id, burst)
        walls["its claims alone: Azurite's tables"] = await claim_rate(stores, customers[2].id, burst)
    in_memory = f"ingest alone, on stores in memory that take {LATENCY * 1000:.0f} ms an operation"
    walls[in_memory] = await rate_on_fakes(burst)
    tell(waits, walls)


async def under_load(stack: Stack, customers: list[Customer], seconds: float) -> list[float]:
    """The seconds from before an event is sent until after the answer that shows it, of many probes."""
    waits: list[float] = []
    async with queue_of(stack.storage) as queue, asyncio.TaskGroup() as group:

        async def probe(customer: Customer, feature: str) -> None:
            started = time.perf_counter()
            await queue.send_message(message(customer, SIZE, feature=feature, product="psa"))
            await eventually(lambda: customer.requests(feature=feature, period="7d"), SIZE, PATIENCE)
            waits.append(time.perf_counter() - started)

        async def send(customer: Customer) -> None:
            await queue.send_message(message(customer, SIZE))

        started, step, every = time.perf_counter(), SIZE / RATE, round(PROBE_SECONDS * RATE / SIZE)
        for number in range(int(seconds / step)):
            await asyncio.sleep(started + number * step - time.perf_counter())
            customer = customers[number % TENANTS]
            is_probe = number % every == 0
            group.create_task(probe(customer, f"probe-{number}") if is_probe else send(customer))
    return waits


async def drain(stack: Stack, customer: Customer, count: int) -> float:
    """Events a second that the host takes from a queue that is full."""
    bodies = [message(customer, BURST) for _ in range(count // BURST)]
    async with queue_of(stack.storage) as queue:
        expected = count + await customer.requests(period="7d")
        started = time.perf_counter()
        await asyncio.gather(*map(queue.send_message, bodies))
        await eventually(lambda: customer.requests(period="7d"), expected, PATIENCE)
    return count / (time.perf_counter() - started)


async def rate(stores: Stores, tenant_id: str, count: int) -> float:
    """Events a second of ingest, without a queue and a host."""
    now = datetime.now(UTC)
    bodies = [body(tenant_id, BURST) for _ in range(count // BURST)]
    return await timed(count, [partial(ingest_message, stores, one, now) for one in bodies])


async def claim_rate(stores: Stores, tenant_id: str, count: int) -> float:
    """Claims a second, each transaction those of a message."""
    today = datetime.now(UTC).date()
    batches = [[uuid4().hex for _ in range(BURST)] for _ in range(count // BURST)]
    return await timed(count, [partial(stores.claims.claim, tenant_id, today, some, "b") for some in batches])


async def rate_on_fakes(count: int) -> float:
    """Events a second of ingest on the tests' stores, made slow."""
    fakes.TRANSACTION = 100  # as the real store has it
    stores = Cloud(now=datetime.now(UTC), tenants={CONTOSO.id: CONTOSO}).stores(Slow())
    return await rate(stores, CONTOSO.id, count)


async def timed(count: int, work: Sequence[Callable[[], Awaitable[object]]]) -> float:
    """How many a second, where an instance does some side by side."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def run(one: Callable[[], Awaitable[object]]) -> None:
        async with slots:
            await one()

    started = time.perf_counter()
    await asyncio.gather(*map(run, work))
    return count / (time.perf_counter() - started)


def message(customer: Customer, size: int, **fields: str) -> str:
    """A message for the queue, as products send it."""
    (one,) = messages([orjson.dumps(event) for event in events(customer.id, size, **fields)])
    return one


def body(tenant_id: str, size: int) -> bytes:
    """A message as ingest is given it."""
    return orjson.dumps({"events": events(tenant_id, size)})


def events(tenant_id: str, size: int, **fields: str) -> list[dict[str, Any]]:
    """Chat requests of this moment."""
    return [
        event(uuid4().hex, tenant_id=tenant_id, time=datetime.now(UTC).isoformat(), **fields)
        for _ in range(size)
    ]


def tell(waits: Sequence[float], walls: Mapping[str, float]) -> None:
    """Prints the tables."""
    text(
        f"{RATE} events a second in messages of {SIZE}, of {TENANTS} tenants, through the queue.",
        "A probe waits from before its message is sent until an answer over HTTP has it.",
    )
    shown = [f"{quantile(waits, share):.2f} s" for share in (0.5, 0.9, 0.99, 1)]
    table(("probes", "p50", "p90", "p99", "longest"), [[len(waits), *shown]])
    verdict = "met" if quantile(waits, 0.99) < GOAL else "not met"
    text(f"Goal: p99 under {GOAL:.0f} s: **{verdict}**. Where the wall is, in messages of {BURST}:")
    table(("", "events a second"), [(name, f"{number:,.0f}") for name, number in walls.items()])


if __name__ == "__main__":
    asyncio.run(main())
