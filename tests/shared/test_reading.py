"""Readings that ask all stores at once: whole whatever happens meanwhile, and never one after the other."""

from collections.abc import Awaitable, Callable

import pytest

from shared.columns import DAY, USER
from shared.days import Period
from shared.directory import Person, erase, load, update
from shared.ingest import ingest
from shared.look import CAUGHT_UP, RECENT
from shared.reading import read, read_all
from shared.rollup import fold_day
from shared.seal import seal_marked
from shared.tenants import Tenant
from tests.events import body, event, recount
from tests.fakes import Process
from tests.shared.market import BOOKS
from tests.shared.sealing import ALL, on, summed, sums_of
from tests.shared.shop import (
    BY_DAY,
    BY_USER,
    FEBRUARY_DAY,
    MARCH_DAY,
    NUMBERS,
    TODAY,
    YESTERDAY,
    Late,
    Shop,
    fill,
    today,
)

MOST = 5  # operations that are combined

type Act = Callable[[Shop], Awaitable[object]]


async def nothing(shop: Shop) -> None:
    """As it is."""


async def late(shop: Shop) -> None:
    """An event of a day that has no mark."""
    await shop.ingest(on(YESTERDAY, next(NUMBERS)))


async def late_in_february(shop: Shop) -> None:
    """An event of a day in a merged month."""
    await shop.ingest(on(FEBRUARY_DAY, next(NUMBERS)))


async def fold(shop: Shop) -> None:
    """All that waits."""
    await shop.fold()


async def today_and_fold(shop: Shop) -> None:
    """A new state of today."""
    await today(shop)
    await shop.fold()


async def seal(shop: Shop) -> None:
    """What has ended; marks are cleared, months released, or merged."""
    shop.cloud.wait(61)
    await shop.seal()


async def seal_late(shop: Shop) -> None:
    """Only what came after the reader's last look: the marks are as they were then."""
    shop.cloud.wait(61)
    await seal_marked(shop.cloud.stores(), shop.cloud.now, lambda mark: mark.day not in (MARCH_DAY, TODAY))


async def seal_at_once(shop: Shop) -> None:
    """What has ended, however young its mark: as an import and a rebuild do."""
    await seal_marked(shop.cloud.stores(), shop.cloud.now, lambda mark: True)


async def late_and_seal_at_once(shop: Shop) -> None:
    """An import of a day without a mark."""
    await late(shop)
    await seal_at_once(shop)


async def late_and_seal(shop: Shop) -> None:
    """A day is reopened, and sealed again."""
    await late_in_february(shop)
    await seal(shop)


async def release(shop: Shop) -> None:
    """A day of a merged month is sealed, and the month not merged again."""
    await late_in_february(shop)
    shop.cloud.wait(61)
    await seal_marked(shop.cloud.stores(), shop.cloud.now, lambda mark: not mark.month)
    assert not shop.cloud.kind("mtotals")


async def reprice(shop: Shop) -> None:
    """Other prices for a day of a merged month."""
    shop.price(BOOKS[2])
    await shop.reprice(Period(FEBRUARY_DAY, FEBRUARY_DAY))


FIRST = (nothing, late, late_in_february, today_and_fold, seal)
OTHERS = (
    today,
    late,
    late_in_february,
    fold,
    today_and_fold,
    seal,
    seal_late,
    seal_at_once,
    late_and_seal_at_once,
    late_and_seal,
    release,
    reprice,
)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("names", [BY_DAY, BY_USER])
@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("first", FIRST)
async def test_a_reading_is_whole_whatever_happens_meanwhile(
    shop: Shop, first: Act, other: Act, names: tuple[str, ...], *, kept: bool
) -> None:
    """Its operations take effect before or after something else, in every combination.

    `first` happened since the reader has read last, which it has kept or not. What was stored before a
    reading began is in it, and nothing is that was not stored when it ended.
    """
    await fill(shop)
    await (shop.keep if kept else shop.read)(names)
    look = shop.look
    await first(shop)
    before, old = shop.state, shop.truth(names)
    await other(shop)
    after, new = shop.state, shop.truth(names)
    mask, begun = 0, 1
    while mask < 1 << min(begun, MOST):
        shop.set(before)
        shop.reader.looks.put("contoso", look)
        process = Late(mask, lambda: shop.set(after))
        assert await process.run(shop.read(names, process)) in (old, new)
        mask, begun = mask + 1, max(begun, process.begun)
    # with a kept reading only the marks are read while nothing is marked
    assert begun > 2 or (kept and first is nothing and other in (fold, seal_late))


async def test_a_reading_after_another_asks_everything_at_once(shop: Shop) -> None:
    """The marks, what is saved, what waits beside each marked day, who the users are: one round trip."""
    await fill(shop)
    for names in (BY_DAY, BY_USER, ("feature",), (DAY, USER)):
        await shop.read(names)
        process = Late()
        assert await shop.read(names, process) == shop.truth(names)
        assert (process.begun, process.side_by_side) == (4, True)


async def test_months_that_were_never_merged_cost_no_second_round(shop: Shop) -> None:
    """As those before a customer's first; once they are merged, readers take to them."""
    await fill(shop)
    shop.cloud.documents = {key: one for key, one in shop.cloud.documents.items() if one["kind"] != "mtotals"}
    await shop.read(BY_DAY)
    process = Late()
    assert await shop.read(BY_DAY, process) == shop.truth(BY_DAY)
    assert process.side_by_side
    await shop.cloud.stores().marks.mark_month("contoso", FEBRUARY_DAY.replace(day=1))
    await shop.seal()
    for _ in range(2):
        assert await shop.read(BY_DAY) == shop.truth(BY_DAY)
    assert not shop.look.split


async def test_a_fold_in_between_costs_no_second_round(shop: Shop) -> None:
    """What the new state does not hold is among what the one before did not."""
    await fill(shop)
    await shop.read(BY_DAY)
    await today(shop)
    await fold_day(shop.cloud.stores().usage, "contoso", TODAY, shop.cloud.now)
    await today(shop)
    process = Late()
    assert await shop.read(BY_DAY, process) == shop.truth(BY_DAY)
    assert (process.begun, process.side_by_side) == (4, True)


@pytest.mark.parametrize("age", [RECENT - 1, RECENT])
async def test_segments_are_not_asked_for_by_an_old_state(shop: Shop, age: float) -> None:
    """Many may have been folded since: those that wait are asked for when the saved state is known."""
    await fill(shop)
    await shop.read(BY_DAY)
    shop.cloud.wait(age)
    process = Late()
    assert await shop.read(BY_DAY, process) == shop.truth(BY_DAY)
    assert process.begun == 4
    assert process.side_by_side == (age < RECENT)


async def test_after_a_mark_was_cleared_the_marks_are_read_first(shop: Shop) -> None:
    """Once, also where the same days are marked again: what was saved before could be old."""
    await fill(shop)
    await shop.read(BY_DAY)
    before = shop.look.marking
    await seal_at_once(shop)
    await shop.ingest(on(MARCH_DAY, next(NUMBERS)))
    process = Late()
    assert await shop.read(BY_DAY, process) == shop.truth(BY_DAY)
    assert shop.look.marking.days.keys() == before.days.keys()
    assert process.begun > 4
    assert not process.side_by_side


async def test_tenants_share_no_look(shop: Shop) -> None:
    """What is known of one says nothing of another."""
    await fill(shop)
    await shop.read(BY_DAY)
    fabrikam = Tenant(id="fabrikam", name="Fabrikam", time_zone="UTC")
    shop.cloud.tenants["fabrikam"] = fabrikam
    sent = event("f1", tenant_id="fabrikam", time=f"{TODAY}T09:00:00+00:00", cost_usd="0.5")
    await ingest(shop.cloud.stores(), body(sent), shop.cloud.now)
    process = Late()
    found = await read(shop.reader_in(process), "fabrikam", ALL, BY_DAY)
    assert sums_of(found.cube, BY_DAY) == summed(recount([sent], fabrikam.zone), BY_DAY)
    assert process.log[:2] == ["begin", "end"]
    assert await shop.read(BY_DAY) == shop.truth(BY_DAY)


async def test_who_the_users_are_is_read_when_it_has_changed(shop: Shop) -> None:
    """Names and erasures of others show at once; as long as there are none, nothing is read for them."""
    await fill(shop)
    stores = shop.cloud.stores()
    for change in (
        lambda: update(stores, "contoso", "ann", Person("Ann", "ann@contoso.example", 1)),
        lambda: update(stores, "contoso", "bob", Person("Bob", None, 2)),
        lambda: erase(stores, "contoso", "ann"),
    ):
        await change()
        people, operations = await load(stores.usage, "contoso"), []
        for _ in range(3):
            process = Process()
            found = await read(shop.reader_in(process), "contoso", Period(TODAY, TODAY), (USER,))
            assert found.people == people
            operations.append(process.steps)
        assert operations[1:] == [3, 3] < operations[:1]
        shop.cloud.wait(CAUGHT_UP)
        await read(shop.reader, "contoso", Period(TODAY, TODAY), (USER,))
        found = await read(shop.reader_in(process := Process()), "contoso", Period(TODAY, TODAY), (USER,))
        assert (found.people, process.steps) == (people, 1)


async def test_readings_of_other_days_add_to_what_is_known(shop: Shop) -> None:
    """Each reads what is marked of its own period."""
    await fill(shop)
    for period in (Period(TODAY, TODAY), Period(MARCH_DAY, MARCH_DAY), Period(YESTERDAY, YESTERDAY)):
        await read(shop.reader, "contoso", period, BY_DAY)
    assert shop.look.states.keys() == {TODAY, MARCH_DAY}
    await seal(shop)
    await shop.read(BY_DAY)
    assert shop.look.states.keys() == {TODAY}


async def test_readings_made_together_share_what_they_need(shop: Shop) -> None:
    """The marks, the waiting segments and the directory are asked for once; each is as it is alone."""
    await fill(shop)
    wanted = [(ALL, BY_USER), (Period(TODAY, TODAY), BY_DAY), (Period(MARCH_DAY, TODAY), (USER,))]
    alone = [await read(shop.reader, "contoso", period, names) for period, names in wanted]
    process = Late()
    together = await read_all(shop.reader_in(process), "contoso", wanted)
    assert (process.begun, process.side_by_side) == (1 + len(wanted) + 2, True)
    for (_, names), one, other in zip(wanted, alone, together, strict=True):
        assert sums_of(one.cube, names) == sums_of(other.cube, names)
        assert one.people == other.people


async def test_readings_made_together_may_find_different_states(shop: Shop) -> None:
    """Of a day that is folded between their operations; each is whole."""
    await fill(shop)
    before = shop.state
    await today_and_fold(shop)
    after = shop.state
    counts = {len(shop.sent) - 1, len(shop.sent)}
    for mask in range(1 << MOST):
        shop.set(before)
        process = Late(mask, lambda: shop.set(after))
        both = read_all(shop.cloud.stores(process), "contoso", [(ALL, BY_DAY), (ALL, (DAY,))])
        found = await process.run(both)
        assert {one.cube.totals()["requests"] for one in found} <= counts


async def test_states_are_not_known_for_long(shop: Shop) -> None:
    """A day of which nothing was read for a while may have folded much, which nobody wants to read again."""
    await fill(shop)
    await shop.read(BY_DAY)
    for _ in range(3):
        shop.cloud.wait(RECENT / 2)
        await shop.ingest(on(MARCH_DAY, next(NUMBERS)))
        await read(shop.reader, "contoso", Period(MARCH_DAY, MARCH_DAY), BY_DAY)
    assert shop.look.states.keys() == {MARCH_DAY}
    assert shop.look.marking.days.keys() == {MARCH_DAY, TODAY}
