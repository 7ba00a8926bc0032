"""Sealing and merging: whatever is late, raced, overtaken or killed, every reading stays the recount."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import packing, recount, rollup
from shared.columns import LAST_USED
from shared.days import Period
from shared.packing import pack, unpack
from shared.ports import Document, Mark
from shared.seal import Sealed, has_ended, seal_marked
from shared.tenants import Tenant
from tests.fakes import NOW, Interrupted, Process
from tests.shared.sealing import FEBRUARY, World, days_before, on

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kathmandu")
DAYS = (date(2026, 2, 10), date(2026, 2, 14), date(2026, 2, 28), date(2026, 3, 5))
LATE = DAYS[1]


async def merged_world() -> World:
    """A tenant whose past days are sealed and whose past month is merged."""
    world = World()
    for number, day in enumerate(DAYS):
        await world.ingest(on(day, number), on(day, number + 10))
    await world.settle()
    return world


# --- anything in any order

DAY = st.one_of(st.integers(0, 3), st.integers(0, 34))
STEP = st.one_of(
    st.tuples(st.just("ingest"), st.lists(DAY, min_size=1, max_size=4)),
    st.tuples(st.just("wait"), st.sampled_from([1, 61, 600, 3600, 86_400, 5 * 86_400])),
    st.tuples(st.just("fold"), st.none()),
    st.tuples(st.just("seal"), st.none()),
    st.tuples(st.just("race"), st.lists(DAY, min_size=1, max_size=3)),
    st.tuples(st.just("kill"), st.tuples(st.integers(1, 60), st.booleans(), st.booleans())),
)


@settings(max_examples=40, deadline=None)
@given(zone=st.sampled_from(ZONES), steps=st.lists(STEP, min_size=1, max_size=10), seed=st.integers(0, 2**32))
async def test_readings_and_months_are_the_recount_at_every_moment(
    zone: str, steps: list[tuple[str, Any]], seed: int
) -> None:
    """Through late events, races of rounds, and rounds that are killed; in the end everything is sealed."""
    world, number = World(zone, Random(seed)), 0

    async def ingest(days: list[int]) -> None:
        nonlocal number
        for day in days:
            number += 1
            await world.ingest(on((world.cloud.now - timedelta(days=day)).date(), number, hour=0))

    for name, value in steps:
        match name:
            case "ingest":
                await ingest(value)
            case "wait":
                world.cloud.wait(value)
            case "kill":
                stop_at, after, dies = value
                await world.seal(Process(stop_at, after=after, dies=dies))
            case "race":
                await asyncio.gather(world.seal(), world.seal(), ingest(value), world.fold())
            case "seal":
                await world.seal()
            case _:
                await world.fold()
        await world.check()
    await world.settle()
    await world.check_done()


@pytest.mark.parametrize("dies", [True, False])
@pytest.mark.parametrize("after", [True, False])
async def test_a_round_stopped_anywhere_is_taken_up_by_the_next(after: bool, dies: bool) -> None:
    """A late event reopens a day of a merged month; at no operation is anything lost, stale or left over."""
    stop_at, stopped = 0, True
    while stopped:
        stop_at += 1
        world = await merged_world()
        await world.ingest(on(LATE, 20))
        world.cloud.wait(61)
        process = Process(stop_at, after=after, dies=dies)
        await world.seal(process)
        stopped = process.steps >= stop_at
        await world.check()
        await world.settle()
        await world.check_done()
    assert stop_at > 30


@pytest.mark.parametrize("other", ["late", "late elsewhere", "fold", "seal", "late and seal", "stopped seal"])
async def test_a_round_overtaken_at_any_operation_stays_exact(other: str) -> None:
    """A round that stands still between two operations, while others write, seal and merge."""
    at, interrupted = 0, True
    while interrupted:
        at += 1
        world = await merged_world()
        await world.ingest(on(LATE, 20))
        world.cloud.wait(61)

        async def others(world: World = world, stop_at: int = 7 + at % 30) -> None:
            if "late" in other:
                await world.ingest(on(DAYS[0] if "elsewhere" in other else LATE, 30))
            if other == "fold":
                await world.fold()
            if "seal" in other:
                world.cloud.wait(61)
                await world.seal(Process(stop_at) if "stopped" in other else None)

        process = Interrupted(at, others)
        await world.seal(process)
        interrupted = process.left <= 0
        await world.check()
        await world.settle()
        await world.check_done()
    assert at > 30


@pytest.mark.parametrize("seed", range(8))
async def test_racing_rounds_leave_one_month(seed: int) -> None:
    """However many instances seal and merge at once."""
    world = await merged_world()
    world.random = Random(seed)
    await world.ingest(on(LATE, 20), on(DAYS[2], 21))
    world.cloud.wait(61)
    await asyncio.gather(world.seal(), world.seal(), world.ingest(on(LATE, 22)), world.seal())
    await world.check()
    await world.settle()
    await world.check_done()


# --- when


@pytest.mark.parametrize(
    ("zone", "day", "ends"),
    [
        ("UTC", date(2026, 3, 9), "2026-03-10T00:00:00"),
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-29T22:00:00"),  # the clocks change on this day
        ("America/New_York", date(2026, 3, 7), "2026-03-08T05:00:00"),
        ("Asia/Kathmandu", date(2026, 3, 9), "2026-03-09T18:15:00"),
        ("Pacific/Apia", date(2026, 3, 9), "2026-03-09T11:00:00"),
    ],
)
def test_a_day_has_ended_a_quarter_of_an_hour_after_midnight(zone: str, day: date, ends: str) -> None:
    """The tenant's midnight."""
    tenant = Tenant(id="t", name="T", time_zone=zone)
    sealed_from = datetime.fromisoformat(ends).replace(tzinfo=UTC) + timedelta(minutes=15)
    assert has_ended(Period(day, day), tenant, sealed_from)
    assert not has_ended(Period(day, day), tenant, sealed_from - timedelta(seconds=1))


async def test_today_is_folded_but_neither_sealed_nor_unmarked() -> None:
    """Its mark stays for readers and later rounds."""
    world = World()
    await world.ingest(on(NOW.date(), 1, hour=3))
    await world.settle()
    (totals,) = world.cloud.kind("totals")
    assert not totals["sealed"]
    assert world.marked(Period(NOW.date(), NOW.date()))
    await world.check_done()


async def test_a_fresh_mark_is_left_to_the_next_round() -> None:
    """What it marks may not be visible everywhere yet."""
    world = World()
    await world.ingest(on(LATE, 1))
    world.cloud.wait(59)
    assert await world.seal() == Sealed()
    world.cloud.wait(2)
    assert await world.seal() == Sealed(days=1, months=1)
    assert await world.seal() == Sealed()
    await world.check_done()


async def test_a_sealed_day_is_not_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A redelivered message marks it, and the mark goes with no write to the day or its month."""
    world = await merged_world()
    before = dict(world.cloud.documents)
    await world.cloud.stores().marks.mark("contoso", LATE)
    monkeypatch.setattr(recount, "segment_cube", None)
    await world.settle()
    assert world.cloud.documents == before
    await world.check_done()


async def test_a_round_counts_every_month_that_it_merged() -> None:
    """Several are merged at once."""
    world = World()
    world.cloud.wait(-30 * 86_400)
    for days in (31, 50, 62):
        await world.ingest(on(days_before(days), days))
    world.cloud.wait(30 * 86_400 + 61)
    assert await world.seal() == Sealed(days=3, months=2)


async def test_a_mark_of_an_unknown_tenant_stops_nobody() -> None:
    """It stays; the others are sealed."""
    world = World()
    await world.ingest(on(LATE, 1))
    await world.cloud.stores().marks.mark("nobody", LATE)
    world.cloud.wait(61)
    assert await world.seal() == Sealed(days=1, months=1)
    assert {tenant for tenant, _ in world.cloud.marks} == {"nobody"}


async def test_what_fails_for_one_tenant_is_done_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the failure is raised in the end."""
    world = World()
    world.cloud.tenants["acme"] = world.tenant.model_copy(update={"id": "acme"})
    await world.cloud.stores().marks.mark("acme", LATE)
    await world.ingest(on(LATE, 1))
    world.cloud.wait(61)
    stores = world.cloud.stores()
    clear = stores.marks.clear

    async def fail(mark: Mark) -> None:
        if mark.tenant_id == "acme":
            raise OSError("no connection")
        await clear(mark)

    monkeypatch.setattr(stores.marks, "clear", fail)
    with pytest.raises(ExceptionGroup):
        await seal_marked(stores, world.cloud.now)
    assert {tenant for tenant, _ in world.cloud.marks} == {"acme"}
    await world.check()


async def test_a_day_that_fails_keeps_no_other_from_being_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even of its tenant and month: it alone keeps its mark, until a round in which it succeeds."""
    world = World()
    await world.ingest(*(on(day, number) for number, day in enumerate((*DAYS, LATE))))
    world.cloud.wait(61)
    stores = world.cloud.stores()
    commit = stores.usage.commit

    async def fail(document: Document, etag: str | None) -> bool:
        if document["id"] == f"totals|{min(DAYS)}":
            raise OSError("Request size is too large")
        return await commit(document, etag)

    monkeypatch.setattr(stores.usage, "commit", fail)
    with pytest.raises(ExceptionGroup):
        await seal_marked(stores, world.cloud.now)
    ended = {
        day for _, day in world.cloud.marks if has_ended(Period(day, day), world.tenant, world.cloud.now)
    }
    assert ended == {min(DAYS)}
    await world.check()
    await world.settle()
    await world.check_done()


# --- repair


def of_late_day(world: World, kind: str) -> list[Document]:
    """The stored documents of the late day, to be falsified."""
    return [document for document in world.cloud.kind(kind) if document["day"] == str(LATE)]


def count_twice(world: World, kind: str) -> None:
    """A fold that was done twice."""
    for document in of_late_day(world, kind):
        cube = unpack(document["packed"])
        twice = {name: column * (1 if name == LAST_USED else 2) for name, column in cube.measures.items()}
        document["packed"] = pack(replace(cube, measures=twice))


def lose_users(world: World) -> None:
    """A chunk that was deleted."""
    for document in of_late_day(world, "users"):
        del world.cloud.documents["contoso", document["id"]]


def forget(world: World) -> None:
    """Segments that turned up later than any fold looks for them."""
    for document in [*of_late_day(world, "totals"), *of_late_day(world, "users")]:
        document["packed"] = pack(unpack(document["packed"]).filter({"feature": ["nothing"]}))
    for document in of_late_day(world, "totals"):
        document.update(folded={}, folded_until=document["folded_until"] + 999)


DAMAGE: dict[str, Callable[[World], None]] = {
    "users counted twice": partial(count_twice, kind="users"),
    "totals counted twice": partial(count_twice, kind="totals"),
    "duplicates": lambda world: of_late_day(world, "totals")[0].update(duplicates=7),
    "rejects": lambda world: of_late_day(world, "totals")[0].update(rejected=7),
    "a lost chunk": lose_users,
    "forgotten segments": forget,
}


@pytest.mark.parametrize(
    ("damage", "late"),
    [*((damage, False) for damage in DAMAGE), ("users counted twice", True), ("a lost chunk", True)],
)
async def test_a_day_that_is_not_the_sum_of_its_segments_is_repaired(damage: str, late: bool) -> None:
    """It is counted; so is a day to which a late event has come meanwhile."""
    world = World()
    await world.ingest(on(LATE, 1), on(LATE, 2))
    await world.fold()
    DAMAGE[damage](world)
    if late:
        await world.ingest(on(LATE, 3))
    world.cloud.wait(61)
    assert await world.seal() == Sealed(days=1, repaired=[("contoso", LATE)], months=1)
    await world.check_done()


async def test_a_late_event_of_a_sealed_day_that_cannot_be_folded_is_not_passed_over() -> None:
    """Its day is repaired before its mark goes."""
    world = World()
    await world.ingest(on(LATE, 1), on(LATE, 2))
    await world.settle()
    lose_users(world)
    await world.ingest(on(LATE, 3))
    world.cloud.wait(61)
    assert await world.seal() == Sealed(days=1, repaired=[("contoso", LATE)], months=1)
    await world.check_done()


async def test_a_late_event_is_no_difference() -> None:
    """Nothing is repaired where nothing is wrong, also when events arrive while the day is recounted."""
    at, interrupted = 0, True
    while interrupted:
        at += 1
        world = World()
        await world.ingest(on(LATE, 1))
        world.cloud.wait(61)

        async def others(world: World = world) -> None:
            await world.ingest(on(LATE, 2))

        process = Interrupted(at, others)
        sealed = await world.seal(process)
        assert sealed
        assert not sealed.repaired
        interrupted = process.left <= 0
    assert at > 10


async def test_a_day_whose_segments_expire_is_sealed_as_it_is() -> None:
    """Its segments no longer tell all, so that nothing is recounted or repaired."""
    world = World()
    await world.ingest(on(days_before(34), 1))
    await world.fold()
    world.cloud.wait(7 * 86_400)
    sealed = await world.seal()
    assert sealed
    assert (sealed.days, sealed.repaired) == (1, [])
    await world.check_done()


async def test_many_segments_are_recounted_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are, in cubes that are merged on the way; the months as well."""
    monkeypatch.setattr(rollup, "AT_ONCE", 3)
    monkeypatch.setattr(packing, "MAX_CHUNK", 600)
    monkeypatch.setattr("shared.months.MANY_ROWS", 4)
    world = World()
    for number in range(20):
        await world.ingest(on(LATE, number), on(DAYS[0], number + 20))
        world.cloud.wait(100)
    world.cloud.wait(61)
    assert await world.seal() == Sealed(days=2, months=1)
    assert len(world.cloud.kind("musers")) > 1
    await world.check_done()


def test_february_is_over() -> None:
    """The months of these tests are what they are taken for."""
    assert NOW.date() not in FEBRUARY
    assert LATE in FEBRUARY
