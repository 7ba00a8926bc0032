"""Firings in Table storage: one row each, a tenant's latest periods first."""

from collections.abc import Iterable
from datetime import date

from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableEntity, UpdateMode
from pydantic import TypeAdapter

from shared.alerts.firing import Firing
from shared.stores.by_rule import ByRule, latest_first
from shared.stores.schema import FIRINGS_TABLE

DOCUMENT = TypeAdapter(Firing)  # as text, in which numbers of any size are exact
SINCE = "PartitionKey eq @tenant and RowKey lt @end"


class FiringStore(ByRule):
    """`shared.alerts.ports.Firings` on Table storage."""

    name = FIRINGS_TABLE

    async def since(self, tenant_id: str, first: date) -> list[Firing]:
        """The firings of periods that began on this day or later."""
        return _firings(await self._query(SINCE, tenant=tenant_id, end=f"{latest_first(first)}~"))

    async def of_rule(self, tenant_id: str, rule_id: str, limit: int) -> list[Firing]:
        """The newest firings of a rule: those of the latest periods, in these the latest fired."""
        found = _firings(await self._of_rule(tenant_id, rule_id, limit))
        return sorted(found, key=lambda one: (one.period.first, one.fired_at), reverse=True)[:limit]

    async def add(self, firing: Firing) -> None:
        """Writes a firing down; one that is there stays as it is."""
        try:
            await self._table.create_entity(_row(firing))
        except ResourceExistsError:
            return  # by another instance, or before a kill

    async def resolve(self, firing: Firing) -> None:
        """Writes down that, and how, a firing was resolved."""
        await self._table.upsert_entity(_row(firing), mode=UpdateMode.REPLACE)


def _row(firing: Firing) -> dict[str, str]:
    return {
        "PartitionKey": firing.tenant_id,
        "RowKey": f"{latest_first(firing.period.first)}|{firing.id}",
        "rule_id": firing.rule_id,
        "document": DOCUMENT.dump_json(firing).decode(),
    }


def _firings(rows: Iterable[TableEntity]) -> list[Firing]:
    return [DOCUMENT.validate_json(row["document"]) for row in rows]
