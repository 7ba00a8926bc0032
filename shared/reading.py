"""Reading a tenant's usage of a period: whole months, single days, and the segments these do not hold yet.

Every view is answered from here. It names the dimensions that it needs; what they are read from, see `parts`.

Whatever changes what a reading tells is followed by a change of the tenant's marks: an event by its day's,
sealing, repricing and imports too, other names of users by `mark_changed`. (Folding and merging change
nothing of it.) So this process keeps what it has read, and tells it again as long as the marks are the same.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from shared import directory
from shared.columns import USER
from shared.cube import Cube, concatenate, empty
from shared.days import Period
from shared.directory import People
from shared.errors import Busy
from shared.look import Look
from shared.parts import Part, Torn, day_parts, month_part, segment_part
from shared.ports import Document, Marking, Stores, Usage
from shared.rollup import Rollup, is_unfolded, tail
from shared.saved import Asked, Saved, find_saved

ATTEMPTS = 5
KEPT = 60  # seconds for which a reading is told again


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
class Told:
    """A reading as it was at a time of this process, by these marks.

    Its people stay where they are kept: in shards with these heads. `named` are those that segments name.
    """

    reading: Reading
    marking: Marking
    at: float
    heads: Sequence[Document]
    named: People | None

    @property
    def size(self) -> int:
        """The memory that it takes, about."""
        return self.reading.cube.bytes + 256 * (len(self.heads) + len(self.named or ()))

    def with_people(self, shards: Sequence[Document]) -> Reading:
        """The whole reading."""
        if self.named is None:
            return self.reading
        return replace(self.reading, people=directory.people(shards, self.named))


type _Found = tuple[list[Told], list[Document]]
"""Readings, one for all that was asked, and the shards that have their people."""


async def read(stores: Stores, tenant_id: str, period: Period, names: Iterable[str]) -> Reading:
    """Everything that has been stored of the tenant's usage in the period, by these dimensions.

    Names are those of `columns.DIMENSIONS`, `user` and `day`.
    Raises Busy when folds kept replacing what was being read.
    """
    (reading,) = await read_all(stores, tenant_id, [(period, names)])
    return reading


async def read_all(
    stores: Stores, tenant_id: str, wanted: Iterable[tuple[Period, Iterable[str]]]
) -> list[Reading]:
    """Several readings, of these periods and by these dimensions; what they share is asked for once."""
    asked = [Asked(period, tuple(dict.fromkeys(names))) for period, names in wanted]
    for _ in range(ATTEMPTS):
        try:
            found, shards = await _read(stores, tenant_id, asked)
        except Torn:
            continue
        return [one.with_people(shards) for one in found]
    raise Busy("The usage of these days is being rewritten; try again.")


async def _read(stores: Stores, tenant_id: str, asked: Sequence[Asked]) -> _Found:
    """What is kept, if nothing was marked since. Else the marks and what is stored, in this order.

    In this order a day without a mark is whole as it is saved, and so is a merged month of such days.
    After a look at the tenant both are asked for side by side. That holds if the days of the look are
    still those that are marked, and no mark has been cleared since: then no other day was marked in
    between, and all that was said is true side by side as well. A day with a mark is whole either way:
    see `_find`.
    """
    at, last = time.monotonic(), stores.looks.get(tenant_id)
    asking = stores.marks.marking(tenant_id)
    if last is None:
        return await _find(stores, tenant_id, asked, _seen(stores, tenant_id, await asking))
    if kept := _kept(stores, tenant_id, asked, last, at):
        look = _seen(stores, tenant_id, await asking)
        if look.marking != last.marking:
            return await _find(stores, tenant_id, asked, look)
        return kept, await directory.shards(stores, tenant_id, [head for one in kept for head in one.heads])
    marking, found = await asyncio.gather(asking, _find(stores, tenant_id, asked, last))
    look = _seen(stores, tenant_id, marking)
    if not marking.has_days_of(last.marking):
        return await _find(stores, tenant_id, asked, look)
    if marking == last.marking and last.is_sure(at):
        for one, told in zip(asked, found[0], strict=True):
            stores.told.put((tenant_id, one), told)
    return found


def _seen(stores: Stores, tenant_id: str, marking: Marking) -> Look:
    """The last look, whoever took it, with these marks."""
    at = time.monotonic()
    look = (stores.looks.get(tenant_id) or Look(marking, at)).seen(marking, at)
    stores.looks.put(tenant_id, look)
    return look


def _kept(stores: Stores, tenant_id: str, asked: Sequence[Asked], look: Look, at: float) -> list[Told]:
    """What has been told of all that by the marks of this look; nothing if some of it is not kept."""
    kept = [stores.told.get((tenant_id, one)) for one in asked]
    good = [one for one in kept if one and one.marking == look.marking and at - one.at < KEPT]
    return good if len(good) == len(asked) else []


async def _find(stores: Stores, tenant_id: str, asked: Sequence[Asked], look: Look) -> _Found:
    """What is stored, by these marks; everything at once.

    The segments beside a marked day are asked for by the state that the look knows. The saved state may
    be a later one: it holds all that the known one does, so those that it does not hold are among them.
    """
    usage, at = stores.usage, time.monotonic()
    recent = look.known(at)
    marked = [day for day in look.marking.days if any(day in one.period for one in asked)]
    known = {day: recent[day] for day in marked if day in recent}
    everything, tails = await asyncio.gather(
        asyncio.gather(*(find_saved(usage, tenant_id, one, look) for one in asked)),
        _tails(usage, tenant_id, known),
    )
    parts, late, shards = await asyncio.gather(
        asyncio.gather(*(_parts(stores, tenant_id, saved) for saved in everything)),
        _tails(usage, tenant_id, _unknown(known, everything)),
        directory.shards(stores, tenant_id, [head for saved in everything for head in saved.shards]),
    )
    tails |= late
    _remember(stores, tenant_id, look, at, everything)
    told = [
        _told(saved, some, tails, shards, look.marking, at)
        for saved, some in zip(everything, parts, strict=True)
    ]
    return told, shards


def _remember(stores: Stores, tenant_id: str, look: Look, at: float, everything: Iterable[Saved]) -> None:
    """Adds what is saved to the last look."""
    newest = stores.looks.get(tenant_id) or look
    for saved in everything:
        newest = newest.found(at, saved.states, saved.whole, saved.merged)
    stores.looks.put(tenant_id, newest)


async def _tails(usage: Usage, tenant_id: str, states: Mapping[date, Rollup]) -> dict[date, list[Document]]:
    """The segments that these states of days do not hold."""
    found = await asyncio.gather(*(tail(usage, tenant_id, one) for one in states.values()))
    return dict(zip(states, found, strict=True))


def _unknown(known: Mapping[date, Rollup], everything: Iterable[Saved]) -> dict[date, Rollup]:
    """The saved states that are not known, nor later than a known one; of a day's several the earliest."""
    oldest = dict(known)
    for saved in everything:
        for state in saved.states:
            if state.day not in oldest or state.version < oldest[state.day].version:
                oldest[state.day] = state
    return {day: state for day, state in oldest.items() if state is not known.get(day)}


async def _parts(stores: Stores, tenant_id: str, saved: Saved) -> list[Part]:
    """What is saved, by the dimensions asked for."""
    names = saved.asked.names
    month, days = await asyncio.gather(
        month_part(stores, tenant_id, saved.months, names), day_parts(stores, tenant_id, saved.days, names)
    )
    return [month, *days]


def _told(
    saved: Saved,
    parts: Iterable[Part],
    tails: Mapping[date, Sequence[Document]],
    shards: Sequence[Document],
    marking: Marking,
    at: float,
) -> Told:
    """It all as one."""
    names = saved.asked.names
    segments = [one for state in saved.states for one in tails[state.day] if is_unfolded(state, one)]
    parts = [*parts, *(segment_part(segment, names) for segment in segments)]
    cube = concatenate([empty(names), *(part.cube for part in parts)])
    reading = Reading(
        cube=cube.mapped(USER, directory.pseudonyms(shards)) if USER in names else cube,
        duplicates=sum(part.duplicates for part in parts),
        rejected=sum(part.rejected for part in parts),
    )
    named = directory.of_segments(segments) if USER in names else None
    return Told(reading, marking, at, saved.shards, named)
