"""Snapshots of quotas in Table storage: one row a tenant-day."""

from azure.data.tables import UpdateMode
from pydantic import TypeAdapter

from shared.days import Period
from shared.ports import Snapshot
from shared.stores.schema import SNAPSHOTS_TABLE
from shared.stores.tables import Table

DOCUMENT = TypeAdapter(Snapshot)  # as text, in which integers of any size are exact
OF_PERIOD = "PartitionKey eq @tenant and RowKey ge @first and RowKey le @last"


class SnapshotStore(Table):
    """`shared.ports.Snapshots` on Table storage."""

    name = SNAPSHOTS_TABLE

    async def save(self, tenant_id: str, snapshot: Snapshot) -> None:
        """Keeps the snapshot in place of an earlier one of its day."""
        row = {"PartitionKey": tenant_id, "RowKey": str(snapshot.day)}
        document = DOCUMENT.dump_json(snapshot).decode()
        await self._table.upsert_entity({**row, "document": document}, mode=UpdateMode.REPLACE)

    async def of_period(self, tenant_id: str, period: Period) -> list[Snapshot]:
        """The snapshots of days of the period, in the order of days."""
        found = await self._query(OF_PERIOD, tenant=tenant_id, first=str(period.first), last=str(period.last))
        return [DOCUMENT.validate_json(entity["document"]) for entity in found]
