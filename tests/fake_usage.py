"""The store of usage in memory: see `fakes`."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Any

import orjson

from shared.days import Period
from shared.event import EPOCH
from shared.ports import Document

if TYPE_CHECKING:
    from tests.fakes import Cloud, Process

HEAD = (
    "id", "day", "version", "writer", "chunks", "folded_until", "folded", "folded_at",
    "duplicates", "rejected", "sealed", "tariff", "kind", "state", "day_chunks",
)  # fmt: skip
PAGE = 2  # segments in a page: the real store takes more
MAX_DOCUMENT = 2 * 1024 * 1024
SAFE = 2**53


class FakeUsage:
    """`Usage`: documents are JSON, and no number in them is larger than a double holds exactly."""

    def __init__(self, cloud: "Cloud", process: "Process") -> None:
        self.cloud, self.process = cloud, process

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


def _check_numbers(value: Any) -> None:  # noqa: ANN401 - JSON
    """A number beyond 2**53 would come back as another one."""
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list):
        for one in value:
            _check_numbers(one)
    elif isinstance(value, int | float):
        assert abs(value) <= SAFE, f"{value} is not exact as a double"
