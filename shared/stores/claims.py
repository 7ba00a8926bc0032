"""Claims: which batch owns an event id. One table a month, so that dropping a table expires a window."""

from collections.abc import Sequence
from datetime import date
from itertools import batched

from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.data.tables import TableErrorCode
from azure.data.tables.aio import TableClient, TableServiceClient

from shared.errors import Busy
from shared.stores.schema import CLAIMS_TABLE

TRANSACTION = 100
COMPARISONS = 15  # that the service takes in one filter
ATTEMPTS = 20


class ClaimStore:
    """`shared.ports.Claims` on Table storage."""

    def __init__(self, service: TableServiceClient) -> None:
        self._service = service

    async def claim(self, tenant_id: str, day: date, keys: Sequence[str], owner: str) -> set[str]:
        """Claims each key for the owner; gives those that another one owns already."""
        table = self._service.get_table_client(table_of(day))
        partition = f"{tenant_id}|{day}"
        lost: set[str] = set()
        for chunk in batched(keys, TRANSACTION, strict=False):
            lost |= await _claim(table, partition, list(chunk), owner)
        return lost

    async def drop_before(self, day: date) -> None:
        """Drops the tables of the months that ended before this day."""
        first_kept = table_of(day)
        async for table in self._service.list_tables():
            if table.name.startswith(CLAIMS_TABLE) and table.name < first_kept:
                await self._service.delete_table(table.name)


def table_of(day: date) -> str:
    """The claims table of a month."""
    return f"{CLAIMS_TABLE}{day:%Y%m}"


async def _claim(table: TableClient, partition: str, keys: list[str], owner: str) -> set[str]:
    """Inserts what is missing, all or nothing, until all of it is there; gives what is not the owner's."""
    missing, owners = keys, dict[str, str]()
    for _ in range(ATTEMPTS):
        if await _insert(table, partition, missing, owner):
            return {key for key, other in owners.items() if other != owner}
        owners |= await _owners(table, partition, missing)
        missing = [key for key in missing if key not in owners]
    raise Busy(f"the claims of {partition} could not be written: others kept writing them")


async def _insert(table: TableClient, partition: str, keys: list[str], owner: str) -> bool:
    if not keys:
        return True
    rows = [("create", {"PartitionKey": partition, "RowKey": key, "owner": owner}) for key in keys]
    try:
        await table.submit_transaction(rows)
    except HttpResponseError as error:
        code = getattr(error, "error_code", None)
        if code == TableErrorCode.ENTITY_ALREADY_EXISTS:
            return False
        if code != TableErrorCode.TABLE_NOT_FOUND:
            raise
        await _create(table)  # the first claim of a month
        return await _insert(table, partition, keys, owner)
    return True


async def _create(table: TableClient) -> None:
    try:
        await table.create_table()
    except ResourceExistsError:
        return  # by another instance, just now


async def _owners(table: TableClient, partition: str, keys: list[str]) -> dict[str, str]:
    owners = {}
    for part in batched(keys, COMPARISONS - 1, strict=False):
        either = " or ".join(f"RowKey eq @key{n}" for n in range(len(part)))  # "@key)" would be another name
        found = table.query_entities(
            f"PartitionKey eq @partition and ( {either} )",
            parameters={"partition": partition, **{f"key{n}": key for n, key in enumerate(part)}},
            select=["RowKey", "owner"],
        )
        async for entity in found:
            owners[entity["RowKey"]] = entity["owner"]
    return owners
