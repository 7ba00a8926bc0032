"""A world with prices: what events cost, and what a repricing makes of it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from hypothesis import strategies as st

from shared import audit
from shared.audit import Record
from shared.catalogue import Primitive
from shared.columns import DAY, USER
from shared.days import Period, day_of
from shared.errors import Busy
from shared.events import list_events
from shared.pricing import Price, PriceBook
from shared.query import EventPageQuery
from shared.reading import read
from shared.reprice import DayChange, Repricing
from shared.table import Question
from tests.events import Event, event
from tests.fakes import NOW, Process, Stopped
from tests.shared.sealing import ALL, FEBRUARY, World

TODAY = NOW.date()
START = date(2026, 1, 1)
EARLY = date(2026, 2, 10)  # of a day long ended, in a month that is over
TOKENS = {"ai.chat": ("input_usd", "output_usd"), "ai.embed": ("input_usd",)}


def price(primitive: Primitive, usd: str, **fields: Any) -> Price:  # noqa: ANN401
    """A price of all of a primitive since January; output tokens cost four times as much as input."""
    names = TOKENS.get(primitive, ("unit_usd",))
    amounts = dict(zip(names, (Decimal(usd), Decimal(usd) * 4), strict=False))
    return Price(primitive=primitive, **{"valid_from": START, **amounts, **fields})


BOOKS: tuple[list[Price], ...] = (
    [],
    [price("ai.chat", "0.15"), price("phone.sms", "0.0079")],
    [price("ai.chat", "2.5"), price("ai.chat", "0.333333", model="a"), price("ai.embed", "0.02")],
    [
        price("ai.chat", "1", valid_until=date(2026, 3, 1)),
        price("ai.chat", "3", valid_from=date(2026, 3, 5)),
        price("phone.sms", "0.000000001"),
        price("ai.chat", "0.7", model="b", tenant_id="contoso"),
    ],
)


def nano_of(prices: Sequence[Price], one: Event) -> Decimal | None:
    """What an event costs in plain decimals, in USD to nine places; None without a price."""
    day = datetime.fromisoformat(one["time"]).astimezone(UTC).date()
    fitting = [
        some
        for some in prices
        if some.primitive == one["primitive"] and some.applies(one.get("provider"), one.get("model"), day)
    ]
    if not fitting:
        return None
    best = max(fitting, key=lambda some: (some.tenant_id or "", some.model or "", some.valid_from))
    if best.unit_usd is not None:
        exact = best.unit_usd * Decimal(one["quantity"])
    else:
        amounts = ((best.input_usd, one["input_tokens"]), (best.output_usd, one.get("output_tokens", 0)))
        exact = sum(((usd or 0) * count for usd, count in amounts), Decimal()) / 1_000_000
    return exact.quantize(Decimal("1e-9"), ROUND_HALF_EVEN)


def counted(prices: Sequence[Price], one: Event) -> Event:
    """The event with the cost with which it has to be counted, if it has one."""
    usd = None if "cost_usd" in one else nano_of(prices, one)
    return one if usd is None else {**one, "cost_usd": f"{usd:f}"}


def numbered(number: int, hours: int) -> Event:
    """An event of that many hours ago: every sixth comes with its cost, some are not of tokens."""
    kinds: list[dict[str, Any]] = [
        {"input_tokens": 11 * number, "output_tokens": 7},
        {"input_tokens": number, "output_tokens": 0, "model": "a"},
        {"primitive": "ai.embed", "output_tokens": None, "quantity": 2, "model": "b"},
        {
            "primitive": "phone.sms",
            "model": None,
            "input_tokens": None,
            "output_tokens": None,
            "quantity": "1.5",
        },
        {"model": "b"},
    ]
    own = {"cost_usd": f"0.00000000{number % 10}"} if number % 6 == 0 else {}
    return event(
        f"e{number}",
        time=(NOW - timedelta(hours=hours, minutes=number % 60)).isoformat(),
        user={"id": f"user{number % 3}"},
        **kinds[number % len(kinds)],
        **own,
    )


@dataclass
class Market(World):
    """A tenant whose prices change; `sent` has the events as they are to be counted."""

    prices: Sequence[Price] = ()
    raw: dict[str, Event] = field(default_factory=dict)

    def price(self, prices: Sequence[Price]) -> None:
        """A new price book: for events to come, and for repricing."""
        self.prices = prices
        self.cloud.book = PriceBook(prices, lambda *_: None)

    async def ingest(self, *events: Event) -> None:
        """A message of events that nobody has sent yet."""
        await super().ingest(*events)
        self.raw |= {one["id"]: one for one in events}
        self.sent[-len(events) :] = [counted(self.prices, one) for one in events]

    async def reprice(
        self, period: Period = ALL, process: Process | None = None, *, dry_run: bool = False
    ) -> tuple[Record, list[DayChange]]:
        """Reprices the period at the price book of the moment."""
        stores = self.cloud.stores(process or self.process())
        run = Repricing(stores, self.tenant, self.cloud.book, self.cloud.now, dry_run)
        found = await run.run(period, "a note")
        if not dry_run:
            self.sent = [
                counted(self.prices, self.raw[one["id"]])
                if day_of(datetime.fromisoformat(one["time"]), self.tenant.zone) in period
                else one
                for one in self.sent
            ]
        return found

    async def check_events(self) -> None:
        """The list of single events says what is counted of each."""
        question = Question(self.tenant, ALL, self.cloud.now)
        found = await list_events(self.cloud.stores(), question, EventPageQuery(limit=1_000))
        costs = {one["id"]: Decimal(one["cost_usd"]) if "cost_usd" in one else None for one in self.sent}
        assert {row["id"]: row["cost_usd"] for row in found["data"]} == costs

    async def records(self) -> list[Record]:
        """What is kept of the runs."""
        return await audit.records(self.cloud.stores().usage, "contoso")


# --- anything in any order

HOURS = st.one_of(st.integers(0, 3), st.integers(0, 25 * 24))
BOOK = st.sampled_from(BOOKS)
STEP = st.one_of(
    st.tuples(st.just("ingest"), st.lists(HOURS, min_size=1, max_size=5)),
    st.tuples(st.just("prices"), BOOK),
    st.tuples(st.just("reprice"), st.sampled_from([ALL, FEBRUARY, Period(TODAY, TODAY)])),
    st.tuples(st.just("kill"), st.tuples(st.integers(1, 60), st.booleans(), st.booleans())),
    st.tuples(st.just("race"), st.lists(HOURS, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["fold", "settle"]), st.none()),
    st.tuples(st.just("wait"), st.sampled_from([1, 301, 3_600])),
)


async def interrupted(world: Market, process: Process) -> list[DayChange]:
    """A run that may be stopped; the world's truth is as if it had not been there."""
    run = Repricing(world.cloud.stores(process), world.tenant, world.cloud.book, world.cloud.now)
    with suppress(Busy, Stopped):
        return (await run.run(ALL))[1]
    return []


async def persistent(world: Market) -> None:
    """A run that is repeated while it is overtaken."""
    for _ in range(20):
        try:
            await world.reprice()
        except Busy:
            continue
        return


# --- killed anywhere


async def same_in_all_views(world: Market) -> None:
    """No view sees half a day, nor days in other states than another view does."""
    sums = [
        (await read(world.cloud.stores(), "contoso", ALL, names)).cube.totals()
        for names in ((), (DAY,), (DAY, "model"), (USER,), (DAY, USER))
    ]
    assert sums == [sums[0]] * len(sums)


async def two_days() -> Market:
    """Some events in February and some today, sealed and merged."""
    world = Market()
    world.price(BOOKS[1])
    early = (TODAY - EARLY).days * 24
    await world.ingest(*(numbered(n, early) for n in range(4)), *(numbered(n, 0) for n in range(4, 8)))
    await world.settle()
    return world
