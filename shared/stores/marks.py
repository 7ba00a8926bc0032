"""The dirty marks: which tenant-days are not sealed, and which months wait to be merged."""

from collections.abc import Iterable
from datetime import date
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableEntity, UpdateMode

from shared.event import EPOCH
from shared.ports import Mark, Marking
from shared.stores.schema import MARKS_TABLE
from shared.stores.tables import OTHERS_CAME_FIRST, Table, utc

CLEARED = "cleared"  # the key of the row that each clearing of a tenant's marks rewrites
MONTH = "{:%Y-%m}"  # a row's key is a day, or a month


class MarkStore(Table):
    """`shared.ports.Marks` on Table storage."""

    name = MARKS_TABLE

    async def mark(self, tenant_id: str, day: date) -> None:
        """Says that a segment of this tenant-day has been stored."""
        entity = {"PartitionKey": tenant_id, "RowKey": str(day)}
        await self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)

    async def mark_month(self, tenant_id: str, first: date) -> None:
        """Says that the month with this first day is to be merged, once all of its days are sealed."""
        entity = {"PartitionKey": tenant_id, "RowKey": MONTH.format(first)}
        await self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)

    async def marked(self, tenant_id: str) -> frozenset[date]:
        """The days of the tenant that may have unfolded segments."""
        return (await self.marking(tenant_id)).days

    async def marking(self, tenant_id: str) -> Marking:
        """The same, and what tells whether any mark of the tenant has been cleared since."""
        found = await self._query("PartitionKey eq @tenant", tenant=tenant_id)
        cleared = next((row["by"] for row in found if row["RowKey"] == CLEARED), "")
        return Marking(frozenset(mark.day for mark in _marks(found) if not mark.month), cleared)

    async def all(self) -> list[Mark]:
        """The marked days of every tenant."""
        return [mark for mark in await self._all() if not mark.month]

    async def months(self) -> list[Mark]:
        """The marked months of every tenant."""
        return [mark for mark in await self._all() if mark.month]

    async def clear(self, mark: Mark) -> None:
        """Removes the mark, unless the day or month has been marked again since."""
        row = MONTH.format(mark.day) if mark.month else str(mark.day)
        unchanged = {"etag": mark.etag, "match_condition": MatchConditions.IfNotModified}
        cleared = {"PartitionKey": mark.tenant_id, "RowKey": CLEARED, "by": uuid4().hex}
        try:
            await self._table.submit_transaction(
                [("delete", {"PartitionKey": mark.tenant_id, "RowKey": row}, unchanged), ("upsert", cleared)]
            )
        except HttpResponseError as error:  # marked again, or cleared by another instance
            if error.status_code not in OTHERS_CAME_FIRST:
                raise

    async def _all(self) -> list[Mark]:
        return _marks([entity async for entity in self._table.list_entities()])


def _marks(entities: Iterable[TableEntity]) -> list[Mark]:
    return [_mark(entity) for entity in entities if entity["RowKey"] != CLEARED]


def _mark(entity: TableEntity) -> Mark:
    metadata, key = entity.metadata, entity["RowKey"]
    month = len(key) == len("2026-01")
    return Mark(
        entity["PartitionKey"], date.fromisoformat(f"{key}-01" if month else key),
        utc(metadata["timestamp"] or EPOCH), metadata["etag"] or "", month,
    )  # fmt: skip
