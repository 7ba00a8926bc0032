"""The recount of a day: what all of its segments add up to, beside what is saved of it."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np

from shared import directory
from shared.columns import DIMENSIONS, KEYS, MEASURES
from shared.cube import Cube, concatenate, empty, merge
from shared.days import Period, start_of
from shared.packing import unpack
from shared.ports import Document, Usage
from shared.rollup import (
    ATTEMPTS,
    Rollup,
    advance,
    is_unfolded,
    read_rollup,
    save,
    segment_cube,
    unfolded,
    users_cubes,
)
from shared.segment import TTL
from shared.tenants import Tenant

ALIVE = timedelta(seconds=TTL) - timedelta(days=1)  # from the start of a day, none of its segments expires


@dataclass(frozen=True, slots=True)
class Recount:
    """A day counted again.

    `right`: what is saved is the sum of the segments that it says to hold. `waiting` more are not folded
    yet. `whole` and `cube` are the state of the day with all of them, to be stored in place of `saved`.
    """

    saved: Rollup
    right: bool
    waiting: int
    whole: Rollup
    cube: Cube


@dataclass(slots=True)
class _Sum:
    """Segments added up."""

    cube: Cube
    segments: int = 0
    duplicates: int = 0
    rejected: int = 0

    def add(self, segments: Iterable[Document]) -> None:
        cubes = [self.cube]
        for one in segments:
            self.segments += 1
            self.duplicates += one["duplicates"]
            self.rejected += one["rejected"]
            cubes.append(segment_cube(one, users=True))
        self.cube = merge(cubes)


def is_alive(tenant: Tenant, day: date, now: datetime) -> bool:
    """Whether all segments of the day are still there."""
    return now < start_of(day, tenant.zone) + ALIVE


async def count_again(usage: Usage, tenant_id: str, day: date, now: datetime) -> Recount:
    """Reads all segments of a day whose segments live. Writes nothing."""
    saved, totals, users = await saved_day(usage, tenant_id, day)
    held, waiting, whole = _Sum(empty(KEYS)), _Sum(empty(KEYS)), Rollup(day, tariff=saved.tariff)
    async for segments, after in pages(usage, tenant_id, saved, now):
        held.add(one for one in segments if not is_unfolded(saved, one))
        waiting.add(one for one in segments if is_unfolded(saved, one))
        whole = after
    counts = (held.duplicates, held.rejected) == (saved.duplicates, saved.rejected)
    right = counts and users is not None and same(users, held.cube)
    right = right and same(totals, held.cube.group_by(*DIMENSIONS))
    return Recount(
        saved=saved,
        right=right,
        waiting=waiting.segments,
        whole=replace(whole, version=saved.version + 1, sealed=saved.sealed, etag=saved.etag),
        cube=merge([held.cube, waiting.cube]),
    )


async def repair(usage: Usage, tenant_id: str, recount: Recount) -> bool:
    """Stores the recounted day; False if others changed it meanwhile."""
    async for segments, _ in pages(usage, tenant_id, recount.saved, recount.whole.folded_at):
        await directory.learn(usage, tenant_id, segments)
    return await save(usage, tenant_id, recount.whole, recount.cube)


def same(one: Cube, other: Cube) -> bool:
    """Whether two cubes have the same rows, in whatever order."""
    both = concatenate([one, other])  # so that equal values have equal codes
    names = tuple(both.dimensions)
    rows = np.arange(both.rows)
    left, right = (both.take(some).group_by(*names) for some in (rows[: one.rows], rows[one.rows :]))
    return left.rows == right.rows and all(
        np.array_equal(ours, theirs)
        for ours, theirs in [
            *((left.dimensions[name].codes, right.dimensions[name].codes) for name in names),
            *((left.measures[name], right.measures[name]) for name in MEASURES),
        ]
    )


async def saved_day(usage: Usage, tenant_id: str, day: date) -> tuple[Rollup, Cube, Cube | None]:
    """The saved state of a day, its totals and its users; None for these if some of them are lost.

    The totals of a wide day are those of its users.
    """
    for attempt in range(ATTEMPTS):
        found = await usage.documents(tenant_id, "totals", Period(day, day))
        if not found:
            return Rollup(day), empty(DIMENSIONS), empty(KEYS)
        rollup = read_rollup(found[0])
        users = users_cubes(rollup, await usage.documents(tenant_id, "users", Period(day, day)))
        if users is not None or attempt == ATTEMPTS - 1:
            break  # else it was replaced just now, or not
    cube = None if users is None else merge(users)
    packed = found[0]["packed"]
    totals = unpack(packed) if packed else merge([empty(KEYS), *(users or ())]).group_by(*DIMENSIONS)
    return rollup, totals, cube


async def pages(
    usage: Usage, tenant_id: str, saved: Rollup, now: datetime
) -> AsyncIterator[tuple[list[Document], Rollup]]:
    """All segments of the saved day, some at a time, with the state of a day that holds those so far.

    They are at the day's tariff, if it has been repriced.
    """
    state = Rollup(saved.day, tariff=saved.tariff)
    while segments := await unfolded(usage, tenant_id, state):
        state = advance(state, segments, now, 0)
        yield [saved.tariff.applied(one) for one in segments] if saved.tariff else segments, state
