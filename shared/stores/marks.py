"""The dirty marks: which tenant-days are not sealed, and which months wait to be merged."""

from datetime import date

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableEntity, UpdateMode

from shared.event import EPOCH
from shared.ports import Mark
from shared.stores.schema import MARKS_TABLE
from shared.stores.tables import Table, utc

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

    async def marked(self, tenant_id: str) -> set[date]:
        """The days of the tenant that may have unfolded segments."""
        found = await self._query("PartitionKey eq @tenant", tenant=tenant_id)
        return {mark.day for mark in map(_mark, found) if not mark.month}

    async def all(self) -> list[Mark]:
        """The marked days of every tenant."""
        return [mark for mark in await self._all() if not mark.month]

    async def months(self) -> list[Mark]:
        """The marked months of every tenant."""
        return [mark for mark in await self._all() if mark.month]

    async def clear(self, mark: Mark) -> None:
        """Removes the mark, unless the day or month has been marked again since."""
        row = MONTH.format(mark.day) if mark.month else str(mark.day)
        try:
            await self._table.delete_entity(
                mark.tenant_id, row,
                etag=mark.etag, match_condition=MatchConditions.IfNotModified,
            )  # fmt: skip
        except (ResourceModifiedError, ResourceNotFoundError):
            return  # marked again, or cleared by another instance
        except HttpResponseError as error:
            if error.status_code != 412:
                raise

    async def _all(self) -> list[Mark]:
        return [_mark(entity) async for entity in self._table.list_entities()]


def _mark(entity: TableEntity) -> Mark:
    metadata, key = entity.metadata, entity["RowKey"]
    month = len(key) == len("2026-01")
    return Mark(
        entity["PartitionKey"], date.fromisoformat(f"{key}-01" if month else key),
        utc(metadata["timestamp"] or EPOCH), metadata["etag"] or "", month,
    )  # fmt: skip
