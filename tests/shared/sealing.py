"""A tenant whose days are sealed and months merged, and the rules that hold for them at every moment."""

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from shared.columns import DAY, DIMENSIONS, LAST_USED, MEASURES, USER
from shared.cube import Cube, concatenate
from shared.days import Period, month_of
from shared.errors import Busy
from shared.ingest import ingest
from shared.months import find_month, stamps_of
from shared.packing import unpack
from shared.reading import read
from shared.rollup import fold_day, read_rollup
from shared.seal import Sealed, has_ended, seal_marked
from shared.tenants import Tenant
from tests.events import Event, Sums, body, event, recount
from tests.fakes import NOW, Cloud, Process, Stopped

FEBRUARY = Period(date(2026, 2, 1), date(2026, 2, 28))
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))
ALL = Period(FEBRUARY.first, MARCH.last)
KEYS = (DAY, USER, *DIMENSIONS)
LAST = MEASURES.index(LAST_USED)


def on(day: date, number: int, hour: int = 12) -> Event:
    """An event of that day."""
    features = ("ticket-suggest", "call-recap", "playground")
    return event(
        f"e{number}",
        time=f"{day}T{hour:02}:{number % 60:02}:00+00:00",
        user={"id": f"user{number % 5}"},
        feature=features[number % 3],
        cost_usd=f"0.00000000{number % 10}" if number % 4 else None,
    )


def summed(sums: Sums, names: Iterable[str]) -> Sums:
    """The same by fewer dimensions."""
    places = [KEYS.index(name) for name in names]
    result: Sums = {}
    for key, row in sums.items():
        short = tuple(key[place] for place in places)
        before = result.get(short, (0,) * len(MEASURES))
        added = [a + b for a, b in zip(before, row, strict=True)]
        added[LAST] = max(before[LAST], row[LAST])
        result[short] = tuple(added)
    return result


def sums_of(cube: Cube, names: Iterable[str]) -> Sums:
    """A cube in the form of `recount`."""
    rows = cube.group_by(*names)
    keys = zip(*(rows.dimensions[name].column() for name in names), strict=True)
    return dict(
        zip(keys, zip(*(rows.measures[name].tolist() for name in MEASURES), strict=True), strict=True)
    )


@dataclass
class World:
    """One tenant in its cloud, and the events that are known to be stored."""

    zone: str = "Europe/Berlin"
    random: Random = field(default_factory=lambda: Random(1))
    sent: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tenant = Tenant(id="contoso", name="Contoso", time_zone=self.zone)
        self.cloud = Cloud(now=NOW, tenants={"contoso": self.tenant})
        self.reader = self.cloud.stores()  # of a process that has read before

    def process(self) -> Process:
        """A process that goes at a pace of its own."""
        return Process(pause=lambda: self.random.randrange(4))

    async def ingest(self, *events: Event) -> None:
        """A message of events that nobody has sent yet."""
        await ingest(self.cloud.stores(self.process()), body(*events), self.cloud.now)
        self.sent += events

    async def fold(self) -> None:
        """Folds every marked day."""
        stores = self.cloud.stores(self.process())
        for mark in await stores.marks.all():
            await _unless_stopped(fold_day(stores.usage, mark.tenant_id, mark.day, self.cloud.now))

    async def seal(self, process: Process | None = None) -> Sealed | None:
        """A round of the timer; one that is overtaken or stopped is no harm, and gives None."""
        stores = self.cloud.stores(process or self.process())
        return await _unless_stopped(seal_marked(stores, self.cloud.now))

    async def settle(self) -> None:
        """Rounds until all is done that can be."""
        self.cloud.wait(61)
        for _ in range(3):
            await self.seal()

    async def check(self) -> None:
        """What is read is the recount, and so is every merged month that a reader would trust."""
        truth = recount(self.sent, self.tenant.zone)
        for names in ((DIMENSIONS), (DAY,), (DAY, *DIMENSIONS), (USER, *DIMENSIONS), KEYS):
            for stores in (self.cloud.stores(), self.reader):
                reading = await read(stores, "contoso", ALL, names)
                assert sums_of(reading.cube, names) == summed(truth, names)
        for month in (FEBRUARY, MARCH):
            await self.check_month(month, {key: row for key, row in truth.items() if day_in(key, month)})

    async def check_month(self, month: Period, truth: Sums) -> None:
        """A ready month without marks is the sum of its days, in each of its forms."""
        found = await find_month(self.cloud.stores().usage, "contoso", month)
        if not found or found["state"] != "ready" or self.marked(month):
            return
        musers, mdays = (self.chunks(kind, month, found["writer"]) for kind in ("musers", "mdays"))
        for names, documents in {
            DIMENSIONS: [found["packed"]] if found["packed"] else musers,
            (DAY,): [found["by_day"]],
            (DAY, *DIMENSIONS): mdays,
            (USER, *DIMENSIONS): musers,
        }.items():
            assert sums_of(concatenate([unpack(one) for one in documents]), names) == summed(truth, names)
        assert (len(musers), len(mdays)) == (found["chunks"], found["day_chunks"])

    def chunks(self, kind: str, month: Period, writer: str) -> list[str]:
        """The packed documents of a month."""
        return [
            one["packed"]
            for one in self.cloud.kind(kind)
            if (one["day"], one["writer"]) == (str(month.first), writer)
        ]

    def marked(self, period: Period) -> set[date]:
        """The marked days of the period."""
        return {day for _, day in self.cloud.marks if day in period}

    async def check_done(self) -> None:
        """What has ended is sealed and unmarked, past months are merged, nothing is left over."""
        await self.check()
        now, usage = self.cloud.now, self.cloud.stores().usage
        assert not [day for _, day in self.cloud.marks if has_ended(Period(day, day), self.tenant, now)]
        for totals in self.cloud.kind("totals"):
            rollup = read_rollup(totals)
            assert rollup.sealed == has_ended(Period(rollup.day, rollup.day), self.tenant, now)
        writers = set()
        for first in {month_of(read_rollup(one).day).first for one in self.cloud.kind("totals")}:
            month = month_of(first)
            if has_ended(month, self.tenant, now):
                found = await find_month(usage, "contoso", month)
                assert found
                assert found["state"] == "ready"
                assert found["days"] == await stamps_of(usage, "contoso", month)
                assert ("contoso", first) not in self.cloud.month_marks
                writers.add(found["writer"])
        chunks = [*self.cloud.kind("mdays"), *self.cloud.kind("musers")]
        assert {one["writer"] for one in chunks} <= writers


def day_in(key: tuple[str | None, ...], period: Period) -> bool:
    """Whether a row of `recount` is of the period."""
    return date.fromisoformat(str(key[0])) in period


def days_before(days: int) -> date:
    """A day before the present one of the tests."""
    return NOW.date() - timedelta(days=days)


async def _unless_stopped[T](work: Awaitable[T]) -> T | None:
    try:
        return await work
    except (Stopped, Busy):
        return None
    except ExceptionGroup as errors:
        if errors.split((Stopped, Busy))[1]:
            raise
        return None
