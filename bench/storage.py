"""What a million events cost to store: operations, request units and dollars, by the size of messages.

Ingest, folds and the seal run in this process with the service's real stores, so that every request of
theirs to the queue, the tables and Cosmos is seen on its way out.
"""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import batched, islice

import orjson
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue.aio import QueueClient

from bench.ours import stores_of
from bench.report import progress, table, text
from bench.watch import Seen, watching
from local import demo
from local.cosmos import charges
from local.stack import Stack
from shared.ingest import ingest_message
from shared.ports import Stores
from shared.publisher import messages, queue_of
from shared.rollup import MANY, fold_day
from shared.seal import seal_marked
from tests.stack import api_of

AT_ONCE = 16  # messages that an instance handles side by side
MILLION = 1_000_000
QUEUE = "bench"
GOAL = 0.10

# List prices in US dollars as in docs/cost.md, collected 2024-2026: azure.microsoft.com/pricing/details,
# pages storage/queues, storage/tables, cosmos-db and functions.
QUEUE_OPERATION = 0.004 / 10_000
TABLE_TRANSACTION = 0.00036 / 10_000
REQUEST_UNIT = 0.25 / MILLION
EXECUTION = 0.40 / MILLION
GB_SECOND = 0.000026
GB, SECONDS = 2, 1  # of an execution: the instance, and the least that is billed

# Hosted peers, dollars for a million events more at list price, without the plan's monthly fee.
PEERS = (
    ("Langfuse Cloud", "$8 per 100,000 units, falling to $6", "langfuse.com/pricing, June 2026", 80.0),
    ("PostHog Cloud", "$0.00005 an event after the first million", "posthog.com/pricing, 2025 †", 50.0),
    ("Azure Monitor logs", "$2.76 per GB, 0.32 GB", "docs/cost.md †", 0.88),
)


@dataclass(frozen=True, slots=True)
class Found:
    """The requests of some events, in messages of a size: to take them in, and to roll them up."""

    size: int
    events: int
    ingest: Seen = field(default_factory=Seen)
    rollup: Seen = field(default_factory=Seen)


async def main() -> None:
    """Measures and prints."""
    counts = {1: 200, 10: 2_000, 100: 7_000} if "--quick" in sys.argv else {1: 1_000, 10: 6_000, 100: 30_000}
    found = []
    async with Stack() as stack, api_of(stack) as api, stores_of(stack) as stores:
        for size, count in counts.items():
            progress(f"{count} events in messages of {size}")
            customer = await api.customer()
            found.append(await measure(stack, stores, customer.id, size, count))
    tell(found)


async def measure(stack: Stack, stores: Stores, tenant_id: str, size: int, count: int) -> Found:
    """Sends, takes in, folds and seals so many events of yesterday."""
    now, found = datetime.now(UTC), Found(size, count)
    bodies = [
        text for some in batched(events(tenant_id, count, now), size, strict=False) for text in messages(some)
    ]
    async with queue_of(stack.storage, queue=QUEUE) as queue:
        await create(queue)
        for some in batched(bodies, MANY, strict=False):  # the most folds that there can be
            with watching(stack, QUEUE, found.ingest):
                await asyncio.gather(*(queue.send_message(body) for body in some))
                await take(stores, queue, now)
            with watching(stack, QUEUE, found.rollup):
                await fold_day(stores.usage, tenant_id, yesterday(now), now)
    with watching(stack, QUEUE, found.rollup):
        sealed = await seal_marked(stores, now, lambda mark: mark.tenant_id == tenant_id)
    if sealed.days != 1 or sealed.repaired:
        raise RuntimeError(f"the seal found a difference: {sealed}")
    return found


async def take(stores: Stores, queue: QueueClient, now: datetime) -> None:
    """Handles all messages that wait, as the Functions host does."""
    pages = queue.receive_messages(messages_per_page=AT_ONCE, visibility_timeout=600).by_page()
    async for page in pages:
        waiting = [message async for message in page]
        if not waiting:
            return
        receipts = await asyncio.gather(
            *(ingest_message(stores, one.content.encode(), now) for one in waiting)
        )
        if any(receipt.rejects or receipt.duplicates for receipt in receipts):
            raise RuntimeError("an event was not counted")
        await asyncio.gather(*(queue.delete_message(one) for one in waiting))


def events(tenant_id: str, count: int, now: datetime) -> Iterator[bytes]:
    """Events of the demo's kinds, as JSON, all of yesterday."""
    noon = datetime.combine(yesterday(now), time(12), UTC).isoformat()
    days = (demo.events_of_day(yesterday(now) - timedelta(days=n)) for n in range(count))
    some = islice((event for day in days for event in day), count)
    for number, event in enumerate(some):
        yield orjson.dumps({**event, "id": f"{event['id']}-{number}", "tenant_id": tenant_id, "time": noon})


def yesterday(now: datetime) -> date:
    """The day whose events are sent."""
    return now.date() - timedelta(days=1)


async def create(queue: QueueClient) -> None:
    """Makes sure that our queue is there; the host knows nothing of it."""
    try:
        await queue.create_queue()
    except ResourceExistsError:
        return


def tell(found: Sequence[Found]) -> None:
    """Prints the tables."""
    text(
        "Counted on the wire while the service's own code took events in, folded after every 64 messages",
        "(the most folds that there can be) and sealed. Dollars are list prices as in [cost](cost.md); RU",
        "follow the local endpoint's model. *Executions* counts 2 GB for the least second that is billed,",
        f"shared by the {AT_ONCE} messages that an instance handles side by side. What is kept is not in it.",
    )
    names = ("queue", "table", "cosmos")
    head = ("a million events, in messages of", *(str(one.size) for one in found))
    rows = [
        [f"{name} operations", *(f"{per_million(one, one.ingest.requests[name]):,.0f}" for one in found)]
        for name in names
    ]
    rows += [
        ["to roll up: table and cosmos operations", *(f"{rolled(one):,.0f}" for one in found)],
        ["MB sent to Cosmos", *(f"{per_million(one, sent(one)) / MILLION:,.0f}" for one in found)],
        ["RU to store", *(f"{per_million(one, one.ingest.charge):,.0f}" for one in found)],
        ["RU to roll up", *(f"{per_million(one, one.rollup.charge):,.0f}" for one in found)],
        ["**storage, USD**", *(f"**{dollars(one):.3f}**" for one in found)],
        ["executions, USD", *(f"{executions(one):.2f}" for one in found)],
        ["**together, USD**", *(f"**{dollars(one) + executions(one):.3f}**" for one in found)],
        ["one document an event: RU", *[f"{MILLION * document_charge():,.0f}"] * len(found)],
        [
            "one document an event: USD for its RU",
            *[f"{MILLION * document_charge() * REQUEST_UNIT:.2f}"] * len(found),
        ],
    ]
    table(head, rows)
    verdict = "met" if dollars(found[-1]) < GOAL else "not met"
    text(f"Goal: storage under ${GOAL:.2f} a million at 100 a message: **{verdict}**.")
    table(
        ("hosted peer", "list price", "source", "USD a million"),
        [(name, price, source, f"{amount:.2f}") for name, price, source, amount in PEERS],
    )
    text("† not confirmed by a source.")


def per_million(found: Found, number: float) -> float:
    """What it would be for a million events."""
    return number * MILLION / found.events


def rolled(found: Found) -> float:
    """The operations of folds and the seal for a million events."""
    return per_million(found, found.rollup.requests.total())


def sent(found: Found) -> int:
    """Bytes sent to Cosmos in all."""
    return found.ingest.sent + found.rollup.sent


def dollars(found: Found) -> float:
    """What queue, tables and Cosmos cost for a million events."""
    requests = found.ingest.requests + found.rollup.requests
    units = found.ingest.charge + found.rollup.charge
    tables, queue = requests["table"] * TABLE_TRANSACTION, requests["queue"] * QUEUE_OPERATION
    return per_million(found, queue + tables + units * REQUEST_UNIT)


def executions(found: Found) -> float:
    """What the functions cost for a million events."""
    one = EXECUTION + GB * SECONDS * GB_SECOND / AT_ONCE
    return one * MILLION / found.size


def document_charge() -> float:
    """Request units to store one event as a document of its own, and to read it once for a rollup."""
    size = len(next(events("contoso", 1, datetime.now(UTC))))
    return charges.write(size) + size / 1024 * 9 / 99


if __name__ == "__main__":
    asyncio.run(main())
