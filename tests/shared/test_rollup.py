"""Fold and read: whatever is stored, folded, raced and killed, a read is the plain recount of the events."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import packing
from shared.columns import USER
from shared.days import Period
from shared.errors import Busy
from shared.event_columns import in_columns
from shared.ingest import ingest
from shared.ports import Document
from shared.reading import Reading
from shared.rollup import AT_ONCE, fold_day, fold_marked, read_rollup
from shared.seal import seal_marked
from shared.segment import make_segment
from shared.tenants import Tenant
from tests.events import CONTOSO, Event, body, counted, event, good, recount, usage
from tests.fakes import NOW, Cloud, Interrupted, Process, Stopped

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kathmandu", "Africa/Cairo")
TODAY = NOW.date()
PERIOD = Period(TODAY - timedelta(days=40), TODAY + timedelta(days=2))


@dataclass
class World:
    """One tenant in its cloud, and the events that are known to be stored."""

    zone: str = "Europe/Berlin"
    random: Random = field(default_factory=lambda: Random(1))
    sent: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tenant = Tenant(id="contoso", name="Contoso", time_zone=self.zone)
        self.cloud = Cloud(tenants={"contoso": self.tenant})
        self.merged = self.cloud.stores().merged  # what a process that reads again and again keeps

    def process(self, stop_at: int = 0, **how: bool) -> Process:
        """A process that goes at a pace of its own."""
        return Process(stop_at, pause=lambda: self.random.randrange(4), **how)

    async def ingest(self, events: list[Event]) -> None:
        """A message of events that nobody has sent yet."""
        await ingest(self.cloud.stores(self.process()), body(*events), NOW)
        self.sent += events

    async def fold(self, process: Process | None = None) -> None:
        """Folds every marked day; a fold that others keep overtaking, or that is stopped, is no harm."""
        process = process or self.process()
        stores = self.cloud.stores(process)
        try:
            for mark in await stores.marks.all():
                await fold_day(stores.usage, mark.tenant_id, mark.day, self.cloud.now)
        except (Busy, Stopped):
            pass

    async def read(self, *, users: bool) -> Reading:
        """All there is."""
        stores = replace(self.cloud.stores(self.process()), merged=self.merged)
        return await usage(stores, "contoso", PERIOD, users=users)

    async def check(self) -> None:
        """Both readings are the recount of what was sent."""
        zone = self.tenant.zone
        with_users = await self.read(users=True)
        assert counted(with_users) == recount(self.sent, zone)
        names = {one["user"]["id"]: one["user"]["name"] for one in self.sent if "name" in one["user"]}
        assert {user: person.name for user, person in (with_users.people or {}).items()} == names
        assert counted(await self.read(users=False)) == recount(self.sent, zone, users=False)

    async def check_bounds(self) -> None:
        """A read while others write has all that was stored before it, and nothing that was not sent."""
        for _ in range(4):
            before = {one["user"]["id"] for one in self.sent}
            cubes = [(await self.read(users=users)).cube.totals() for users in (False, True)]
            assert all(cube["requests"] >= len(before) for cube in cubes)
            cube = (await self.read(users=True)).cube.group_by(USER)
            assert set(cube.measures["requests"].tolist()) <= {1}  # each event has a user of its own here
            assert before <= set(cube.dimensions[USER].column())


def numbered(number: int, hours: int) -> Event:
    """An event of its own user, up to 30 days ago."""
    features = ("ticket-suggest", "call-recap", "playground")
    return event(
        f"e{number}",
        time=(NOW - timedelta(hours=hours, minutes=number % 60)).isoformat(),
        user={"id": f"user{number}", "name": f"User {number}"},
        feature=features[number % 3],
        cost_usd=f"0.00000000{number % 10}" if number % 4 else None,
    )


# --- anything in any order

HOURS = st.one_of(st.integers(0, 3), st.integers(0, 30 * 24))
INGEST = st.tuples(st.just("ingest"), st.lists(HOURS, min_size=1, max_size=4))
STEP = st.one_of(
    INGEST,
    st.tuples(st.just("late"), st.integers(0, 299)),
    st.tuples(st.just("wait"), st.sampled_from([0, 1, 299, 301, 700])),
    st.tuples(st.just("fold"), st.none()),
    st.tuples(st.just("race"), st.lists(HOURS, min_size=1, max_size=3)),
    st.tuples(st.just("kill"), st.tuples(st.integers(1, 25), st.booleans(), st.booleans())),
    st.tuples(st.just("timer"), st.none()),
)


@settings(max_examples=80, deadline=None)
@given(zone=st.sampled_from(ZONES), steps=st.lists(STEP, min_size=1, max_size=10), seed=st.integers(0, 2**32))
async def test_a_read_is_the_recount_at_every_moment(
    zone: str, steps: list[tuple[str, object]], seed: int
) -> None:
    """Over days and zones, through folds, races of folds, kills in folds, and segments that turn up late."""
    world, number = World(zone, Random(seed)), 0

    def fresh(hours: list[int]) -> list[Event]:
        nonlocal number
        number += len(hours)
        return [numbered(number - index, hour) for index, hour in enumerate(hours)]

    for name, value in steps:
        match name, value:
            case "ingest", list():
                await world.ingest(fresh(value))
            case "late", int():  # stored at that time, seen only now
                world.cloud.wait(-value)
                await world.ingest(fresh([0]))
                world.cloud.wait(value)
            case "wait", int():
                world.cloud.wait(value)
            case "kill", (int() as stop_at, bool() as after, bool() as dies):
                await world.fold(world.process(stop_at, after=after, dies=dies))
            case "race", list():
                await asyncio.gather(
                    world.fold(), world.fold(), world.ingest(fresh(value)), world.check_bounds()
                )
            case "timer", _:
                stores = world.cloud.stores(world.process())
                await fold_marked(stores.usage, stores.marks, world.cloud.now)
            case _:
                await world.fold()
        await world.check()


@pytest.mark.parametrize("seed", range(30))
async def test_racing_folds_and_reads_leave_nothing_over(seed: int) -> None:
    """After folds that raced each other only the users chunks of the last ones are stored."""
    world = World(random=Random(seed))
    await world.ingest([numbered(n, n % 2) for n in range(8)])
    await world.fold()
    await world.ingest([numbered(n, n % 2) for n in range(8, 16)])
    await asyncio.gather(world.fold(), world.fold(), world.check_bounds(), world.fold(), world.check_bounds())
    await world.check()
    current = {(one["day"], one["version"], one["writer"]) for one in world.cloud.kind("totals")}
    assert {(one["day"], one["version"], one["writer"]) for one in world.cloud.kind("users")} == current


@pytest.mark.parametrize("dies", [True, False])
@pytest.mark.parametrize("after", [True, False])
async def test_a_fold_stopped_anywhere_is_taken_up_by_the_next(after: bool, dies: bool) -> None:
    """At no operation of a fold is anything lost, doubled, or left over after the next one."""
    stop_at = 0
    stopped = True
    while stopped:
        stop_at += 1
        world = World()
        await world.ingest([numbered(n, 0) for n in range(4)])
        await world.fold()
        await world.ingest([numbered(n, 0) for n in range(4, 8)])
        process = Process(stop_at, after=after, dies=dies)
        await world.fold(process)
        stopped = process.steps >= stop_at
        await world.check()
        await world.ingest([numbered(8, 0)])
        await world.fold()
        await world.check()
        (totals,) = world.cloud.kind("totals")
        assert {one["writer"] for one in world.cloud.kind("users")} == {totals["writer"]}
    assert stop_at > 8


@pytest.mark.parametrize("other", ["ingest", "fold", "ingest and fold"])
@pytest.mark.parametrize("actor", ["read", "read users", "ingest", "fold"])
async def test_whatever_is_overtaken_at_any_operation_stays_exact(actor: str, other: str) -> None:
    """A read, an ingest or a fold that stands still between two operations while others work."""
    at, interrupted = 0, True
    while interrupted:
        at += 1
        world = World()
        await world.ingest([numbered(n, n % 2) for n in range(3)])
        if at % 2:
            await world.fold()
            await world.ingest([numbered(n, n % 2) for n in range(3, 6)])

        async def others(world: World = world) -> None:
            if "ingest" in other:
                await world.ingest([numbered(n, 0) for n in range(10, 13)])
            if "fold" in other:
                await world.fold()

        process = Interrupted(at, others)
        await act(world, actor, process)
        interrupted = process.left <= 0
        await world.check()
        await world.fold()
        await world.check()
    assert at > 3


async def act(world: World, actor: str, process: Process) -> None:
    """What is overtaken. A read has at least what was there when it began."""
    stores = world.cloud.stores(process)
    if actor == "ingest":
        events = [numbered(n, n % 2) for n in range(20, 23)]
        await ingest(stores, body(*events), NOW)
        world.sent += events
    elif actor == "fold":
        await world.fold(process)
    else:
        before = len(world.sent)
        reading = await usage(stores, "contoso", PERIOD, users=actor == "read users")
        assert before <= reading.cube.totals()["requests"] <= len(world.sent)


# --- many segments, many users


async def stored_segments(world: World, count: int) -> None:
    """Segments of one event each, as ingest would have stored them."""
    stores = world.cloud.stores(Process(pause=lambda: 0))
    for n in range(count):
        one = numbered(n, 0)
        world.sent.append(one)
        await ingest_quickly(stores.usage.add_segment, one)
    await stores.marks.mark("contoso", TODAY)


async def ingest_quickly(add: Callable[[Document], Awaitable[bool]], one: Event) -> None:
    """Stores the segment of an event without the way there."""
    await add(make_segment("contoso", TODAY, one["id"], in_columns([good(one)])))


async def test_more_segments_than_a_fold_takes_at_once_are_read_and_folded() -> None:
    """However many wait, all of the same second, a read has them all, and so has the fold."""
    world = World()
    await stored_segments(world, AT_ONCE + 20)
    await world.check()
    assert await fold_day(world.cloud.stores().usage, "contoso", TODAY, NOW) == AT_ONCE + 20
    (totals,) = world.cloud.kind("totals")
    assert totals["version"] == 2
    await world.check()


async def test_many_users_are_stored_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chunks of a day are read as one, replaced as one, and each fits its document."""
    monkeypatch.setattr(packing, "MAX_CHUNK", 800)
    world = World()
    await stored_segments(world, 60)
    for _ in range(2):
        await world.fold()
        (totals,) = world.cloud.kind("totals")
        chunks = world.cloud.kind("users")
        assert len(chunks) == totals["chunks"] > 1
        assert max(len(chunk["packed"]) for chunk in chunks) <= 800
        assert {chunk["writer"] for chunk in chunks} == {totals["writer"]}
        await world.check()
        await world.ingest([numbered(99, 0)])


async def test_a_folded_day_outlives_its_segments() -> None:
    """After 40 days the segments are gone; what they held is not."""
    world = World()
    await world.ingest([numbered(1, 0)])
    await world.fold()
    world.cloud.wait(41 * 86_400)
    assert not await world.cloud.stores().usage.segments("contoso", TODAY, 0, (), 9)
    await world.check()


# --- when it pays


async def timer(world: World) -> int:
    """One round of the timer."""
    stores = world.cloud.stores()
    return (await fold_marked(stores.usage, stores.marks, world.cloud.now)).total()


async def test_the_timer_folds_what_is_new_then_waits_until_it_is_many_or_old() -> None:
    """A first segment is folded at once, the next after ten minutes, or when there are 64."""
    world = World()
    await world.ingest([numbered(1, 0)])
    assert await timer(world) == 1
    await world.ingest([numbered(2, 0)])
    world.cloud.wait(590)
    assert await timer(world) == 0
    world.cloud.wait(20)
    assert await timer(world) == 1
    for n in range(3, 67):
        await world.ingest([numbered(n, 0)])
    assert await timer(world) == 64
    await world.check()


async def test_the_timer_clears_no_mark_and_passes_over_days_that_have_been_quiet_for_long() -> None:
    """Readers look for segments beside a day that is not sealed; sealing folds what rounds have missed."""
    world = World()
    await world.ingest([numbered(1, 0)])
    assert await timer(world) == 1
    await world.ingest([numbered(2, 0)])
    world.cloud.wait(13 * 60)
    assert await timer(world) == 0
    assert world.cloud.marks
    await world.check()
    stores = world.cloud.stores()
    await seal_marked(stores, world.cloud.now)
    (totals,) = world.cloud.kind("totals")
    assert totals["version"] == 2
    assert world.cloud.marks
    await world.check()


async def test_a_day_that_is_marked_again_keeps_its_mark() -> None:
    """A mark is cleared only as it was read."""
    world = World()
    await world.ingest([numbered(1, 0)])
    marks = world.cloud.stores().marks
    (old,) = await marks.all()
    await world.ingest([numbered(2, 0)])
    await marks.clear(old)
    assert [(mark.tenant_id, mark.day) for mark in await marks.all()] == [("contoso", TODAY)]


async def test_the_folded_ids_are_only_those_of_the_window() -> None:
    """A day of many segments does not make its rollup grow."""
    world = World()
    for n in range(6):
        await world.ingest([numbered(n, 0)])
        await world.fold()
        world.cloud.wait(200)
    (totals,) = world.cloud.kind("totals")
    assert len(read_rollup(totals).folded) == 2
    await world.check()


async def test_a_fold_gives_up_when_others_always_win(monkeypatch: pytest.MonkeyPatch) -> None:
    """It raises Busy; the next round tries again."""
    world = World()
    await world.ingest([numbered(1, 0)])
    usage = world.cloud.stores().usage

    async def lose(*_: object) -> bool:
        return False

    monkeypatch.setattr(usage, "commit", lose)
    with pytest.raises(Busy):
        await fold_day(usage, "contoso", TODAY, NOW)
    await world.check()


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("Europe/Berlin", "2026-02-28T23:00:00+00:00", date(2026, 3, 1)),
        ("Europe/Berlin", "2026-02-28T22:59:59.999999+00:00", date(2026, 2, 28)),
        ("America/New_York", "2026-03-08T04:59:59+00:00", date(2026, 3, 7)),  # the night the clocks change
        ("America/New_York", "2026-03-09T03:59:59+00:00", date(2026, 3, 8)),
        ("America/New_York", "2026-03-09T04:00:00+00:00", date(2026, 3, 9)),
        ("Asia/Kathmandu", "2026-03-08T18:15:00+00:00", date(2026, 3, 9)),
    ],
)
async def test_an_event_is_of_the_day_of_its_tenant(zone: str, moment: str, day: date) -> None:
    """By the tenant's time zone, also when the clocks change."""
    world = World(zone)
    await world.ingest([event(time=moment)])
    for _ in range(2):
        assert {key[0] for key in counted(await world.read(users=True))} == {str(day)}
        await world.fold()


async def test_tenants_do_not_see_each_other() -> None:
    """Usage of another tenant is no part of a reading."""
    world = World()
    world.cloud.tenants["fabrikam"] = CONTOSO.model_copy(update={"id": "fabrikam"})
    await ingest(world.cloud.stores(), body(event(tenant_id="fabrikam")), NOW)
    await world.check()
    await world.fold()
    await world.check()
