"""What saved months, saved days and single segments add up to, by the dimensions that a view needs.

A view is given the smallest documents that have its dimensions: by day, without users, or with users.
Where the smaller ones have no room for what they would hold (`packed` is null), those with users are
read instead.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from shared.columns import DAY, USER
from shared.cube import Cube, empty, merge
from shared.days import Period, joined, month_of
from shared.packing import unpack
from shared.ports import Document, Stores, Usage
from shared.rollup import Rollup, read_rollup, segment_cube, users_cubes

MANY_ROWS = 500_000  # merge before there are more


@dataclass(frozen=True, slots=True)
class Part:
    """Some months or days as they are stored, or the segments of a day beside it."""

    cube: Cube
    duplicates: int
    rejected: int


class Torn(Exception):
    """Documents were replaced between two reads; reading them again gives a whole picture."""


async def month_part(
    stores: Stores, tenant_id: str, heads: Sequence[Document], names: tuple[str, ...]
) -> Part:
    """What merged months add up to, by their main documents."""

    async def load() -> list[Cube]:
        chunks = await _month_chunks(stores.usage, tenant_id, heads, names)
        return _few(unpack(text, names) for head in heads for text in _texts(head, chunks, names))

    states = tuple(f"{head['day']} {head['writer']}" for head in heads)
    cube = await _merged(stores, tenant_id, names, states, load)
    return Part(cube, sum(head["duplicates"] for head in heads), sum(head["rejected"] for head in heads))


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
        raise Torn
    return packed


async def day_parts(
    stores: Stores, tenant_id: str, documents: Sequence[Document], names: tuple[str, ...]
) -> list[Part]:
    """What saved days have, by their totals documents: the sealed ones as one part, each other as its own."""
    packed = {one["day"]: one["packed"] for one in documents if one.get("packed")}
    narrow, wide = _split(map(read_rollup, documents), lambda one: str(one.day) in packed)

    async def totals(some: Sequence[Rollup]) -> list[Cube]:
        return [_shaped(unpack(packed[str(one.day)], names), str(one.day), names) for one in some]

    async def users(some: Sequence[Rollup]) -> list[Cube]:
        return await _users(stores.usage, tenant_id, some, names)

    return [
        await _day_part(stores, tenant_id, group, names, partial(load, group))
        for days, load in ((narrow, totals), (wide, users))
        for group in _groups(days)
    ]


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
) -> Part:
    states = tuple(f"{one.day} {one.stamp}" for one in rollups)
    cube = await _merged(stores, tenant_id, names, states, load)
    return Part(cube, sum(one.duplicates for one in rollups), sum(one.rejected for one in rollups))


async def _users(
    usage: Usage, tenant_id: str, rollups: Sequence[Rollup], names: tuple[str, ...]
) -> list[Cube]:
    """These saved days, in order, from their users chunks."""
    chunks: dict[str, list[Document]] = {}
    span = Period(rollups[0].day, rollups[-1].day)
    runs = joined(part for one in rollups if (part := month_of(one.day).within(span)))
    for chunk in await usage.several(tenant_id, [("users", run) for run in runs], cubes=True):
        chunks.setdefault(chunk["day"], []).append(chunk)

    def cubes() -> Iterator[Cube]:
        for one in rollups:
            found = users_cubes(one, chunks.get(str(one.day), ()), names)
            if found is None:
                raise Torn
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


def segment_part(segment: Document, names: tuple[str, ...]) -> Part:
    """The events of a segment."""
    cube = segment_cube(segment, users=USER in names)
    return Part(_shaped(cube, segment["day"], names), segment["duplicates"], segment["rejected"])


def _shaped(cube: Cube, day: str, names: tuple[str, ...]) -> Cube:
    """The cube of one day with the dimensions asked for."""
    return (cube.labelled(DAY, day) if DAY in names else cube).project(names)
