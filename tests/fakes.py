"""The stores in memory: what `shared/stores` promises, with a clock, and processes that can be killed.

A `Cloud` is the state that outlives every process; `cloud.stores(process)` is how one process sees it.
Each operation on it first lets others run, so that processes interleave between any two of them.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import batched, count
from typing import Any

import orjson

from shared.days import Period
from shared.event import EPOCH
from shared.ports import Document, Mark, Marking, Stores
from shared.pricing import PriceBook
from shared.rejects import Reject
from shared.stores.rejects import entity_of
from shared.tenants import Tenant

NOW = datetime.fromisoformat("2026-03-10T12:00:00+00:00")
HEAD = (
    "id", "day", "version", "writer", "chunks", "folded_until", "folded", "folded_at",
    "duplicates", "rejected", "sealed", "tariff", "kind", "state", "day_chunks",
)  # fmt: skip
PAGE = 2  # segments in a page: the real store takes more
TRANSACTION = 2  # claims at once: the real store takes 100
BAD_IN_KEYS = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")
MAX_PROPERTY, MAX_ROW = 64 * 1024, 1024 * 1024  # bytes of a table's property, and of all of a row
MAX_DOCUMENT = 2 * 1024 * 1024
SAFE = 2**53


class Stopped(Exception):
    """What a process meets where it was told to stop."""


class Process:
    """One process. It stops at its `stop_at`-th operation, before or after that took effect.

    If it `dies` it never does anything again; else this one operation fails and the others go on.
    """

    def __init__(
        self,
        stop_at: int = 0,
        *,
        after: bool = False,
        dies: bool = True,
        pause: Callable[[], int] = lambda: 1,
    ) -> None:
        self.stop_at, self.after, self.dies, self.pause = stop_at, after, dies, pause
        self.steps = 0
        self.dead = False

    async def do[T](self, operation: Callable[[], T]) -> T:
        """One operation: atomic, but others may run before it and before its answer is here."""
        await self._wait()
        self.steps += 1
        step = self.steps
        if step == self.stop_at and not self.after:
            self._stop()
        result = operation()
        if step == self.stop_at:
            self._stop()
        await self._wait()
        return result

    async def _wait(self) -> None:
        for _ in range(self.pause()):
            await asyncio.sleep(0)
        if self.dead:
            raise Stopped

    def _stop(self) -> None:
        self.dead = self.dies
        raise Stopped


class Interrupted(Process):
    """A process before whose n-th operation something else happens, from beginning to end."""

    def __init__(self, at: int, other: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.left, self.other = at, other

    async def do[T](self, operation: Callable[[], T]) -> T:
        """One operation, perhaps after the other thing."""
        self.left -= 1
        if not self.left:
            await self.other()
        return await super().do(operation)


@dataclass
class Cloud:
    """Everything that is stored."""

    now: datetime = NOW
    documents: dict[tuple[str, str], Document] = field(default_factory=dict)
    claims: dict[tuple[str, date, str], str] = field(default_factory=dict)
    marks: dict[tuple[str, date], Mark] = field(default_factory=dict)
    month_marks: dict[tuple[str, date], Mark] = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)
    rejects: dict[str, Reject] = field(default_factory=dict)
    arrivals: dict[str, datetime] = field(default_factory=dict)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    book: PriceBook = field(default_factory=lambda: PriceBook((), lambda *_: None))
    etags: "count[int]" = field(default_factory=count)

    def stores(self, process: Process | None = None) -> Stores:
        """The stores as a process sees them."""
        process = process or Process()
        return Stores(
            FakeUsage(self, process), FakeClaims(self, process), FakeMarks(self, process),
            FakeRejects(self, process), FakeTenants(self, process), FakePrices(self, process),
        )  # fmt: skip

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += timedelta(seconds=seconds)

    def etag(self) -> str:
        """One that was never there before."""
        return f'"{next(self.etags)}"'

    def kind(self, kind: str) -> list[Document]:
        """The stored documents of a kind, of all tenants."""
        return [document for document in self.documents.values() if document["kind"] == kind]


class _Fake:
    def __init__(self, cloud: Cloud, process: Process) -> None:
        self.cloud, self.process = cloud, process


class FakeClaims(_Fake):
    """`Claims`: a transaction is all or nothing, the whole is not."""

    async def claim(self, tenant_id: str, day: date, keys: Sequence[str], owner: str) -> set[str]:
        """Claims each key for the owner; gives those that another one owns already."""
        assert len(set(keys)) == len(keys), "a transaction takes no key twice"

        def insert(some: Sequence[str]) -> set[str]:
            owners = {key: self.cloud.claims.setdefault((tenant_id, day, key), owner) for key in some}
            return {key for key, other in owners.items() if other != owner}

        lost = set[str]()
        for some in batched(keys, TRANSACTION, strict=False):
            lost |= await self.process.do(partial(insert, some))
        return lost


class FakeMarks(_Fake):
    """`Marks`."""

    async def mark(self, tenant_id: str, day: date) -> None:
        """Says that a segment of this tenant-day has been stored."""

        def write() -> None:
            mark = Mark(tenant_id, day, self.cloud.now, self.cloud.etag())
            self.cloud.marks[tenant_id, day] = mark

        await self.process.do(write)

    async def marked(self, tenant_id: str) -> frozenset[date]:
        """The days of the tenant that may have unfolded segments."""
        return frozenset((await self.marking(tenant_id)).days)

    async def marking(self, tenant_id: str) -> Marking:
        """The same, and what tells whether anything of the tenant has been marked or cleared since."""

        def read() -> Marking:
            marks = [mark for mark in self.cloud.marks.values() if mark.tenant_id == tenant_id]
            return Marking({mark.day: mark.etag for mark in marks}, self.cloud.changed.get(tenant_id, ""))

        return await self.process.do(read)

    async def mark_month(self, tenant_id: str, first: date) -> None:
        """Says that the month with this first day is to be merged, once all of its days are sealed."""

        def write() -> None:
            mark = Mark(tenant_id, first, self.cloud.now, self.cloud.etag(), month=True)
            self.cloud.month_marks[tenant_id, first] = mark

        await self.process.do(write)

    async def all(self) -> list[Mark]:
        """The marked days of every tenant."""
        return await self.process.do(lambda: list(self.cloud.marks.values()))

    async def months(self) -> list[Mark]:
        """The marked months of every tenant."""
        return await self.process.do(lambda: list(self.cloud.month_marks.values()))

    async def clear(self, mark: Mark) -> None:
        """Removes the mark, unless the day has been marked again since."""

        def delete() -> None:
            marks = self.cloud.month_marks if mark.month else self.cloud.marks
            if marks.get((mark.tenant_id, mark.day)) == mark:
                del marks[mark.tenant_id, mark.day]
                self._change(mark.tenant_id)

        await self.process.do(delete)

    async def mark_changed(self, tenant_id: str) -> None:
        """Says that something else has changed that readings of the tenant tell."""
        await self.process.do(lambda: self._change(tenant_id))

    def _change(self, tenant_id: str) -> None:
        self.cloud.changed[tenant_id] = self.cloud.etag()


class FakeRejects(_Fake):
    """`Rejects`, in rows no larger than a table takes."""

    async def add(self, rejects: Sequence[Reject]) -> None:
        """Keeps them; adding one again changes nothing."""
        for reject in rejects:
            _check_row(entity_of(reject))
            await self.process.do(partial(self.cloud.rejects.setdefault, reject.id, reject))

    async def first_arrival(self, batch_id: str, arrived: datetime) -> datetime:
        """When the batch first arrived: this time, unless an earlier one is kept."""
        return await self.process.do(partial(self.cloud.arrivals.setdefault, batch_id, arrived))

    def mark_replayed(self, reject: Reject) -> None:
        """Closes a reject."""
        self.cloud.rejects[reject.id] = replace(reject, status="replayed")


class FakeTenants(_Fake):
    """`Tenants`: a key that no table takes is an error, as it is there."""

    async def find(self, tenant_id: str) -> Tenant | None:
        """The tenant; None where there is none."""
        assert not BAD_IN_KEYS.search(tenant_id), f"no key of a table: {tenant_id!r}"
        assert len(tenant_id) <= 512
        return await self.process.do(lambda: self.cloud.tenants.get(tenant_id))


class FakePrices(_Fake):
    """`Prices`."""

    async def book(self) -> PriceBook:
        """All prices."""
        return await self.process.do(lambda: self.cloud.book)


class FakeUsage(_Fake):
    """`Usage`: documents are JSON, and no number in them is larger than a double holds exactly."""

    async def add_segment(self, segment: Document) -> bool:
        """Stores a segment; False when there is one of this id already."""

        def create() -> bool:
            if self._key(segment) in self.cloud.documents:
                return False
            self._write(segment)
            return True

        return await self.process.do(create)

    async def find(self, tenant_id: str, document_id: str) -> Document | None:
        """The document of that id; None where there is none."""

        def find() -> Document | None:
            found = self.cloud.documents.get((tenant_id, document_id))
            return orjson.loads(orjson.dumps(found)) if found and self._lives(found) else None

        return await self.process.do(find)

    async def segments(
        self, tenant_id: str, day: date, since: int, known: Collection[str], most: int
    ) -> list[Document]:
        """The oldest segments of the day with `_ts` of at least `since` whose id is not known."""
        return await self.process.do(lambda: self._unfolded(tenant_id, day, since, known)[:most])

    async def newest_segments(self, tenant_id: str, day: date) -> AsyncIterator[list[Document]]:
        """All segments of the day, in pages, those with the highest `_ts` first."""
        found = await self.process.do(lambda: self._unfolded(tenant_id, day, 0, ())[::-1])
        for page in batched(found, PAGE, strict=False):
            yield list(page)

    async def count_segments(self, tenant_id: str, day: date, since: int, known: Collection[str]) -> int:
        """How many segments `segments` would find."""
        return await self.process.do(lambda: len(self._unfolded(tenant_id, day, since, known)))

    async def names(self, tenant_id: str, day: date) -> list[Document]:
        """What `segment.names_of` needs of each segment of the day."""
        found = await self.process.do(lambda: self._unfolded(tenant_id, day, 0, ()))
        return [{name: one[name] for name in ("event_ids", "sources")} for one in found]

    async def documents(self, tenant_id: str, kind: str, period: Period) -> list[Document]:
        """The documents of a kind whose day lies in the period, in the order of days."""
        first, last = str(period.first), str(period.last)
        found = await self.process.do(lambda: self._find(tenant_id, kind))
        return sorted((one for one in found if first <= one["day"] <= last), key=lambda one: str(one["day"]))

    async def several(
        self, tenant_id: str, wanted: Sequence[tuple[str, Period | None]], *, cubes: bool
    ) -> list[Document]:
        """The documents of any of these kinds and periods, by day, or as heads, without their cubes."""
        assert wanted
        kinds = {kind for kind, _ in wanted}
        found = await self.process.do(lambda: [one for kind in kinds for one in self._find(tenant_id, kind)])
        several = [
            one if cubes else _head(one)
            for one in found
            if any(
                one["kind"] == kind and (days is None or date.fromisoformat(one["day"]) in days)
                for kind, days in wanted
            )
        ]
        return sorted(several, key=lambda one: str(one.get("day", "")))

    async def heads(self, tenant_id: str, period: Period) -> list[Document]:
        """The totals documents without their cubes."""
        found = await self.documents(tenant_id, "totals", period)
        return [_head(one) for one in found]

    async def users(self, tenant_id: str, period: Period) -> list[Document]:
        """The users chunks of the days of the period, of every version that is still there."""
        return await self.documents(tenant_id, "users", period)

    async def directory(self, tenant_id: str) -> list[Document]:
        """The shards of the tenant's directory of users."""
        return await self.process.do(lambda: self._find(tenant_id, "directory"))

    async def put(self, document: Document) -> None:
        """Writes a document, whatever was there."""
        await self.process.do(lambda: self._write(document))

    async def commit(self, document: Document, etag: str | None) -> bool:
        """Creates the document (no etag) or replaces the version of that etag; False if others came first."""

        def write() -> bool:
            stored = self.cloud.documents.get(self._key(document))
            if (stored["_etag"] if stored else None) != etag:
                return False
            self._write(document)
            return True

        return await self.process.do(write)

    async def ids(self, tenant_id: str, kind: str, day: date) -> list[str]:
        """The ids of the documents of this kind and day."""
        return [one["id"] for one in await self.documents(tenant_id, kind, Period(day, day))]

    async def delete(self, tenant_id: str, document_id: str, etag: str | None = None) -> bool:
        """Deletes a document, or only its version of that etag; False if others changed it first."""

        def remove() -> bool:
            stored = self.cloud.documents.get((tenant_id, document_id))
            if stored and etag and stored["_etag"] != etag:
                return False
            self.cloud.documents.pop((tenant_id, document_id), None)
            return True

        return await self.process.do(remove)

    async def drop_users(self, tenant_id: str, day: date, up_to: int, keep: str) -> None:
        """Deletes the users chunks of the day of versions up to this number, but for the one to keep."""
        for chunk in await self.documents(tenant_id, "users", Period(day, day)):
            if chunk["version"] <= up_to and chunk["writer"] != keep:
                key = self._key(chunk)
                await self.process.do(partial(self.cloud.documents.pop, key, None))

    def _unfolded(self, tenant_id: str, day: date, since: int, known: Collection[str]) -> list[Document]:
        found = [
            one
            for one in self._find(tenant_id, "segment")
            if one["day"] == str(day) and one["_ts"] >= since and one["id"] not in known
        ]
        return sorted(found, key=lambda one: int(one["_ts"]))

    def _find(self, tenant_id: str, kind: str) -> list[Document]:
        """Copies, the newest first: nobody may rely on an order that was not asked for."""
        found = (one for (tenant, _), one in self.cloud.documents.items() if tenant == tenant_id)
        return [orjson.loads(orjson.dumps(one)) for one in found if one["kind"] == kind and self._lives(one)][
            ::-1
        ]

    def _lives(self, document: Document) -> bool:
        ttl = int(document.get("ttl", -1))
        return ttl < 0 or self._seconds() < int(document["_ts"]) + ttl

    def _write(self, document: Document) -> None:
        text = orjson.dumps(document)
        assert len(text) <= MAX_DOCUMENT
        stored = orjson.loads(text)
        _check_numbers(stored)
        self.cloud.documents[self._key(document)] = stored | {
            "_ts": self._seconds(),
            "_etag": self.cloud.etag(),
        }

    def _seconds(self) -> int:
        return (self.cloud.now - EPOCH) // timedelta(seconds=1)

    def _key(self, document: Document) -> tuple[str, str]:
        return document["tenantId"], document["id"]


def _head(document: Document) -> Document:
    return {name: document[name] for name in (*HEAD, "_etag") if name in document}


def _check_row(entity: Mapping[str, Any]) -> None:
    """As Azure counts: names and text in UTF-16, and a few bytes for each property."""
    sizes = {name: _size(value) for name, value in entity.items()}
    assert max(sizes.values()) <= MAX_PROPERTY
    assert sum(8 + 2 * len(name) + 4 + size for name, size in sizes.items()) < MAX_ROW


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-16-le"))
    return len(value) if isinstance(value, bytes) else 8


def _check_numbers(value: Any) -> None:  # noqa: ANN401 - JSON
    """A number beyond 2**53 would come back as another one."""
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list):
        for one in value:
            _check_numbers(one)
    elif isinstance(value, int | float):
        assert abs(value) <= SAFE, f"{value} is not exact as a double"
