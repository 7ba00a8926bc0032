"""Tables of what rules brought about: a tenant's latest periods first, each row with its rule."""

from datetime import date

from azure.data.tables import TableEntity

from shared.stores.tables import Table

MAX_PAGE = 1_000  # rows that a query may ask for at once
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


def latest_first(day: date) -> str:
    """The beginning of a row's key by which tables, which sort ascending, have the latest day first."""
    return f"{99_999_999 - int(f'{day:%Y%m%d}'):08}"


def _period(row: TableEntity) -> str:
    return str(row["RowKey"]).partition("|")[0]
