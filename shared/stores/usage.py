"""The usage documents in Cosmos DB: one container, one partition a tenant, every query inside one."""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import date
from typing import Any

from azure.core import MatchConditions
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy

from shared.days import Period
from shared.ports import Document

PAGE = 100  # segments: some of 50 events, some of 5,000
HEAD = (
    "SELECT c.id, c.kind, c.day, c.version, c.writer, c.chunks, c.folded_until, c.folded, c.folded_at,"
    " c.duplicates, c.rejected, c.sealed, c.tariff, c.state, c.day_chunks, c._etag"
)
OF_KIND = "FROM c WHERE c.kind = @kind"
UNFOLDED = f"{OF_KIND} AND c.day = @day AND c._ts >= @since AND NOT ARRAY_CONTAINS(@known, c.id)"


class UsageStore:
    """`shared.ports.Usage` on a Cosmos container."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def add_segment(self, segment: Document) -> bool:
        """Stores a segment; False when there is one of this id already."""
        try:
            await self._container.create_item(segment, no_response=True)
        except exceptions.CosmosResourceExistsError:
            return False
        return True

    async def find(self, tenant_id: str, document_id: str) -> Document | None:
        """The document of that id; None where there is none."""
        try:
            return dict(await self._container.read_item(document_id, partition_key=tenant_id))
        except exceptions.CosmosResourceNotFoundError:
            return None

    async def segments(
        self, tenant_id: str, day: date, since: int, known: Collection[str], most: int
    ) -> list[Document]:
        """The oldest segments of the day with `_ts` of at least `since` whose id is not known."""
        return await self._query(
            tenant_id,
            f"SELECT TOP {most:d} * {UNFOLDED} ORDER BY c._ts",
            kind="segment", day=str(day), since=since, known=list(known),
        )  # fmt: skip

    async def newest_segments(self, tenant_id: str, day: date) -> AsyncIterator[list[Document]]:
        """All segments of the day, in pages, those with the highest `_ts` first."""
        items: Any = self._container.query_items(
            f"SELECT * {OF_KIND} AND c.day = @day ORDER BY c._ts DESC",
            parameters=[{"name": "@kind", "value": "segment"}, {"name": "@day", "value": str(day)}],
            partition_key=tenant_id,
            max_item_count=PAGE,
        )
        async for page in items.by_page():
            yield [segment async for segment in page]

    async def count_segments(self, tenant_id: str, day: date, since: int, known: Collection[str]) -> int:
        """How many segments `segments` would find."""
        counts = await self._query(
            tenant_id,
            f"SELECT VALUE COUNT(1) {UNFOLDED}",
            kind="segment", day=str(day), since=since, known=list(known),
        )  # fmt: skip
        return sum(counts)

    async def names(self, tenant_id: str, day: date) -> list[Document]:
        """What `segment.names_of` needs of each segment of the day."""
        query = f"SELECT c.event_ids, c.sources {OF_KIND} AND c.day = @day"
        return await self._query(tenant_id, query, kind="segment", day=str(day))

    async def documents(self, tenant_id: str, kind: str, period: Period) -> list[Document]:
        """The documents of a kind whose day lies in the period, in the order of days."""
        return await self.several(tenant_id, [(kind, period)], cubes=True)

    async def several(
        self, tenant_id: str, wanted: Sequence[tuple[str, Period | None]], *, cubes: bool
    ) -> list[Document]:
        """The documents of any of these kinds and periods, by day, or as heads, without their cubes.

        A kind that knows no days goes without a period, and comes first. They are sorted here: it is not
        for sure where Cosmos has documents that lack what it sorts by.
        """
        clauses, parameters = [], dict[str, object]()
        for n, (kind, period) in enumerate(wanted):
            clauses.append(f"(c.kind = @kind{n})")
            parameters[f"kind{n}"] = kind
            if period:
                clauses[n] = f"(c.kind = @kind{n} AND c.day >= @first{n} AND c.day <= @last{n})"
                parameters |= {f"first{n}": str(period.first), f"last{n}": str(period.last)}
        select, any_of = "SELECT *" if cubes else HEAD, " OR ".join(clauses)
        found = await self._query(tenant_id, f"{select} FROM c WHERE {any_of}", **parameters)
        return sorted(found, key=lambda one: str(one.get("day", "")))

    async def heads(self, tenant_id: str, period: Period) -> list[Document]:
        """The totals documents without their cubes."""
        return await self.several(tenant_id, [("totals", period)], cubes=False)

    async def users(self, tenant_id: str, period: Period) -> list[Document]:
        """The users chunks of the days of the period, of every version that is still there."""
        return await self.documents(tenant_id, "users", period)

    async def directory(self, tenant_id: str) -> list[Document]:
        """The shards of the tenant's directory of users."""
        return await self._query(tenant_id, f"SELECT * {OF_KIND}", kind="directory")

    async def put(self, document: Document) -> None:
        """Writes a document, whatever was there."""
        await self._container.upsert_item(document, no_response=True)

    async def commit(self, document: Document, etag: str | None) -> bool:
        """Creates the document (no etag) or replaces the version of that etag; False if others came first."""
        try:
            if etag is None:
                await self._container.create_item(document, no_response=True)
            else:
                await self._container.replace_item(
                    document["id"], document,
                    etag=etag, match_condition=MatchConditions.IfNotModified, no_response=True,
                )  # fmt: skip
        except (exceptions.CosmosResourceExistsError, exceptions.CosmosAccessConditionFailedError):
            return await self._is_stored(document)
        except exceptions.CosmosResourceNotFoundError:
            return False  # deleted since it was read
        return True

    async def ids(self, tenant_id: str, kind: str, day: date) -> list[str]:
        """The ids of the documents of this kind and day."""
        query = f"SELECT VALUE c.id {OF_KIND} AND c.day = @day"
        return await self._query(tenant_id, query, kind=kind, day=str(day))

    async def delete(self, tenant_id: str, document_id: str, etag: str | None = None) -> bool:
        """Deletes a document, or only its version of that etag; False if others changed it first."""
        condition = MatchConditions.IfNotModified if etag else None
        try:
            await self._container.delete_item(
                document_id, partition_key=tenant_id, etag=etag, match_condition=condition
            )
        except exceptions.CosmosResourceNotFoundError:
            return True  # somebody else has tidied up
        except exceptions.CosmosAccessConditionFailedError:
            return False
        return True

    async def drop_users(self, tenant_id: str, day: date, up_to: int, keep: str) -> None:
        """Deletes the users chunks of the day of versions up to this number, but for the one to keep."""
        stale = await self._query(
            tenant_id,
            f"SELECT c.id, c.writer {OF_KIND} AND c.day = @day AND c.version <= @version",
            kind="users", day=str(day), version=up_to,
        )  # fmt: skip
        for document in stale:
            if document["writer"] != keep:
                await self.delete(tenant_id, document["id"])

    async def _is_stored(self, document: Document) -> bool:
        """Whether the refused write had been done before: the client repeats one whose answer was lost."""
        try:
            stored = await self._container.read_item(document["id"], partition_key=document["tenantId"])
        except exceptions.CosmosResourceNotFoundError:
            return False  # deleted in between
        return all(stored.get(name) == value for name, value in document.items())

    async def _query(self, tenant_id: str, query: str, **parameters: object) -> list[Any]:
        named: Sequence[dict[str, object]] = [
            {"name": f"@{name}", "value": value} for name, value in parameters.items()
        ]
        items = self._container.query_items(query, parameters=list(named), partition_key=tenant_id)
        return [item async for item in items]
