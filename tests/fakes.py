"""The stores in memory: what `shared/stores` promises, with a clock, and processes that can be killed.

A `Cloud` is the state that outlives every process; `cloud.stores(process)` is how one process sees it.
Each operation on it first lets others run, so that processes interleave between any two of them.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import batched, count
from typing import Any

from shared.ports import Document, Mark, Marking, Stores
from shared.pricing import PriceBook
from shared.rejects import Reject
from shared.stores.rejects import entity_of
from shared.tenants import Tenant
from tests.fake_usage import FakeUsage

NOW = datetime.fromisoformat("2026-03-10T12:00:00+00:00")
TRANSACTION = 2  # claims at once: the real store takes 100
BAD_IN_KEYS = re.compile(r"[/\\#?\x00-\x1f\x7f-\x9f]")
MAX_PROPERTY, MAX_ROW = 64 * 1024, 1024 * 1024  # bytes of a table's property, and of all of a row


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
    stamps: dict[str, str] = field(default_factory=dict)
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

    async def marking(self, tenant_id: str) -> Marking:
        """The days of the tenant that may have unfolded segments, and its stamp."""

        def read() -> Marking:
            marks = [mark for mark in self.cloud.marks.values() if mark.tenant_id == tenant_id]
            return Marking({mark.day: mark.etag for mark in marks}, self.cloud.stamps.get(tenant_id, ""))

        return await self.process.do(read)

    async def mark_month(self, tenant_id: str, first: date) -> None:
        """Says that the month with this first day is to be merged, once all of its days are sealed."""

        def write() -> None:
            mark = Mark(tenant_id, first, self.cloud.now, self.cloud.etag(), month=True)
            self.cloud.month_marks[tenant_id, first] = mark

        await self.process.do(write)

    async def mark_tenant(self, tenant_id: str) -> None:
        """Says that something of the tenant beside its usage has changed: who its users are."""
        await self.process.do(lambda: self._change(tenant_id))

    async def all(self) -> list[Mark]:
        """The marked days of every tenant."""
        return await self.process.do(lambda: list(self.cloud.marks.values()))

    async def months(self) -> list[Mark]:
        """The marked months of every tenant."""
        return await self.process.do(lambda: list(self.cloud.month_marks.values()))

    async def clear(self, mark: Mark) -> None:
        """Removes the mark, unless the day or month has been marked again since."""

        def delete() -> None:
            marks = self.cloud.month_marks if mark.month else self.cloud.marks
            if marks.get((mark.tenant_id, mark.day)) == mark:
                del marks[mark.tenant_id, mark.day]
                self._change(mark.tenant_id)

        await self.process.do(delete)

    def _change(self, tenant_id: str) -> None:
        self.cloud.stamps[tenant_id] = self.cloud.etag()


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


def _check_row(entity: Mapping[str, Any]) -> None:
    """As Azure counts: names and text in UTF-16, and a few bytes for each property."""
    sizes = {name: _size(value) for name, value in entity.items()}
    assert max(sizes.values()) <= MAX_PROPERTY
    assert sum(8 + 2 * len(name) + 4 + size for name, size in sizes.items()) < MAX_ROW


def _size(value: object) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-16-le"))
    return len(value) if isinstance(value, bytes) else 8
