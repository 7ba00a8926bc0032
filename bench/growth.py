"""What grows with events a day, users, days and tenants, and what does not: in operations and bytes."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import log
from uuid import uuid4

import orjson

from bench.data import Traffic
from bench.ours import merge_months, moved, save_day, stores_of
from bench.report import progress, table, text
from bench.watch import Seen, watching
from local.stack import Stack
from shared.days import Period
from shared.ingest import ingest_message
from shared.ports import Stores
from shared.query import ViewQuery
from shared.rollup import fold_day
from shared.table import Question, list_view
from shared.tenants import Tenant
from tests.events import event
from tests.stack import Api, api_of

FLAT = 0.1  # power
VIEWS = ("by-feature", "daily", "by-user", "by-user again")
MESSAGE = 10  # events
MONTH = 30

type Size = tuple[int, int, int]
"""Operations on the stores, bytes received from Cosmos and sent to it, and request units."""


@dataclass(frozen=True, slots=True)
class Series:
    """The sizes of some work while one thing grows."""

    work: str
    grows: str
    values: Sequence[int]
    sizes: Sequence[Size]

    @property
    def powers(self) -> tuple[float, float]:
        """With which power of what grows operations and bytes grow, from end to end: 0 is flat, 1 in step."""
        span = log(self.values[-1] / self.values[0])
        first, last = self.sizes[0], self.sizes[-1]
        return log(last[0] / first[0]) / span, log(last[1] / first[1]) / span


async def main() -> None:
    """Measures and prints."""
    steps = 3 if "--quick" in sys.argv else 4
    async with Stack() as stack, api_of(stack) as api, stores_of(stack) as stores:
        progress("events a day, users, days")
        by_events = [traffic(value, 200) for value in (1_000, 10_000, 100_000, 1_000_000)[:steps]]
        by_users = [traffic(20_000, value) for value in (10, 100, 1_000, 10_000)[:steps]]
        found = [
            *await of_traffic(stack, stores, "events a day", [one.events for one in by_events], by_events),
            *await of_traffic(stack, stores, "users", [one.people for one in by_users], by_users),
            *await of_days(stack, stores, (7, 30, 90, 365)[:steps]),
        ]
        progress("tenants, messages")
        found += await of_tenants(stack, stores, api, (1, 5, 10, 50)[:steps])
        found += await of_messages(stack, stores, api, (1, 10, 60, 600)[:steps])
    tell(found)


def traffic(events: int, people: int) -> Traffic:
    """A tenant of its own."""
    return Traffic(f"growth-{uuid4().hex[:8]}", events, people)


async def of_traffic(
    stack: Stack, stores: Stores, grows: str, values: Sequence[int], traffics: Sequence[Traffic]
) -> list[Series]:
    """The views of 30 days of each traffic."""
    for one in traffics:
        await fill(stores, one, MONTH)
    return [
        Series(
            f"{view}, {MONTH} days", grows, values,
            [await view_size(stack, stores, view, one.name, MONTH) for one in traffics],
        )
        for view in VIEWS
    ]  # fmt: skip


async def of_days(stack: Stack, stores: Stores, values: Sequence[int]) -> list[Series]:
    """The views, by the days of their period; months that have ended are merged."""
    tenant = traffic(2_000, 50)
    await fill(stores, tenant, max(values))
    return [
        Series(
            view,
            "days",
            values,
            [await view_size(stack, stores, view, tenant.name, value) for value in values],
        )
        for view in VIEWS
    ]


async def of_tenants(stack: Stack, stores: Stores, api: Api, values: Sequence[int]) -> list[Series]:
    """One tenant's work, by how many others there are with as much usage."""
    ingests, reads, tenants = [], [], 0
    customer = await api.customer()
    await ingest_size(stack, stores, customer.id)  # what is read once a minute has been read
    for value in values:
        while tenants < value - 1:
            other = await api.customer()
            await ingest_size(stack, stores, other.id)
            tenants += 1
        ingests.append(await ingest_size(stack, stores, customer.id))
        await fold_day(stores.usage, customer.id, datetime.now(UTC).date(), datetime.now(UTC))
        await view_size(stack, stores, "by-feature", customer.id, MONTH)  # now the fold is known
        reads.append(await view_size(stack, stores, "by-feature", customer.id, MONTH))
    return [
        Series(f"ingest of a message of {MESSAGE} events", "tenants", values, ingests),
        Series("by-feature, 30 days", "tenants", values, reads),
    ]


async def of_messages(stack: Stack, stores: Stores, api: Api, values: Sequence[int]) -> list[Series]:
    """A tenant's work, by how many messages of the day have come and been folded before."""
    customer, today = await api.customer(), datetime.now(UTC).date()
    ingests, folds, reads, done = [], [], [], 0
    await ingest_size(stack, stores, customer.id)
    for value in values:
        while done < value:
            await ingest_size(stack, stores, customer.id)
            done += 1
        await fold_day(stores.usage, customer.id, today, datetime.now(UTC))
        ingests.append(await ingest_size(stack, stores, customer.id))
        with watching(stack, "-", Seen()) as seen:
            await fold_day(stores.usage, customer.id, today, datetime.now(UTC))
        folds.append(size_of(seen))
        await view_size(stack, stores, "by-feature", customer.id, MONTH)  # now the fold is known
        reads.append(await view_size(stack, stores, "by-feature", customer.id, MONTH))
        done += 1
    return [
        Series(f"ingest of a message of {MESSAGE} events", "messages of the day before", values, ingests),
        Series("fold of one more message", "messages of the day before", values, folds),
        Series("by-feature, 30 days", "messages of the day before", values, reads),
    ]


async def fill(stores: Stores, traffic: Traffic, days: int) -> None:
    """Stores the days up to today, all alike."""
    today = datetime.now(UTC).date()
    cube = traffic.day(0, today).cube()
    for n in range(days):
        await save_day(stores, traffic.name, today - timedelta(days=n), moved(cube, -n), sealed=True)
    await merge_months(stores, traffic.name, today - timedelta(days=days - 1), today)


async def view_size(stack: Stack, stores: Stores, view: str, tenant_id: str, days: int) -> Size:
    """What one answer asks of the stores; `again` one that was given a moment ago."""
    now = datetime.now(UTC)
    period = Period(now.date() - timedelta(days=days - 1), now.date())
    with watching(stack, "-", Seen()) as seen:
        await list_view(
            stores,
            view.removesuffix(" again"),
            Question(Tenant(id=tenant_id, name="Grown"), period, now),
            ViewQuery(),
        )
    return size_of(seen)


async def ingest_size(stack: Stack, stores: Stores, tenant_id: str) -> Size:
    """What a new message asks of the stores."""
    now = datetime.now(UTC)
    events = [event(uuid4().hex, tenant_id=tenant_id, time=now.isoformat()) for _ in range(MESSAGE)]
    with watching(stack, "-", Seen()) as seen:
        receipt = await ingest_message(stores, orjson.dumps({"events": events}), now)
    if receipt.accepted != MESSAGE:
        raise RuntimeError(f"the message was not counted: {receipt}")
    return size_of(seen)


def size_of(seen: Seen) -> Size:
    """The size of work that has been seen."""
    return seen.requests.total(), seen.received + seen.sent, round(seen.charge)


def tell(found: Sequence[Series]) -> None:
    """Prints the tables, one for each thing that grows."""
    text(
        "Of each: operations on the stores / KB from and to Cosmos / request units. The last columns say",
        "with which power of the growing thing they grow from end to end:",
        f"up to {FLAT} is flat (numbers of more digits), 1 is in step with it.",
    )
    for grows in dict.fromkeys(one.grows for one in found):
        some = [one for one in found if one.grows == grows]
        rows = [
            [
                one.work,
                *(f"{ops} / {size / 1024:,.0f} / {units:,}" for ops, size, units in one.sizes),
                *map(shown, one.powers),
            ]
            for one in some
        ]
        table((grows, *(f"{value:,}" for value in some[0].values), "operations", "bytes"), rows)


def shown(power: float) -> str:
    """A power, and whether it stands for flat."""
    return f"{power:.2f}" if power > FLAT else "**flat**"


if __name__ == "__main__":
    asyncio.run(main())
