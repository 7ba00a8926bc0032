"""The dirty marks: which tenant-days have something to fold."""

from datetime import date

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import TableEntity, UpdateMode

from shared.event import EPOCH
from shared.ports import Mark
from shared.stores.schema import MARKS_TABLE
from shared.stores.tables import Table, utc


class MarkStore(Table):
    """`shared.ports.Marks` on Table storage."""

    name = MARKS_TABLE

    async def mark(self, tenant_id: str, day: date) -> None:
        """Says that a segment of this tenant-day has been stored."""
        entity = {"PartitionKey": tenant_id, "RowKey": str(day)}
        await self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)

    async def marked(self, tenant_id: str) -> set[date]:
        """The days of the tenant that may have unfolded segments."""
        found = await self._query("PartitionKey eq @tenant", tenant=tenant_id)
        return {date.fromisoformat(entity["RowKey"]) for entity in found}

    async def all(self) -> list[Mark]:
        """Every mark of every tenant."""
        return [_mark(entity) async for entity in self._table.list_entities()]

    async def clear(self, mark: Mark) -> None:
        """Removes the mark, unless the day has been marked again since."""
        try:
            await self._table.delete_entity(
                mark.tenant_id, str(mark.day),
                etag=mark.etag, match_condition=MatchConditions.IfNotModified,
            )  # fmt: skip
        except (ResourceModifiedError, ResourceNotFoundError):
            return  # marked again, or cleared by another instance
        except HttpResponseError as error:
            if error.status_code != 412:
                raise


def _mark(entity: TableEntity) -> Mark:
    metadata = entity.metadata
    return Mark(
        entity["PartitionKey"], date.fromisoformat(entity["RowKey"]),
        utc(metadata["timestamp"] or EPOCH), metadata["etag"] or "",
    )  # fmt: skip
