"""Reading a tenant's usage of a period: whole months, single days, and the segments these do not hold yet.

Every view is answered from here. It names the dimensions that it needs, and is given the smallest
documents that have them: by day, without users, or with users. Where the smaller ones have no room for
what they would hold (`packed` is null), those with users are read instead.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from shared import directory
from shared.columns import DAY, USER
from shared.cube import Cube, concatenate, empty
from shared.days import Period, month_of
from shared.directory import People
from shared.errors import Busy
from shared.packing import unpack
from shared.ports import Document, Stores, Usage
from shared.rollup import Rollup, read_rollup, segment_cube, tail, users_cubes

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """The usage of a period: rows with the dimensions asked for, of which equal ones may stand apart.

    `people` says who the users are, where users were asked for.
    """

    cube: Cube
    duplicates: int = 0
    rejected: int = 0
    people: People | None = None

    def filter(self, wanted: dict[str, list[str | None]]) -> "Reading":
        """The usage whose value of each named dimension is among the wanted ones."""
        return replace(self, cube=self.cube.filter(wanted))


@dataclass(frozen=True, slots=True)
class _Part:
    """One month or day as it is stored, or the segments of a day beside it."""

    cube: Cube
    duplicates: int
    rejected: int


class _Torn(Exception):
    """Documents were replaced between two reads; reading them again gives a whole picture."""


async def read(stores: Stores, tenant_id: str, period: Period, names: Iterable[str]) -> Reading:
    """Everything that has been stored of the tenant's usage in the period, by these dimensions.

    Names are those of `columns.DIMENSIONS`, `user` and `day`.
    Raises Busy when folds kept replacing what was being read.
    """
    wanted = tuple(dict.fromkeys(names))
    for _ in range(ATTEMPTS):
        try:
            return await _read(stores, tenant_id, period, wanted)
        except _Torn:
            continue
    raise Busy("The usage of these days is being rewritten; try again.")


async def _read(stores: Stores, tenant_id: str, period: Period, names: tuple[str, ...]) -> Reading:
    """The marks are read before the rollups: a day that is folded in between is then whole either way."""
    marked = {day for day in await stores.marks.marked(tenant_id) if day in period}
    months = await _months(stores.usage, tenant_id, period, marked, names)
    runs = list(_runs(day for day in period if month_of(day) not in months))
    days = [day for run in runs for day in run]
    rollups, shards = await asyncio.gather(
        asyncio.gather(*(_days(stores.usage, tenant_id, run, names) for run in runs)),
        stores.usage.directory(tenant_id) if USER in names else _nobody(),
    )
    saved = {day: one for run in rollups for day, one in run.items()}
    tails = await asyncio.gather(
        *(
            tail(stores.usage, tenant_id, saved[day][0] if day in saved else Rollup(day))
            for day in sorted(marked.intersection(days))
        )
    )
    segments = [segment for waiting in tails for segment in waiting]
    parts = [
        *months.values(),
        *(part for _, part in saved.values()),
        *(_segment_part(segment, names) for segment in segments),
    ]
    cube = concatenate([empty(names), *(part.cube for part in parts)])
    return Reading(
        cube=cube.mapped(USER, directory.pseudonyms(shards)) if USER in names else cube,
        duplicates=sum(part.duplicates for part in parts),
        rejected=sum(part.rejected for part in parts),
        people=directory.people(shards, segments),
    )


async def _months(
    usage: Usage, tenant_id: str, period: Period, marked: set[date], names: tuple[str, ...]
) -> dict[Period, _Part]:
    """The merged months that lie in the period as a whole and have nothing left to fold."""
    if DAY in names and USER in names:
        return {}  # months do not keep the days of each user
    touched = {month_of(day) for day in marked}
    whole = [
        month for month in {month_of(day) for day in period} if month.first in period and month.last in period
    ]
    if not any(month not in touched for month in whole):
        return {}
    span = Period(min(month.first for month in whole), max(month.last for month in whole))
    heads = [
        head
        for head in await usage.documents(tenant_id, "mtotals", span)
        if head["state"] == "ready" and _month(head) not in touched
    ]
    chunks = await _month_chunks(usage, tenant_id, heads, names)
    return {_month(head): _month_part(head, chunks, names) for head in heads}


async def _month_chunks(
    usage: Usage, tenant_id: str, heads: Sequence[Document], names: tuple[str, ...]
) -> dict[tuple[str, str], list[Document]]:
    """The further documents of the months that these dimensions need, by month and writer."""
    kinds = {head["day"]: kind for head in heads if (kind := _chunk_kind(head, names))}
    found: dict[tuple[str, str], list[Document]] = {}
    for kind in set(kinds.values()):  # one at most
        span = Period(*(date.fromisoformat(end(kinds)) for end in (min, max)))
        for document in await usage.documents(tenant_id, kind, span):
            found.setdefault((document["day"], document["writer"]), []).append(document)
    return found


def _chunk_kind(head: Document, names: tuple[str, ...]) -> str | None:
    """The kind of documents that hold these dimensions of a month, where its main document does not."""
    if USER in names:
        return "musers"
    if DAY in names:
        return "mdays" if len(names) > 1 else None
    return None if head["packed"] else "musers"


def _month_part(
    head: Document, chunks: dict[tuple[str, str], list[Document]], names: tuple[str, ...]
) -> _Part:
    if kind := _chunk_kind(head, names):
        packed = [document["packed"] for document in chunks.get((head["day"], head["writer"]), ())]
        if len(packed) != (head["chunks"] if kind == "musers" else head.get("day_chunks", 1)):
            raise _Torn
    else:
        packed = [head["by_day" if DAY in names else "packed"]]
    cube = concatenate([unpack(text).project(names) for text in packed])
    return _Part(cube, head["duplicates"], head["rejected"])


def _month(head: Document) -> Period:
    return month_of(date.fromisoformat(head["day"]))


async def _days(
    usage: Usage, tenant_id: str, run: Period, names: tuple[str, ...]
) -> dict[date, tuple[Rollup, _Part]]:
    """The saved days of the run."""
    if USER in names:
        heads = await usage.heads(tenant_id, run)
        return await _users_days(usage, tenant_id, [read_rollup(head) for head in heads], names)
    saved = [(read_rollup(one), one["packed"]) for one in await usage.documents(tenant_id, "totals", run)]
    wide = [rollup for rollup, packed in saved if packed is None]
    return await _users_days(usage, tenant_id, wide, names) | {
        rollup.day: (rollup, _day_part(rollup, [unpack(packed)], names)) for rollup, packed in saved if packed
    }


async def _users_days(
    usage: Usage, tenant_id: str, rollups: Sequence[Rollup], names: tuple[str, ...]
) -> dict[date, tuple[Rollup, _Part]]:
    """These saved days, in order, from their users chunks."""
    if not rollups:
        return {}
    chunks: dict[str, list[Document]] = {}
    for chunk in await usage.documents(tenant_id, "users", Period(rollups[0].day, rollups[-1].day)):
        chunks.setdefault(chunk["day"], []).append(chunk)
    return {
        one.day: (one, _day_part(one, users_cubes(one, chunks.get(str(one.day), ())), names))
        for one in rollups
    }


def _day_part(rollup: Rollup, cubes: Sequence[Cube] | None, names: tuple[str, ...]) -> _Part:
    if cubes is None:
        raise _Torn
    cube = concatenate([_shaped(cube, str(rollup.day), names) for cube in cubes])
    return _Part(cube, rollup.duplicates, rollup.rejected)


def _segment_part(segment: Document, names: tuple[str, ...]) -> _Part:
    cube = segment_cube(segment, users=USER in names)
    return _Part(_shaped(cube, segment["day"], names), segment["duplicates"], segment["rejected"])


def _shaped(cube: Cube, day: str, names: tuple[str, ...]) -> Cube:
    """The cube of one day with the dimensions asked for."""
    return (cube.labelled(DAY, day) if DAY in names else cube).project(names)


def _runs(days: Iterable[date]) -> Iterator[Period]:
    """Adjoining days as periods, so that each run is one query."""
    run: Period | None = None
    for day in days:
        if run and day == run.last + timedelta(days=1):
            run = Period(run.first, day)
        else:
            if run:
                yield run
            run = Period(day, day)
    if run:
        yield run


async def _nobody() -> list[Document]:
    return []
