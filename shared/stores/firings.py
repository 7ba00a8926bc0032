"""Firings in Table storage: one row each, a tenant's latest periods first."""

from collections.abc import Iterable
from datetime import date

from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableEntity, UpdateMode
from pydantic import TypeAdapter

from shared.alerts.firing import Firing
from shared.stores.schema import FIRINGS_TABLE
from shared.stores.tables import Table

DOCUMENT = TypeAdapter(Firing)  # as text, in which numbers of any size are exact
SINCE = "PartitionKey eq @tenant and RowKey lt @end"
OF_RULE = "PartitionKey eq @tenant and rule_id eq @rule"


class FiringStore(Table):
    """`shared.alerts.ports.Firings` on Table storage."""

    name = FIRINGS_TABLE

    async def since(self, tenant_id: str, first: date) -> list[Firing]:
        """The firings of periods that began on this day or later."""
        return _firings(await self._query(SINCE, tenant=tenant_id, end=f"{latest_first(first)}~"))

    async def of_rule(self, tenant_id: str, rule_id: str, limit: int) -> list[Firing]:
        """The newest firings of a rule."""
        parameters = {"tenant": tenant_id, "rule": rule_id}
        rows: list[TableEntity] = []
        async for row in self._table.query_entities(OF_RULE, parameters=parameters, results_per_page=limit):
            rows.append(row)
            if len(rows) == limit:
                break
        return _firings(rows)

    async def add(self, firing: Firing) -> None:
        """Writes a firing down; one that is there stays as it is."""
        try:
            await self._table.create_entity(_row(firing))
        except ResourceExistsError:
            return  # by another instance, or before a kill

    async def resolve(self, firing: Firing) -> None:
        """Writes down that, and how, a firing was resolved."""
        await self._table.upsert_entity(_row(firing), mode=UpdateMode.REPLACE)


def latest_first(day: date) -> str:
    """A key that sorts days from the latest to the earliest."""
    return f"{99_999_999 - int(f'{day:%Y%m%d}'):08}"


def _row(firing: Firing) -> dict[str, str]:
    return {
        "PartitionKey": firing.tenant_id,
        "RowKey": f"{latest_first(firing.period.first)}|{firing.id}",
        "rule_id": firing.rule_id,
        "document": DOCUMENT.dump_json(firing).decode(),
    }


def _firings(rows: Iterable[TableEntity]) -> list[Firing]:
    return [DOCUMENT.validate_json(row["document"]) for row in rows]
