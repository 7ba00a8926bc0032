"""Reading a tenant's usage of a period: the rollups of its days, and the segments these do not hold yet."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from shared import directory
from shared.columns import DIMENSIONS, USER
from shared.cube import Cube, concatenate, empty, from_json
from shared.days import Period
from shared.directory import People
from shared.errors import Busy
from shared.ports import Document, Stores
from shared.rollup import AT_ONCE, Rollup, advance, read_rollup, segment_cube, unfolded, users_cubes

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """The usage of a period: one cube a day that has any, and what the days counted besides.

    With users, cubes have the dimension `user` and `people` says who they are.
    """

    cubes: dict[date, Cube]
    duplicates: int
    rejected: int
    people: People
    users: bool

    def cube(self, period: Period | None = None) -> Cube:
        """All rows of the period (of everything read by default); rows of equal dimensions stay apart."""
        names = (USER, *DIMENSIONS) if self.users else DIMENSIONS
        chosen = [cube for day, cube in self.cubes.items() if period is None or day in period]
        return concatenate([*chosen, empty(names)])


@dataclass(frozen=True, slots=True)
class _Day:
    """One day as it was read: its saved cubes, and the segments beside them."""

    rollup: Rollup
    saved: Sequence[Cube]
    tail: Sequence[Document] = ()


async def read(stores: Stores, tenant_id: str, period: Period, *, users: bool = False) -> Reading:
    """Everything that has been stored of the tenant's usage in the period.

    The marks are read before the rollups: a day that is folded in between is then whole either way.
    Raises Busy when folds kept replacing what was being read.
    """
    marked = {day for day in await stores.marks.marked(tenant_id) if day in period}
    days = await (_days_with_users if users else _days)(stores, tenant_id, period)
    untouched = [_Day(Rollup(day), ()) for day in marked - {day.rollup.day for day in days}]
    whole, people = await asyncio.gather(
        asyncio.gather(*(_with_tail(stores, tenant_id, day, marked) for day in [*days, *untouched])),
        directory.load(stores.usage, tenant_id) if users else _nobody(),
    )
    segments = [segment for day in whole for segment in day.tail]
    return Reading(
        cubes={day.rollup.day: _cube(day, users=users) for day in whole if day.saved or day.tail},
        duplicates=_count("duplicates", whole),
        rejected=_count("rejected", whole),
        people=directory.newest(people, directory.of_segments(segments)),
        users=users,
    )


async def _days(stores: Stores, tenant_id: str, period: Period) -> list[_Day]:
    documents = await stores.usage.totals(tenant_id, period)
    return [_Day(read_rollup(one), [from_json(one["cube"])]) for one in documents]


async def _days_with_users(stores: Stores, tenant_id: str, period: Period) -> list[_Day]:
    for _ in range(ATTEMPTS):
        heads = [read_rollup(one) for one in await stores.usage.heads(tenant_id, period)]
        chunks: dict[str, list[Document]] = {}
        for chunk in await stores.usage.users(tenant_id, period):
            chunks.setdefault(chunk["day"], []).append(chunk)
        days = [(head, users_cubes(head, chunks.get(str(head.day), ()))) for head in heads]
        if all(cubes is not None for _, cubes in days):
            return [_Day(head, cubes or ()) for head, cubes in days]
    raise Busy("The usage of these days is being rewritten; try again.")


async def _with_tail(stores: Stores, tenant_id: str, day: _Day, marked: set[date]) -> _Day:
    if day.rollup.day not in marked:
        return day
    tail, rollup = list[Document](), day.rollup
    while some := await unfolded(stores.usage, tenant_id, rollup):
        tail += some
        if len(some) < AT_ONCE:
            break
        rollup = advance(rollup, some, rollup.folded_at, rollup.chunks)
    return _Day(day.rollup, day.saved, tail)


async def _nobody() -> People:
    return {}


def _cube(day: _Day, *, users: bool) -> Cube:
    return concatenate([*day.saved, *(segment_cube(one, users=users) for one in day.tail)])


def _count(name: str, days: Sequence[_Day]) -> int:
    return sum(getattr(day.rollup, name) + sum(one[name] for one in day.tail) for day in days)
