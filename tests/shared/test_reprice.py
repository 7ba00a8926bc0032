"""Repricing: afterwards every view is the recount of all events at the new prices, to the nano-dollar."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import audit
from shared.audit import Record
from shared.catalogue import Primitive
from shared.columns import DAY, USER
from shared.days import Period, day_of
from shared.errors import Busy, Conflict
from shared.events import list_events
from shared.pricing import Price, PriceBook
from shared.query import EventPageQuery
from shared.rates import Rates
from shared.reading import read
from shared.reprice import DayChange, Repricing
from shared.rollup import read_rollup
from shared.seal import seal_marked
from shared.table import Question
from tests.events import Event, event
from tests.fakes import NOW, Interrupted, Process, Stopped
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


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia", "America/New_York"]),
    steps=st.lists(STEP, min_size=2, max_size=9),
    seed=st.integers(0, 2**32),
)
async def test_views_are_the_recount_at_the_prices_that_were_applied(
    zone: str, steps: list[tuple[str, object]], seed: int
) -> None:
    """Through folds, seals, months, late events, kills and races; what is sealed again stays repriced."""
    world, number = Market(zone, Random(seed)), 0
    world.price(BOOKS[1])

    def fresh(hours: list[int]) -> list[Event]:
        nonlocal number
        number += len(hours)
        return [numbered(number - index, hour) for index, hour in enumerate(hours)]

    for name, value in steps:
        match name, value:
            case "ingest", list():
                await world.ingest(*fresh(value))
            case "prices", list():
                world.price(value)
            case "reprice", Period():
                await world.reprice(value)
            case "kill", (int() as stop_at, bool() as after, bool() as dies):
                await interrupted(world, Process(stop_at, after=after, dies=dies))
                await world.reprice()
            case "race", list():
                await asyncio.gather(
                    world.seal(), world.ingest(*fresh(value)), persistent(world), world.fold()
                )
                await persistent(world)
            case "fold", _:
                await world.fold()
            case "settle", _:
                await world.settle()
            case _:
                world.cloud.wait(value if isinstance(value, int) else 0)
        await world.check()
    world.cloud.wait(61)
    await world.settle()
    await world.check_done()
    await world.check_events()


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


@pytest.mark.parametrize(("after", "dies", "settled"), [(True, True, True), (False, False, False)])
async def test_a_run_stopped_anywhere_is_completed_by_its_repetition(
    after: bool, dies: bool, settled: bool
) -> None:
    """Whole days are repriced or not; repeated, the run leaves what an uninterrupted one does."""
    stop_at, stopped = 0, True
    while stopped:
        stop_at += 1
        world = await two_days()
        if not settled:
            await world.ingest(numbered(8, 0), numbered(9, 24))
        world.price(BOOKS[2])
        process = Process(stop_at, after=after, dies=dies)
        await interrupted(world, process)
        stopped = process.steps >= stop_at
        await same_in_all_views(world)
        repriced = [str(one["day"]) for one in world.cloud.kind("totals") if one["tariff"]]
        told = [one.through for one in await world.records() if one.through]
        assert not repriced or max(repriced) <= str(max(told))
        await world.reprice()
        await world.check()
        record, _ = await world.reprice()
        assert record.answer()["totals"]["delta_usd"] == 0
        world.cloud.wait(61)
        await world.settle()
        await world.check_done()
    assert stop_at > 15


@pytest.mark.parametrize("stopped", [True, False])
@pytest.mark.parametrize("other", ["seal", "ingest"])
async def test_a_run_overtaken_anywhere_stays_exact(other: str, stopped: bool) -> None:
    """A round of the timer, or an event that comes, between any two operations; also if the later fails."""
    at, overtaken = 0, True
    while overtaken:
        at += 1
        world = await two_days()
        world.price(BOOKS[2])

        async def others(world: Market = world) -> None:
            if other == "ingest":
                await world.ingest(numbered(9, 0))
            else:
                world.cloud.wait(61)
                await world.seal()

        process = Interrupted(at, others)
        process.stop_at, process.after = at * stopped, True
        days = await interrupted(world, process)
        assert {one.source for one in days} <= {"segments"}
        overtaken = process.left <= 0
        if stopped:
            await world.reprice()
        else:
            world.sent = [counted(world.prices, world.raw[one["id"]]) for one in world.sent]
        await world.check()
        world.cloud.wait(61)
        await world.settle()
        await world.check_done()
    assert at > 15


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


# --- what it says


async def test_a_dry_run_says_what_the_run_does_and_changes_nothing() -> None:
    """Before, after and the difference, by what is priced; the days too."""
    world = await two_days()
    world.price(BOOKS[2])
    dry, dry_days = await world.reprice(dry_run=True)
    await world.check()
    assert await world.records() == []
    record, days = await world.reprice()
    assert days == dry_days
    assert [one.day for one in days] == [EARLY, TODAY]
    assert {one.source for one in days} == {"segments"}
    assert dry.answer()["id"] is None
    assert dry.changes == record.changes
    rows = {(row["primitive"], row["model"]): row for row in record.answer()["data"]}
    assert rows["phone.sms", None]["before_usd"] == Decimal("0.01185")
    assert rows["phone.sms", None]["after_usd"] is None
    assert rows["phone.sms", None]["delta_usd"] == Decimal("-0.01185")
    assert (rows["phone.sms", None]["unpriced_before"], rows["phone.sms", None]["unpriced_after"]) == (0, 1)
    assert (rows["ai.embed", "b"]["before_usd"], rows["ai.embed", "b"]["unpriced_after"]) == (None, 0)
    assert await world.records() == [record]
    assert (record.state, record.note, record.by, record.exact) == ("done", "a note", "operator", True)


async def test_a_price_list_for_the_past_prices_what_was_unpriced() -> None:
    """What no price was known for has one afterwards; a second run finds nothing to do and writes no day."""
    world = Market()
    world.price([])
    await world.ingest(*(numbered(n, n * 20) for n in range(1, 6)))
    world.price([*BOOKS[1], price("ai.embed", "0.02")])
    record, _ = await world.reprice()
    totals = record.answer()["totals"]
    assert (totals["before_usd"], totals["unpriced_before"], totals["unpriced_after"]) == (None, 5, 0)
    await world.check()
    stamps = {one["id"]: one["_etag"] for one in world.cloud.kind("totals")}
    again, _ = await world.reprice()
    assert again.answer()["totals"]["delta_usd"] == 0
    assert again.through is None
    assert {one["id"]: one["_etag"] for one in world.cloud.kind("totals")} == stamps
    assert len(await world.records()) == 2


async def test_an_event_keeps_the_cost_that_it_came_with() -> None:
    """Beside others of the same user, feature and model; with segments and without."""
    world = Market()
    world.price(BOOKS[1])
    own = event("own", cost_usd="0.5", input_tokens=1_000)
    await world.ingest(own, event("listed", input_tokens=2_000))
    await world.settle()
    for book, passed in ((BOOKS[2], 0), (BOOKS[1], 41 * 86_400)):
        world.price(book)
        world.cloud.wait(passed)
        await world.reprice()
        await world.check()


async def test_later_events_keep_their_own_price_on_a_repriced_day() -> None:
    """The tariff is of what was there: seal and list hold to it, whatever the prices are by now."""
    world = await two_days()
    world.price(BOOKS[2])
    await world.reprice()
    world.price(BOOKS[3])
    early = (TODAY - EARLY).days * 24
    await world.ingest(numbered(11, early), numbered(13, early))
    world.cloud.wait(61)
    await world.settle()
    await world.check_done()
    await world.check_events()


# --- without segments


@pytest.mark.parametrize(("zone", "book", "exact"), [("UTC", 1, True), ("UTC", 2, False)])
async def test_what_has_lost_its_segments_is_priced_by_its_sums(zone: str, book: int, exact: bool) -> None:
    """Exactly where no cost has to be rounded; else that is said."""
    world = Market(zone)
    world.price([])
    early = (TODAY - EARLY).days * 24
    await world.ingest(*(numbered(n, early + n % 3) for n in range(1, 9)))
    await world.settle()
    world.cloud.wait(41 * 86_400)
    world.price(BOOKS[book])
    record, days = await world.reprice()
    assert [(one.source, one.exact) for one in days] == [("rollup", exact)]
    assert record.exact == exact
    if exact:
        await world.settle()
        await world.check_done()
    else:
        truth = sum((Decimal(one.get("cost_usd", "0")) for one in world.sent), Decimal())
        assert abs((record.answer()["totals"]["after_usd"] or Decimal()) - truth) < Decimal("0.000000010")
    again, _ = await world.reprice()
    assert again.answer()["totals"]["delta_usd"] == 0


@given(
    usd=st.decimals(0, 100, places=6),
    counts=st.lists(st.tuples(*[st.integers(0, 10**6)] * 2), min_size=1, max_size=9),
)
def test_sums_cost_what_their_events_cost_or_it_is_said(usd: Decimal, counts: list[tuple[int, int]]) -> None:
    """Where rates are linear there is no difference, else it is that of rounding."""
    rates = Rates.of_tokens(input_usd=usd, output_usd=usd * 4)
    each = sum(rates.cost(*pair) for pair in counts)
    input_tokens, output_tokens = (sum(column) for column in zip(*counts, strict=True))
    together = rates.cost_of_sums(len(counts), input_tokens, output_tokens, 0, 0, 0)
    assert abs(each - together) <= (0 if rates.is_linear else len(counts))


async def test_longer_contexts_count_as_short_ones_where_only_sums_are_left() -> None:
    """The base tier applies, and the answer says that it is not exact."""
    world = Market("UTC")
    usd = {"input_usd": Decimal(1), "output_usd": Decimal(1)}
    longer = Rates.of_tokens(input_usd=Decimal(5), output_usd=Decimal(5))
    tiers = Rates.of_tokens(**usd, limit=100, longer=longer)
    await world.ingest(event("long", input_tokens=200, output_tokens=0), event("short", input_tokens=10))
    await world.settle()
    world.cloud.book = PriceBook((), lambda *_: tiers)
    record, _ = await world.reprice(dry_run=True)
    assert (record.exact, record.answer()["totals"]["after_usd"]) == (True, Decimal("0.001013"))
    world.cloud.wait(41 * 86_400)
    record, _ = await world.reprice(dry_run=True)
    assert (record.exact, record.answer()["totals"]["after_usd"]) == (False, Decimal("0.000213"))


async def test_a_price_that_changes_within_the_tenants_day_is_not_exact_on_sums() -> None:
    """The price of the day's own date applies to all of it."""
    world = Market("America/New_York")
    await world.ingest(event(input_tokens=1_000_000, output_tokens=0, time="2026-03-02T02:00:00+00:00"))
    await world.settle()
    world.cloud.wait(41 * 86_400)
    world.price(
        [
            price("ai.chat", "1", valid_until=date(2026, 3, 2)),
            price("ai.chat", "3", valid_from=date(2026, 3, 2)),
        ]
    )
    record, days = await world.reprice(dry_run=True)
    assert [(one.day, one.exact) for one in days] == [(date(2026, 3, 1), False)]
    assert record.answer()["totals"]["after_usd"] == 1


# --- what goes wrong


async def test_a_price_that_cannot_be_meant_is_refused_before_its_day_is_changed() -> None:
    """No event costs more than 10,000 USD; the message names the day."""
    world = Market()
    world.price(BOOKS[1])
    await world.ingest(event(primitive="phone.sms", input_tokens=None, output_tokens=None, quantity=5))
    world.price([price("phone.sms", "9000")])
    with pytest.raises(Conflict, match=str(TODAY)):
        await world.reprice()
    world.price(BOOKS[1])
    await world.check()
    assert [one.state for one in await world.records()] == ["running"]


async def test_a_run_gives_up_when_others_always_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """It raises Busy, and what is kept of it says that it did not end."""
    world = await two_days()
    world.price(BOOKS[2])
    stores = world.cloud.stores()

    async def lose(*_: object) -> bool:
        return False

    monkeypatch.setattr(stores.usage, "commit", lose)
    with pytest.raises(Busy):
        await Repricing(stores, world.tenant, world.cloud.book, NOW).run(ALL)
    await world.check()
    assert [one.state for one in await world.records()] == ["running"]


async def test_the_months_of_repriced_days_are_merged_anew() -> None:
    """A merged month is left alone from the first change on, and holds the new costs once it is sealed."""
    world = await two_days()
    world.price(BOOKS[2])
    await world.reprice()
    assert world.marked(FEBRUARY) == {EARLY}
    await seal_marked(world.cloud.stores(), NOW + timedelta(hours=1))
    assert not world.marked(FEBRUARY)
    assert {one["state"] for one in world.cloud.kind("mtotals")} == {"ready"}
    await world.check()
    (early, _) = sorted(map(read_rollup, world.cloud.kind("totals")), key=lambda one: one.day)
    assert early.sealed
    assert early.tariff
