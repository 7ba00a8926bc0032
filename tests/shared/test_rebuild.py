"""The rebuild: it repairs what differs from the segments, and writes nothing where nothing is wrong."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest

from shared.days import Period
from shared.packing import pack, unpack
from shared.rebuild import Outcome, Rebuild
from tests.fakes import NOW, Interrupted, Process, Stopped
from tests.shared.sealing import FEBRUARY, World, days_before, on

PERIOD = Period(FEBRUARY.first, NOW.date())
LATE = days_before(24)


async def world_of_days() -> World:
    """Two sealed days of a merged month, and one of this month with a segment that waits."""
    world = World()
    await world.ingest(on(LATE, 1), on(LATE, 2), on(FEBRUARY.last, 3))
    await world.settle()
    await world.ingest(on(NOW.date(), 4, hour=3))
    await world.fold()
    await world.ingest(on(NOW.date(), 5, hour=3))
    return world


async def rebuild(
    world: World, period: Period = PERIOD, *, dry_run: bool = False, process: Process | None = None
) -> Counter[Outcome]:
    """Every day, then the months; how often each outcome was."""
    stores = world.cloud.stores(process)
    job = Rebuild(stores, world.tenant, world.cloud.now, dry_run)
    outcomes = Counter[Outcome]([await job.day(day) for day in period])
    return outcomes + Counter[Outcome]((await job.finish(period)).values())


def damage(world: World) -> None:
    """Counts the users of the late day twice."""
    for document in world.cloud.kind("users"):
        if document["day"] == str(LATE):
            cube = unpack(document["packed"])
            cube.measures["requests"][:] *= 2
            document["packed"] = pack(cube)


@pytest.mark.parametrize("dry_run", [True, False])
async def test_nothing_is_written_where_nothing_is_wrong(dry_run: bool) -> None:
    """Neither a document nor a mark, also where segments wait to be folded."""
    world = await world_of_days()
    before = (dict(world.cloud.documents), dict(world.cloud.marks), dict(world.cloud.month_marks))
    outcomes = await rebuild(world, dry_run=dry_run)
    assert outcomes == Counter({"empty": len(PERIOD) - 3, "equal": 3 + 1, "waits": 1})  # March has not ended
    assert (world.cloud.documents, world.cloud.marks, world.cloud.month_marks) == before


async def test_a_dry_run_tells_what_differs_and_changes_nothing() -> None:
    """The day, and not its month, whose documents are as its days were."""
    world = await world_of_days()
    damage(world)
    before = (dict(world.cloud.documents), dict(world.cloud.marks), dict(world.cloud.month_marks))
    assert (await rebuild(world, dry_run=True))["differs"] == 1
    assert (world.cloud.documents, world.cloud.marks, world.cloud.month_marks) == before


async def test_a_wrong_day_is_repaired_and_its_month_merged_again() -> None:
    """Then nothing differs any more."""
    world = await world_of_days()
    damage(world)
    assert (await rebuild(world))["repaired"] == 2
    await world.check_done()
    assert (await rebuild(world))["repaired"] == 0


async def test_a_day_that_has_not_ended_is_repaired_and_stays_unsealed() -> None:
    """With all of its segments."""
    world = await world_of_days()
    for document in world.cloud.kind("totals"):
        if document["day"] == str(NOW.date()):
            document["rejected"] = 7
    assert (await rebuild(world))["repaired"] == 1
    await world.check_done()
    assert world.marked(Period(NOW.date(), NOW.date()))


async def test_a_missing_month_is_merged() -> None:
    """And no other."""
    world = await world_of_days()
    del world.cloud.documents["contoso", "mtotals|2026-02"]
    assert (await rebuild(world, dry_run=True))["differs"] == 1
    assert (await rebuild(world))["repaired"] == 1
    await world.check_done()


async def test_days_whose_segments_are_gone_are_left_alone() -> None:
    """Forty days later only the rollups know; a day without any usage is empty all the same."""
    world = await world_of_days()
    world.cloud.wait(30 * 86_400)
    await world.settle()
    before = dict(world.cloud.documents)
    outcomes = await rebuild(world, Period(LATE, LATE + timedelta(days=1)))
    assert outcomes == Counter({"gone": 1, "empty": 1, "equal": 1})
    assert world.cloud.documents == before


async def test_a_month_with_late_events_waits_for_its_days_to_be_sealed() -> None:
    """It is the timer's."""
    world = await world_of_days()
    await world.ingest(on(LATE, 8))
    await world.fold()
    before = dict(world.cloud.documents)
    assert (await rebuild(world, Period(LATE, LATE))) == Counter({"equal": 1, "waits": 1})
    assert world.cloud.documents == before


@pytest.mark.parametrize("after", [True, False])
async def test_a_rebuild_stopped_anywhere_leaves_the_rest_to_the_timer(after: bool) -> None:
    """Readings are exact once the day is repaired, and the next rebuild completes it."""
    stop_at, stopped = 0, True
    while stopped:
        stop_at += 1
        world = await world_of_days()
        damage(world)
        process = Process(stop_at, after=after)
        with suppress(Stopped):
            await rebuild(world, Period(LATE, LATE), process=process)
        stopped = process.steps >= stop_at
        await rebuild(world, Period(LATE, LATE))
        await world.check()
        await world.settle()
        await world.check_done()
    assert stop_at > 20


async def test_a_rebuild_overtaken_by_late_events_and_rounds_stays_exact() -> None:
    """At any of its operations."""
    at, interrupted = 0, True
    while interrupted:
        at += 1
        world = await world_of_days()
        damage(world)

        async def others(world: World = world) -> None:
            await world.ingest(on(LATE, 9))
            world.cloud.wait(61)
            await world.seal()

        process = Interrupted(at, others)
        await rebuild(world, Period(LATE, LATE), process=process)
        interrupted = process.left <= 0
        await world.check()
        await world.settle()
        await world.check_done()
    assert at > 20
