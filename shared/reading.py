"""Reading a tenant's usage of a period: whole months, single days, and the segments these do not hold yet.

Every view is answered from here. It names the dimensions that it needs, and is given the smallest
documents that have them: by day, without users, or with users. Where the smaller ones have no room for
what they would hold (`packed` is null), those with users are read instead.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

from shared import directory
from shared.columns import DAY, USER
from shared.cube import Cube, concatenate, empty, merge
from shared.days import Period, month_of
from shared.directory import People
from shared.errors import Busy
from shared.packing import unpack
from shared.ports import Document, Stores, Usage
from shared.rollup import Rollup, read_rollup, segment_cube, tail, users_cubes

ATTEMPTS = 5
MANY_ROWS = 500_000  # merge before there are more


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
    """Some months or days as they are stored, or the segments of a day beside it."""

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
    months, merged = await _months(stores, tenant_id, period, marked, names)
    runs = list(_runs(day for day in period if month_of(day) not in months))
    days = [day for run in runs for day in run]
    found, shards = await asyncio.gather(
        asyncio.gather(*(_days(stores, tenant_id, run, names) for run in runs)),
        stores.usage.directory(tenant_id) if USER in names else _nobody(),
    )
    saved = {rollup.day: rollup for rollups, _ in found for rollup in rollups}
    tails = await asyncio.gather(
        *(
            tail(stores.usage, tenant_id, saved.get(day, Rollup(day)))
            for day in sorted(marked.intersection(days))
        )
    )
    segments = [segment for waiting in tails for segment in waiting]
    parts = [
        *merged,
        *(part for _, parts in found for part in parts),
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
    stores: Stores, tenant_id: str, period: Period, marked: set[date], names: tuple[str, ...]
) -> tuple[set[Period], list[_Part]]:
    """The merged months that lie in the period as a whole and have nothing left to fold."""
    if DAY in names and USER in names:
        return set(), []  # months do not keep the days of each user
    touched = {month_of(day) for day in marked}
    whole = [
        month for month in {month_of(day) for day in period} if month.first in period and month.last in period
    ]
    if not any(month not in touched for month in whole):
        return set(), []
    span = Period(min(month.first for month in whole), max(month.last for month in whole))
    heads = [
        head
        for head in await stores.usage.documents(tenant_id, "mtotals", span)
        if head["state"] == "ready" and _month(head) not in touched
    ]
    return {_month(head) for head in heads}, [await _month_part(stores, tenant_id, heads, names)]


async def _month_part(
    stores: Stores, tenant_id: str, heads: Sequence[Document], names: tuple[str, ...]
) -> _Part:
    async def load() -> list[Cube]:
        chunks = await _month_chunks(stores.usage, tenant_id, heads, names)
        return _few(unpack(text, names) for head in heads for text in _texts(head, chunks, names))

    states = tuple(f"{head['day']} {head['writer']}" for head in heads)
    cube = await _merged(stores, tenant_id, names, states, load)
    return _Part(cube, sum(head["duplicates"] for head in heads), sum(head["rejected"] for head in heads))


async def _merged(
    stores: Stores,
    tenant_id: str,
    names: tuple[str, ...],
    states: tuple[str, ...],
    load: Callable[[], Awaitable[Sequence[Cube]]],
) -> Cube:
    """What saved states of days or months add up to: no state ever changes, so the process keeps it."""
    key = (tenant_id, names, states)
    cube = stores.merged.get(key)
    if cube is None:
        cube = merge([empty(names), *await load()])
        stores.merged.put(key, cube)
    return cube


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


def _texts(
    head: Document, chunks: dict[tuple[str, str], list[Document]], names: tuple[str, ...]
) -> list[str]:
    """The packed cubes of a month that hold these dimensions."""
    kind = _chunk_kind(head, names)
    if kind is None:
        return [head["by_day" if DAY in names else "packed"]]
    packed = [document["packed"] for document in chunks.get((head["day"], head["writer"]), ())]
    if len(packed) != (head["chunks"] if kind == "musers" else head.get("day_chunks", 1)):
        raise _Torn
    return packed


def _month(head: Document) -> Period:
    return month_of(date.fromisoformat(head["day"]))


async def _days(
    stores: Stores, tenant_id: str, run: Period, names: tuple[str, ...]
) -> tuple[list[Rollup], list[_Part]]:
    """The saved days of the run: what is sealed as one part, each other day as one of its own."""
    if USER in names:
        documents = await stores.usage.heads(tenant_id, run)
    else:
        documents = await stores.usage.documents(tenant_id, "totals", run)
    packed = {one["day"]: one["packed"] for one in documents if one.get("packed")}
    rollups = [read_rollup(one) for one in documents]
    narrow, wide = _split(rollups, lambda one: str(one.day) in packed)

    async def totals(some: Sequence[Rollup]) -> list[Cube]:
        return [_shaped(unpack(packed[str(one.day)], names), str(one.day), names) for one in some]

    async def users(some: Sequence[Rollup]) -> list[Cube]:
        return await _users(stores.usage, tenant_id, some, names)

    parts = [
        await _day_part(stores, tenant_id, group, names, partial(load, group))
        for days, load in ((narrow, totals), (wide, users))
        for group in _groups(days)
    ]
    return rollups, parts


def _groups(rollups: Sequence[Rollup]) -> list[list[Rollup]]:
    sealed, changing = _split(rollups, lambda one: one.sealed)
    return ([sealed] if sealed else []) + [[one] for one in changing]


def _split[T](items: Iterable[T], chosen: Callable[[T], bool]) -> tuple[list[T], list[T]]:
    """Those that are chosen, and the others."""
    parts: tuple[list[T], list[T]] = ([], [])
    for item in items:
        parts[not chosen(item)].append(item)
    return parts


async def _day_part(
    stores: Stores,
    tenant_id: str,
    rollups: Sequence[Rollup],
    names: tuple[str, ...],
    load: Callable[[], Awaitable[Sequence[Cube]]],
) -> _Part:
    states = tuple(f"{one.day} {one.stamp}" for one in rollups)
    cube = await _merged(stores, tenant_id, names, states, load)
    return _Part(cube, sum(one.duplicates for one in rollups), sum(one.rejected for one in rollups))


async def _users(
    usage: Usage, tenant_id: str, rollups: Sequence[Rollup], names: tuple[str, ...]
) -> list[Cube]:
    """These saved days, in order, from their users chunks."""
    chunks: dict[str, list[Document]] = {}
    for chunk in await usage.documents(tenant_id, "users", Period(rollups[0].day, rollups[-1].day)):
        chunks.setdefault(chunk["day"], []).append(chunk)

    def cubes() -> Iterator[Cube]:
        for one in rollups:
            found = users_cubes(one, chunks.get(str(one.day), ()), names)
            if found is None:
                raise _Torn
            yield from (_shaped(cube, str(one.day), names) for cube in found)

    return _few(cubes())


def _few(cubes: Iterable[Cube]) -> list[Cube]:
    """The same usage in fewer rows: those of a large tenant's days do not fit memory side by side."""
    kept, most = list[Cube](), MANY_ROWS
    for cube in cubes:
        kept.append(cube)
        if sum(one.rows for one in kept) > most:
            kept = [merge(kept)]
            most = max(MANY_ROWS, 2 * kept[0].rows)
    return kept


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
