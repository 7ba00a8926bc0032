"""The day rollup: the saved sum of a tenant-day's segments, and the fold that brings it up to date.

A fold is a read that saves its result: the rollup plus the segments that it does not hold yet. The
users chunks are written under a new version first; then the totals document, which names that version,
is created or replaced with if-match. That one write is the commit: a lost race starts over, and a
reader always sees a whole day.

The totals document of a wide day, whose totals have more rows than fit it, goes without them
(`packed` is null): the users chunks hold everything, and who needs such totals reads these.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from shared import directory
from shared.columns import DIMENSIONS, KEYS
from shared.cube import Cube, empty, from_json, merge
from shared.days import Period
from shared.each import each
from shared.errors import Busy
from shared.event import EPOCH
from shared.packing import split, unpack, with_packed
from shared.ports import Document, Mark, Marks, Usage
from shared.tariff import Tariff
from shared.telemetry import FOLD_LAG

WINDOW = 300  # seconds: how far behind `folded_until` a segment may still turn up
MANY = 64
OLD = timedelta(minutes=10)
SETTLED = timedelta(minutes=1)
AT_ONCE = 500
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Rollup:
    """The saved state of a tenant-day; that of version 0 is a day without any.

    `folded` has the `_ts` of each folded segment (by id) that is inside the window.
    """

    day: date
    version: int = 0
    writer: str = ""
    chunks: int = 0
    folded_until: int = 0
    folded: dict[str, int] = field(default_factory=dict)
    folded_at: datetime = EPOCH
    duplicates: int = 0
    rejected: int = 0
    sealed: bool = False
    tariff: Tariff | None = None
    etag: str | None = None

    @property
    def stamp(self) -> str:
        """What names this state of the day: no other one has the same."""
        return f"{self.version}.{self.writer}"

    @property
    def since(self) -> int:
        """The `_ts` from which on a segment may be unfolded."""
        return max(self.folded_until - WINDOW, 0)


def totals_id(day: date) -> str:
    """The id of a day's totals document."""
    return f"totals|{day}"


def read_rollup(document: Document) -> Rollup:
    """The state of a day from its totals document."""
    return Rollup(
        day=date.fromisoformat(document["day"]),
        version=document["version"],
        writer=document["writer"],
        chunks=document["chunks"],
        folded_until=document["folded_until"],
        folded=document["folded"],
        folded_at=datetime.fromisoformat(document["folded_at"]),
        duplicates=document["duplicates"],
        rejected=document["rejected"],
        sealed=document["sealed"],
        tariff=Tariff(**document["tariff"]) if document["tariff"] else None,
        etag=document["_etag"],
    )


async def find_rollup(usage: Usage, tenant_id: str, day: date) -> Rollup:
    """The saved state of one day."""
    documents = await usage.heads(tenant_id, Period(day, day))
    return read_rollup(documents[0]) if documents else Rollup(day)


async def unfolded(usage: Usage, tenant_id: str, rollup: Rollup, most: int = AT_ONCE) -> list[Document]:
    """The oldest segments that the rollup does not hold yet."""
    return await usage.segments(tenant_id, rollup.day, rollup.since, rollup.folded, most)


def is_unfolded(rollup: Rollup, segment: Document) -> bool:
    """Whether `unfolded` would give this segment."""
    return segment["_ts"] >= rollup.since and segment["id"] not in rollup.folded


async def tail(usage: Usage, tenant_id: str, rollup: Rollup) -> list[Document]:
    """All segments that the rollup does not hold yet, however many wait."""
    found = list[Document]()
    while some := await unfolded(usage, tenant_id, rollup):
        found += some
        if len(some) < AT_ONCE:
            break
        rollup = advance(rollup, some, rollup.folded_at, rollup.chunks)
    return found


def segment_cube(segment: Document, *, users: bool) -> Cube:
    """The rows of a segment, one an event."""
    return from_json(segment["cube"], KEYS if users else DIMENSIONS)


def users_cubes(
    rollup: Rollup, chunks: Sequence[Document], names: Collection[str] | None = None
) -> list[Cube] | None:
    """The users cube of the day by these dimensions (all of them by default), in its chunks.

    None when they are not all there (any more).
    """
    own = [
        chunk for chunk in chunks if (chunk["version"], chunk["writer"]) == (rollup.version, rollup.writer)
    ]
    return [unpack(chunk["packed"], names) for chunk in own] if len(own) == rollup.chunks else None


async def fold_marked(usage: Usage, marks: Marks, now: datetime) -> Counter[str]:
    """One round of the timer over the marked tenant-days; gives how many segments of each tenant it folded.

    A mark older than the longest wait was seen by earlier rounds. Should they have failed, the day is
    folded when it is sealed. Only sealing clears a mark.
    """

    folded = Counter[str]()

    async def fold(mark: Mark) -> None:
        rollup = await find_rollup(usage, mark.tenant_id, mark.day)
        waiting = await usage.count_segments(mark.tenant_id, mark.day, rollup.since, rollup.folded)
        if waiting >= MANY or (waiting and rollup.folded_at < now - OLD):
            folded[mark.tenant_id] += await fold_day(usage, mark.tenant_id, mark.day, now)

    recent = [mark for mark in await marks.all() if mark.at > now - OLD - 2 * SETTLED]
    await each(recent, fold)
    return folded


async def fold_day(usage: Usage, tenant_id: str, day: date, now: datetime) -> int:
    """Folds all that waits; gives how many segments that was. Raises Busy when others keep winning."""
    count = lost = 0
    while lost < ATTEMPTS:
        rollup = await find_rollup(usage, tenant_id, day)
        segments = await unfolded(usage, tenant_id, rollup)
        if not segments:
            return count
        chunks = await usage.users(tenant_id, Period(day, day)) if rollup.version else []
        saved = users_cubes(rollup, chunks)
        if saved is not None and await _add(usage, tenant_id, rollup, saved, segments, now):
            count += len(segments)
            FOLD_LAG.record(max(now.timestamp() - segments[0]["_ts"], 0))
        else:
            lost += 1
    raise Busy(f"{tenant_id} {day} could not be folded: others kept changing it")


async def _add(
    usage: Usage,
    tenant_id: str,
    rollup: Rollup,
    saved: Sequence[Cube],
    segments: Sequence[Document],
    now: datetime,
) -> bool:
    await directory.learn(usage, tenant_id, segments)
    cube = merge([empty(KEYS), *saved, *(segment_cube(one, users=True) for one in segments)])
    return await save(usage, tenant_id, advance(rollup, segments, now, 0), cube)


async def save(usage: Usage, tenant_id: str, state: Rollup, cube: Cube) -> bool:
    """Stores a new state of a day in place of the one with its etag; False if others came first."""
    packed = split(cube)
    after = replace(state, chunks=len(packed))
    for number, text in enumerate(packed):
        await usage.put(_users_document(tenant_id, after, number, text))
    committed = await usage.commit(_totals_document(tenant_id, after, cube), state.etag)
    current = after if committed else await find_rollup(usage, tenant_id, after.day)
    await usage.drop_users(tenant_id, current.day, current.version, current.writer)
    return committed


def advance(rollup: Rollup, segments: Sequence[Document], now: datetime, chunks: int) -> Rollup:
    """The state of the day once these segments have been folded too."""
    until = max(rollup.folded_until, max(one["_ts"] for one in segments))
    folded = rollup.folded | {one["id"]: one["_ts"] for one in segments}
    return replace(
        rollup,
        version=rollup.version + 1,
        writer=uuid4().hex[:8],
        chunks=chunks,
        folded_until=until,
        folded={name: ts for name, ts in folded.items() if ts >= until - WINDOW},
        folded_at=now,
        duplicates=rollup.duplicates + sum(one["duplicates"] for one in segments),
        rejected=rollup.rejected + sum(one["rejected"] for one in segments),
        sealed=False,
    )


def _users_document(tenant_id: str, rollup: Rollup, number: int, packed: str) -> Document:
    return {
        "id": f"users|{rollup.day}|{rollup.stamp}|{number}",
        "tenantId": tenant_id,
        "kind": "users",
        "day": str(rollup.day),
        "version": rollup.version,
        "writer": rollup.writer,
        "packed": packed,
    }


def _totals_document(tenant_id: str, rollup: Rollup, cube: Cube) -> dict[str, Any]:
    head = {
        "id": totals_id(rollup.day),
        "tenantId": tenant_id,
        "kind": "totals",
        "day": str(rollup.day),
        "version": rollup.version,
        "writer": rollup.writer,
        "chunks": rollup.chunks,
        "folded_until": rollup.folded_until,
        "folded": rollup.folded,
        "folded_at": rollup.folded_at.isoformat(),
        "duplicates": rollup.duplicates,
        "rejected": rollup.rejected,
        "sealed": rollup.sealed,
        "tariff": asdict(rollup.tariff) if rollup.tariff else None,
    }
    return with_packed(head, cube.group_by(*DIMENSIONS))
