"""Tables of what rules brought about: a tenant's latest periods first, each row with its rule."""

from datetime import date
from itertools import batched, groupby

from azure.data.tables import TableEntity

from shared.stores.tables import Table

MAX_PAGE = 1_000  # rows that a query may ask for at once
MOST_DROPPED = 10_000  # rows at once; what is left waits for the next time
TRANSACTION = 100
KEYS = ["PartitionKey", "RowKey"]
OF_RULE = "PartitionKey eq @tenant and rule_id eq @rule"


class ByRule(Table):
    """A table whose keys are the tenant, and `latest_first` of the period with an id."""

    async def _of_rule(self, tenant_id: str, rule_id: str, limit: int) -> list[TableEntity]:
        """Rows of a rule: at least so many, if there are, and all of each period of which there is one."""
        query = self._table.query_entities(
            OF_RULE,
            parameters={"tenant": tenant_id, "rule": rule_id},
            results_per_page=min(limit + 1, MAX_PAGE),
        )
        found: list[TableEntity] = []
        async for row in query:
            if len(found) >= limit and _period(row) != _period(found[-1]):
                break
            found.append(row)
        return found

    async def drop_before(self, day: date) -> int:
        """Drops rows of periods that began before this day; gives how many."""
        found = self._table.query_entities(
            "RowKey gt @end", parameters={"end": f"{latest_first(day)}~"}, select=KEYS
        )
        rows: list[TableEntity] = []
        async for row in found:
            if len(rows) == MOST_DROPPED:
                break
            rows.append(row)
        for _, own in groupby(rows, key=lambda row: row["PartitionKey"]):
            for some in batched(own, TRANSACTION, strict=False):
                await self._table.submit_transaction([("delete", row) for row in some])
        return len(rows)


def latest_first(day: date) -> str:
    """The beginning of a row's key by which tables, which sort ascending, have the latest day first."""
    return f"{99_999_999 - int(f'{day:%Y%m%d}'):08}"


def _period(row: TableEntity) -> str:
    return str(row["RowKey"]).partition("|")[0]
