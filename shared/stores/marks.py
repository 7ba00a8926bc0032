"""The dirty marks: which tenant-days are not sealed, which months wait, and that a tenant has changed."""

from collections.abc import Iterable
from datetime import date

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableEntity, UpdateMode

from shared.event import EPOCH
from shared.ports import Mark, Marking
from shared.stores.schema import MARKS_TABLE
from shared.stores.tables import OTHERS_CAME_FIRST, Table, utc

CHANGED = "changed"  # the key of the row that `mark_tenant` and each clearing of a tenant's marks rewrite
MONTH = "{:%Y-%m}"  # a key that begins with a digit is a day, or a month


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

    async def mark_tenant(self, tenant_id: str) -> None:
        """Says that something of the tenant beside its usage has changed: who its users are."""
        await self._table.upsert_entity(_changed(tenant_id), mode=UpdateMode.REPLACE)

    async def marking(self, tenant_id: str) -> Marking:
        """The days of the tenant that may have unfolded segments, and its stamp."""
        found = await self._query("PartitionKey eq @tenant", tenant=tenant_id)
        stamp = next((_etag(row) for row in found if row["RowKey"] == CHANGED), "")
        return Marking({mark.day: mark.etag for mark in _marks(found) if not mark.month}, stamp)

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
        delete = ("delete", {"PartitionKey": mark.tenant_id, "RowKey": row}, unchanged)
        try:
            change = ("upsert", _changed(mark.tenant_id), {"mode": UpdateMode.REPLACE})
            await self._table.submit_transaction([delete, change])
        except HttpResponseError as error:  # marked again, or cleared by another instance
            if error.status_code not in OTHERS_CAME_FIRST:
                raise

    async def _all(self) -> list[Mark]:
        return _marks([entity async for entity in self._table.list_entities()])


def _marks(entities: Iterable[TableEntity]) -> list[Mark]:
    return [_mark(entity) for entity in entities if entity["RowKey"][0].isdigit()]


def _changed(tenant_id: str) -> dict[str, str]:
    return {"PartitionKey": tenant_id, "RowKey": CHANGED}


def _etag(entity: TableEntity) -> str:
    return entity.metadata["etag"] or ""


def _mark(entity: TableEntity) -> Mark:
    key = entity["RowKey"]
    month = len(key) == len("2026-01")
    return Mark(
        entity["PartitionKey"], date.fromisoformat(f"{key}-01" if month else key),
        utc(entity.metadata["timestamp"] or EPOCH), _etag(entity), month,
    )  # fmt: skip
