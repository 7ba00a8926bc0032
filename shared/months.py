"""Merged months: the days of a past calendar month as a few documents, so that long periods stay cheap.

A month is built when it has ended and none of its days is marked. A draft, `mtotals|<month>`, is
written first, and made ready by one write in the end; whoever deletes or replaces the draft meanwhile
wins. The ready document names the state of each day that it holds (`days`): before the mark of a
resealed day is cleared, what is there of a month that does not hold this very state is deleted, draft
or ready. A builder reads the days after its draft is there, so a reader who finds no mark in a month
may trust what is ready. A month to be built has a mark of its own.

The cubes are stored in chunks: `musers` with users, `mdays` with days. The sum of a month, by its
dimensions only, is in the main document where it fits it; else `packed` is null and `musers` answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import uuid4

from shared.columns import DAY, DIMENSIONS, USER
from shared.cube import Cube, concatenate, empty, merge
from shared.days import Period, month_of
from shared.errors import Busy
from shared.packing import pack, split, with_packed
from shared.ports import Document, Mark, Stores, Usage
from shared.rollup import read_rollup, users_cubes

ATTEMPTS = 5
MANY_ROWS = 2_000_000  # merge before there are more: a large tenant's month does not fit at once

type Stamps = Mapping[str, str]
"""The state of days: `Rollup.stamp` by day."""


async def release(stores: Stores, tenant_id: str, month: Period, stamps: Stamps) -> None:
    """Sees to it that the month holds no other state of these days; done before their marks are cleared.

    Unless the merged month holds just these states, it is marked to be built and what is there of it
    deleted. Raises Busy when others keep replacing it.
    """
    for _ in range(ATTEMPTS):
        found = await find_month(stores.usage, tenant_id, month)
        if not stamps or (found and holds(found, stamps)):
            return
        await stores.marks.mark_month(tenant_id, month.first)
        if not found or await stores.usage.delete(tenant_id, found["id"], found["_etag"]):
            return
    raise Busy(f"{tenant_id} {found['id'] if found else month}: others kept changing it")


async def build_month(stores: Stores, mark: Mark) -> bool:
    """Merges the days of a marked month that has ended; False where there is nothing to do, or not yet."""
    usage, tenant_id, month = stores.usage, mark.tenant_id, month_of(mark.day)
    chunks = await _chunks(usage, tenant_id, month)
    found = await find_month(usage, tenant_id, month)
    if found and await is_current(usage, tenant_id, month, found):
        await _drop(usage, tenant_id, chunks, keep=found["writer"])
        await stores.marks.clear(mark)
        return False
    if any(day in month for day in (await stores.marks.marking(tenant_id)).days):
        return False  # it would be deleted again when the day is sealed
    writer = uuid4().hex[:8]
    draft = {**_document("mtotals", tenant_id, month), "state": "draft", "writer": writer}
    if not await usage.commit(draft, found["_etag"] if found else None):
        return False
    own = await find_month(usage, tenant_id, month)
    if not own or own["writer"] != writer:
        return False
    if not await _merge(usage, tenant_id, month, own):
        return False
    await stores.marks.clear(mark)
    return True


async def find_month(usage: Usage, tenant_id: str, month: Period) -> Document | None:
    """The main document of a month, a draft or ready."""
    found = await usage.documents(tenant_id, "mtotals", Period(month.first, month.first))
    return found[0] if found else None


async def stamps_of(usage: Usage, tenant_id: str, month: Period) -> Stamps:
    """The saved states of the month's days."""
    rollups = [read_rollup(head) for head in await usage.heads(tenant_id, month)]
    return {str(rollup.day): rollup.stamp for rollup in rollups}


def holds(document: Document, stamps: Stamps) -> bool:
    """Whether the month is ready and has these states of its days."""
    return bool(document["state"] == "ready" and stamps.items() <= document["days"].items())


async def is_current(usage: Usage, tenant_id: str, month: Period, document: Document | None) -> bool:
    """Whether the month is ready and has the saved state of all its days."""
    return document is not None and holds(document, await stamps_of(usage, tenant_id, month))


async def _merge(usage: Usage, tenant_id: str, month: Period, draft: Document) -> bool:
    """Writes the month's cubes and makes its draft ready; False if others came first."""
    days = await usage.heads(tenant_id, month)
    cubes = await _cubes(usage, tenant_id, days)
    if cubes is None:
        return False
    users, totals = cubes
    writer = draft["writer"]
    others = await _chunks(usage, tenant_id, month)
    packed = {"musers": split(users), "mdays": split(totals)}
    chunks = [
        {**_document(kind, tenant_id, month, writer, number), "packed": text}
        for kind, texts in packed.items()
        for number, text in enumerate(texts)
    ]
    for chunk in chunks:
        await usage.put(chunk)
    counts = {"chunks": len(packed["musers"]), "day_chunks": len(packed["mdays"])}
    ready = _ready(tenant_id, month, writer, days, totals) | counts
    done = await usage.commit(with_packed(ready, totals.group_by(*DIMENSIONS)), draft["_etag"])
    await _drop(usage, tenant_id, others if done else [chunk["id"] for chunk in chunks])
    return done


def _ready(tenant_id: str, month: Period, writer: str, days: Sequence[Document], totals: Cube) -> Document:
    return {
        **_document("mtotals", tenant_id, month),
        "state": "ready",
        "writer": writer,
        "days": {day["day"]: read_rollup(day).stamp for day in days},
        "duplicates": sum(day["duplicates"] for day in days),
        "rejected": sum(day["rejected"] for day in days),
        "by_day": pack(totals.group_by(DAY)),
    }


async def _cubes(usage: Usage, tenant_id: str, days: Sequence[Document]) -> tuple[Cube, Cube] | None:
    """The users cube of these days, and their totals by day; None if one of them is being replaced."""
    users, totals = [empty((USER, *DIMENSIONS))], [empty((*DIMENSIONS, DAY))]
    for day in days:
        rollup = read_rollup(day)
        chunks = await usage.documents(tenant_id, "users", Period(rollup.day, rollup.day))
        found = users_cubes(rollup, chunks)
        if found is None:
            return None
        users += found
        totals.append(concatenate(found).group_by(*DIMENSIONS).labelled(DAY, day["day"]))
        if sum(cube.rows for cube in users) > MANY_ROWS:
            users = [merge(users)]
    return merge(users), concatenate(totals)


async def _chunks(usage: Usage, tenant_id: str, month: Period) -> list[str]:
    """The ids of the month's documents besides the main one, whoever wrote them.

    Listed before the main one is seen ready, or made so: no later builder's are among them.
    """
    return [name for kind in ("mdays", "musers") for name in await usage.ids(tenant_id, kind, month.first)]


async def _drop(usage: Usage, tenant_id: str, chunks: Iterable[str], keep: str = "") -> None:
    for name in chunks:
        if name.split("|")[2] != keep:
            await usage.delete(tenant_id, name)


def _document(kind: str, tenant_id: str, month: Period, *parts: object) -> Document:
    """What every document of a month has; a chunk's parts are its writer and its number."""
    document: Document = {
        "id": "|".join(map(str, (kind, f"{month.first:%Y-%m}", *parts))),
        "tenantId": tenant_id,
        "kind": kind,
        "day": str(month.first),
    }
    return document | ({"writer": parts[0]} if parts else {})
