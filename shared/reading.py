"""Reading a tenant's usage of a period: whole months, single days, and the segments these do not hold yet.

Every view is answered from here. It names the dimensions that it needs; what they are read from, see `parts`.

A process keeps what it has read, and tells it again while the tenant's marks are the same. That is right
because whatever changes an answer changes the marks afterwards: events, imports and repricing mark a day,
sealing clears its mark, naming or erasing a user calls `mark_tenant`. Folds and merges change no figure.
A name that a fold has learnt from another day's events shows after `KEPT` at the latest.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from shared import directory
from shared.columns import USER
from shared.cube import Cube, concatenate, empty
from shared.days import Period
from shared.directory import Known, People
from shared.errors import Busy
from shared.look import Look
from shared.parts import Part, Torn, day_parts, month_part, segment_part
from shared.ports import Document, Marking, ShardName, Stores, Usage
from shared.rollup import Rollup, is_unfolded, tail
from shared.saved import Asked, Saved, find_saved

ATTEMPTS = 5
KEPT = 300  # seconds: whatever else is changed, by hand even, shows then
READING_BYTES, NAME_BYTES = 2_000, 256  # what Python takes for a reading, and for a name in it, about


@dataclass(frozen=True, slots=True)
class Reading:
    """The usage of a period: rows with the dimensions asked for, of which equal ones may stand apart.

    `people` says who the users are, where users were asked for.
    """

    cube: Cube
    duplicates: int = 0
    rejected: int = 0
    people: Known | None = None

    def filter(self, wanted: dict[str, list[str | None]]) -> "Reading":
        """The usage whose value of each named dimension is among the wanted ones."""
        return replace(self, cube=self.cube.filter(wanted))


@dataclass(frozen=True, slots=True)
class KeptReading:
    """A reading to answer with again while the marks are these.

    `at` is the time of this process at which it began. Shards of the directory are named, not held: they
    are large, and many readings share them.
    """

    reading: Reading
    marking: Marking
    at: float
    shards: Sequence[ShardName] = ()
    named: People | None = None

    @property
    def size(self) -> int:
        """The memory that it takes, about."""
        names = len(self.shards) + len(self.named or ())
        return READING_BYTES + self.reading.cube.bytes + NAME_BYTES * names


type Wanted = tuple[Period, Iterable[str]]
"""A period, and dimensions."""


async def read(stores: Stores, tenant_id: str, period: Period, names: Iterable[str]) -> Reading:
    """Everything that has been stored of the tenant's usage in the period, by these dimensions.

    Names are those of `columns.DIMENSIONS`, `user` and `day`.
    Raises Busy when folds kept replacing what was being read.
    """
    (reading,) = await read_all(stores, tenant_id, [(period, names)])
    return reading


async def read_all(stores: Stores, tenant_id: str, wanted: Iterable[Wanted]) -> list[Reading]:
    """Several readings, of these periods and by these dimensions; what they share is asked for once."""
    return await answer(stores, tenant_id, wanted, list)


async def answer[T](
    stores: Stores, tenant_id: str, wanted: Iterable[Wanted], work: Callable[[list[Reading]], T]
) -> T:
    """What `work` makes of several readings. Of kept ones it is made while the marks are on their way."""
    asked = [Asked(period, tuple(dict.fromkeys(names))) for period, names in wanted]
    for _ in range(ATTEMPTS):
        try:
            return await _answer(stores, tenant_id, asked, work)
        except Torn:
            continue
    raise Busy("The usage of these days is being rewritten; try again.")


async def _answer[T](
    stores: Stores, tenant_id: str, asked: Sequence[Asked], work: Callable[[list[Reading]], T]
) -> T:
    """The same: of kept readings if the marks have not changed since, else of what is stored."""
    at, last = time.monotonic(), stores.looks.get(tenant_id)
    kept = _kept(stores, tenant_id, asked, last, at) if last else []
    if not (last and kept):
        return work(await _read(stores, tenant_id, asked, last))

    async def early() -> T:
        return work(kept)

    marking, made = await asyncio.gather(stores.marks.marking(tenant_id), early())
    look = _look(stores, tenant_id, marking)
    return made if marking == last.marking else work(await _find(stores, tenant_id, asked, look))


async def _read(stores: Stores, tenant_id: str, asked: Sequence[Asked], last: Look | None) -> list[Reading]:
    """What is stored, by the marks, and in this order if there was no look before.

    In this order a day without a mark is whole as it is saved, and so is a merged month of such days. After
    a look both are asked for side by side. That holds if still the same days are marked, and no mark has
    been cleared since: then no other day was marked in between, and all that was said is true side by side
    as well. A day with a mark is whole either way: see `_find`.
    """
    at = time.monotonic()
    if last is None:
        look = _look(stores, tenant_id, await stores.marks.marking(tenant_id))
        return await _find(stores, tenant_id, asked, look)
    marking, found = await asyncio.gather(
        stores.marks.marking(tenant_id), _find(stores, tenant_id, asked, last)
    )
    look = _look(stores, tenant_id, marking)
    if not marking.has_same_days(last.marking):
        return await _find(stores, tenant_id, asked, look)
    if marking == last.marking and last.has_caught_up(at):
        for one, reading in zip(asked, found, strict=True):
            stores.readings.put((tenant_id, one), _to_keep(tenant_id, reading, last.marking, at))
    return found


def _look(stores: Stores, tenant_id: str, marking: Marking) -> Look:
    """The last look, whoever took it, with these marks."""
    at = time.monotonic()
    look = (stores.looks.get(tenant_id) or Look(marking, at)).with_marking(marking, at)
    stores.looks.put(tenant_id, look)
    return look


def _kept(stores: Stores, tenant_id: str, asked: Sequence[Asked], look: Look, at: float) -> list[Reading]:
    """What has been read of all that by the marks of this look; nothing if some of it is not kept."""
    found = [stores.readings.get((tenant_id, one)) for one in asked]
    good = [one for one in found if one and one.marking == look.marking and at - one.at < KEPT]
    whole = [reading for one in good if (reading := _again(stores, one))]
    return whole if len(whole) == len(asked) else []


def _to_keep(tenant_id: str, reading: Reading, marking: Marking, at: float) -> KeptReading:
    """The reading without its shards."""
    people, bare = reading.people, replace(reading, people=None)
    if people is None:
        return KeptReading(bare, marking, at)
    return KeptReading(bare, marking, at, directory.shard_names(tenant_id, people.shards), people.named)


def _again(stores: Stores, kept: KeptReading) -> Reading | None:
    """The reading as it was; None if its shards are not kept any more: others may not go with it."""
    if kept.named is None:
        return kept.reading
    shards = directory.kept_shards(stores, kept.shards)
    return None if shards is None else replace(kept.reading, people=directory.people(shards, kept.named))


async def _find(stores: Stores, tenant_id: str, asked: Sequence[Asked], look: Look) -> list[Reading]:
    """What is stored, by these marks; everything at once.

    The segments beside a marked day are asked for by the state that the look knows. The saved state may
    be a later one: it holds all that the known one does, so those that it does not hold are among them.
    """
    usage, at = stores.usage, time.monotonic()
    recent = look.known(at)
    marked = [day for day in look.marking.days if any(day in one.period for one in asked)]
    known = {day: recent[day] for day in marked if day in recent}
    everything, tails = await asyncio.gather(
        asyncio.gather(*(find_saved(usage, tenant_id, one, marked, look.split) for one in asked)),
        _tails(usage, tenant_id, known),
    )
    parts, late, shards = await asyncio.gather(
        asyncio.gather(*(_parts(stores, tenant_id, saved) for saved in everything)),
        _tails(usage, tenant_id, _unknown(known, everything)),
        directory.shards(stores, tenant_id, [head for saved in everything for head in saved.shards]),
    )
    tails |= late
    _remember(stores, tenant_id, look, at, everything)
    return [_reading(saved, some, tails, shards) for saved, some in zip(everything, parts, strict=True)]


def _remember(stores: Stores, tenant_id: str, look: Look, at: float, everything: Iterable[Saved]) -> None:
    """Adds what is saved to the last look."""
    newest = stores.looks.get(tenant_id) or look
    for saved in everything:
        newest = newest.with_saved(saved, at)
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


def _reading(
    saved: Saved,
    parts: Iterable[Part],
    tails: Mapping[date, Sequence[Document]],
    shards: Sequence[Document],
) -> Reading:
    """What is saved and what is not folded, added up."""
    names = saved.asked.names
    segments = [one for state in saved.states for one in tails[state.day] if is_unfolded(state, one)]
    parts = [*parts, *(segment_part(segment, names) for segment in segments)]
    cube = concatenate([empty(names), *(part.cube for part in parts)])
    return Reading(
        cube=cube.mapped(USER, directory.pseudonyms(shards)) if USER in names else cube,
        duplicates=sum(part.duplicates for part in parts),
        rejected=sum(part.rejected for part in parts),
        people=directory.people(shards, directory.of_segments(segments)) if USER in names else None,
    )
