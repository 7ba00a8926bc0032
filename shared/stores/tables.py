"""Table storage: what every table's store shares."""

from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableEntity
from azure.data.tables.aio import TableClient, TableServiceClient

OTHERS_CAME_FIRST = {404, 409, 412}  # what was to be written is gone, is there, has changed


class Table:
    """One table. Creating it is the deployment's business."""

    name: str

    def __init__(self, service: TableServiceClient) -> None:
        self._table: TableClient = service.get_table_client(self.name)

    async def _get(self, partition: str, row: str) -> TableEntity | None:
        try:
            return await self._table.get_entity(partition, row)
        except ResourceNotFoundError:
            return None

    async def _query(self, query: str, **parameters: Any) -> list[TableEntity]:  # noqa: ANN401
        found = self._table.query_entities(query, parameters=parameters)
        return [entity async for entity in found]


def utc(moment: datetime) -> datetime:
    """A stored time as a plain datetime in UTC (the SDK's own type does not compare equal)."""
    return datetime.fromtimestamp(moment.timestamp(), UTC)
