"""Reading a tenant's usage of a period: whole months, single days, and the segments these do not hold yet.

Every view is answered from here. It names the dimensions that it needs; what they are read from, see `parts`.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date

from shared import directory
from shared.columns import DAY, USER
from shared.cube import Cube, concatenate, empty
from shared.days import Period, joined, month_of, months_of
from shared.directory import People
from shared.errors import Busy
from shared.parts import Part, Torn, day_parts, month_part, segment_part
from shared.ports import Document, Marking, Stores, Usage
from shared.rollup import Rollup, is_unfolded, read_rollup, tail

ATTEMPTS = 5
RECENT = 30  # seconds: beside a state of that age few segments are waiting


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
class Look:
    """What this process saw of a tenant when it last read, so that the next reading need not wait for it.

    `states` has the saved states of some of the marked days, each with the time of this process at which
    it was asked for. `split` are whole months that were not merged: their days are worth asking for at once.
    """

    marking: Marking
    states: Mapping[date, tuple[float, Rollup]] = field(default_factory=dict)
    split: frozenset[Period] = frozenset()

    @property
    def size(self) -> int:
        """How many days and segments it names."""
        return 1 + len(self.marking.days) + sum(len(one.folded) for _, one in self.states.values())

    def known(self, at: float) -> dict[date, Rollup]:
        """The states that are recent at that time."""
        return {day: state for day, (asked_at, state) in self.states.items() if at - asked_at < RECENT}

    def after(self, marking: Marking, at: float, found: Iterable["_Saved"]) -> "Look":
        """With what readings found, by these marks, that began at that time."""
        states = {
            day: one for day, one in self.states.items() if day in marking.days and at - one[0] < RECENT
        }
        split = self.split
        for saved in found:
            states |= {state.day: (at, state) for state in saved.states}
            split = (split - saved.whole) | (saved.whole - saved.merged)
        return Look(marking, states, split)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked for: the days of a period, by these dimensions."""

    period: Period
    names: tuple[str, ...]

    def whole(self, marked: Iterable[date]) -> list[Period]:
        """The months that lie in the period as a whole and have no mark: they may be merged."""
        if DAY in self.names and USER in self.names:
            return []  # months do not keep the days of each user
        touched = {month_of(day) for day in marked}
        return [
            month
            for month in months_of(self.period)
            if month.first in self.period and month.last in self.period and month not in touched
        ]


@dataclass(frozen=True, slots=True)
class _Saved:
    """What is saved of that: main documents of merged months, totals of all other days, heads of `shards`.

    `states` are those of the marked days. Of the months that may be merged, `whole`, these are `merged`.
    """

    asked: _Asked
    months: Sequence[Document]
    days: Sequence[Document]
    states: Sequence[Rollup]
    whole: Set[Period]
    merged: Set[Period]
    shards: Sequence[Document]


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
    asked = [_Asked(period, tuple(dict.fromkeys(names))) for period, names in wanted]
    for _ in range(ATTEMPTS):
        try:
            return await _read(stores, tenant_id, asked)
        except Torn:
            continue
    raise Busy("The usage of these days is being rewritten; try again.")


async def _read(stores: Stores, tenant_id: str, asked: Sequence[_Asked]) -> list[Reading]:
    """The marks and what is stored: side by side if the last look still holds, else in this order.

    In this order a day without a mark is whole as it is saved, and so is a merged month of such days.
    The last look holds if its days are still those that are marked, and no mark has been cleared since:
    then no other day was marked in between, and all that was said is true side by side as well. A day
    with a mark is whole either way: see `_find`.
    """
    at, last = time.monotonic(), stores.looks.get(tenant_id)
    marks = stores.marks.marking(tenant_id)
    if last is None:
        look = Look(await marks)
        found = await _find(stores, tenant_id, asked, look)
    else:
        marking, found = await asyncio.gather(marks, _find(stores, tenant_id, asked, last))
        look = replace(last, marking=marking)
        if marking != last.marking:
            found = await _find(stores, tenant_id, asked, look)
    newest = stores.looks.get(tenant_id) or look
    stores.looks.put(tenant_id, newest.after(look.marking, at, (saved for saved, _ in found)))
    return [reading for _, reading in found]


async def _find(
    stores: Stores, tenant_id: str, asked: Sequence[_Asked], look: Look
) -> list[tuple[_Saved, Reading]]:
    """What is stored, by these marks; everything at once.

    The segments beside a marked day are asked for by the state that the look knows. The saved state may
    be a later one: it holds all that the known one does, so those that it does not hold are among them.
    """
    usage, recent = stores.usage, look.known(time.monotonic())
    marked = [day for day in look.marking.days if any(day in one.period for one in asked)]
    known = {day: recent[day] for day in marked if day in recent}
    everything, tails = await asyncio.gather(
        asyncio.gather(*(_saved(usage, tenant_id, one, look) for one in asked)),
        _tails(usage, tenant_id, known),
    )
    parts, late, shards = await asyncio.gather(
        asyncio.gather(*(_parts(stores, tenant_id, saved) for saved in everything)),
        _tails(usage, tenant_id, _unknown(known, everything)),
        directory.shards(stores, tenant_id, [head for saved in everything for head in saved.shards]),
    )
    tails |= late
    return [
        (saved, _reading(saved, some, tails, shards)) for saved, some in zip(everything, parts, strict=True)
    ]


async def _tails(usage: Usage, tenant_id: str, states: Mapping[date, Rollup]) -> dict[date, list[Document]]:
    """The segments that these states of days do not hold."""
    found = await asyncio.gather(*(tail(usage, tenant_id, one) for one in states.values()))
    return dict(zip(states, found, strict=True))


def _unknown(known: Mapping[date, Rollup], everything: Iterable[_Saved]) -> dict[date, Rollup]:
    """The saved states that are not known, nor later than a known one; of a day's several the earliest."""
    oldest = dict(known)
    for saved in everything:
        for state in saved.states:
            if state.day not in oldest or state.version < oldest[state.day].version:
                oldest[state.day] = state
    return {day: state for day, state in oldest.items() if state is not known.get(day)}


async def _saved(usage: Usage, tenant_id: str, asked: _Asked, look: Look) -> _Saved:
    """What is saved. A month that was split is read by day even if it is merged by now."""
    users = USER in asked.names

    async def ask(months: Iterable[Period], *more: tuple[str, Period | None]) -> list[Document]:
        runs = joined(part for month in months if (part := month.within(asked.period)))
        wanted = [*(("totals", run) for run in runs), *more]
        return await usage.several(tenant_id, wanted, cubes=not users) if wanted else []

    marked = sorted(day for day in look.marking.days if day in asked.period)
    whole = asked.whole(marked)
    split = look.split.intersection(whole)
    more: list[tuple[str, Period | None]] = [("directory", None)] if users else []
    if whole:
        more.append(("mtotals", Period(whole[0].first, whole[-1].last)))
    found = await ask((one for one in months_of(asked.period) if one not in whole or one in split), *more)
    ready = {_month(one): one for one in found if one["kind"] == "mtotals" and one["state"] == "ready"}
    found += await ask(one for one in whole if one not in ready and one not in split)
    days = {one["day"]: one for one in found if one["kind"] == "totals"}
    return _Saved(
        asked=asked,
        months=[ready[one] for one in whole if one in ready and one not in split],
        days=[days[day] for day in sorted(days)],
        states=[read_rollup(days[str(day)]) if str(day) in days else Rollup(day) for day in marked],
        whole=frozenset(whole),
        merged=ready.keys(),
        shards=[one for one in found if one["kind"] == "directory"],
    )


def _month(head: Document) -> Period:
    return month_of(date.fromisoformat(head["day"]))


async def _parts(stores: Stores, tenant_id: str, saved: _Saved) -> list[Part]:
    """What is saved, by the dimensions asked for."""
    names = saved.asked.names
    month, days = await asyncio.gather(
        month_part(stores, tenant_id, saved.months, names), day_parts(stores, tenant_id, saved.days, names)
    )
    return [month, *days]


def _reading(
    saved: _Saved,
    parts: Iterable[Part],
    tails: Mapping[date, Sequence[Document]],
    shards: Sequence[Document],
) -> Reading:
    """It all as one."""
    names = saved.asked.names
    segments = [one for state in saved.states for one in tails[state.day] if is_unfolded(state, one)]
    parts = [*parts, *(segment_part(segment, names) for segment in segments)]
    cube = concatenate([empty(names), *(part.cube for part in parts)])
    return Reading(
        cube=cube.mapped(USER, directory.pseudonyms(shards)) if USER in names else cube,
        duplicates=sum(part.duplicates for part in parts),
        rejected=sum(part.rejected for part in parts),
        people=directory.people(shards, segments) if USER in names else None,
    )
