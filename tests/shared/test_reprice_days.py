"""What a repricing changes, day by day: dry runs, own costs, sums without segments, months."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Busy, Conflict
from shared.pricing import PriceBook
from shared.rates import Rates
from shared.reprice import Repricing
from shared.rollup import read_rollup
from shared.seal import seal_marked
from tests.events import event
from tests.fakes import NOW
from tests.shared.market import BOOKS, EARLY, TODAY, Market, numbered, price, two_days
from tests.shared.sealing import ALL, FEBRUARY

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
