"""Rejects in Table storage, the newest first."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import orjson
from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableEntity, UpdateMode

from shared.errors import FieldError
from shared.event import EPOCH
from shared.rejects import Reject
from shared.stores.schema import REJECTS_TABLE
from shared.stores.tables import Table, utc

PIECE = 64 * 1024  # bytes that one property of an entity holds
NEWEST_FIRST = 10**14  # tables sort ascending: times are stored as their distance from a far one
DAY = 86_400_000
ARRIVALS = "batch-"  # partitions of the first arrivals, behind those of the rejects, which are numbers


class RejectStore(Table):
    """`shared.ports.Rejects` on Table storage."""

    name = REJECTS_TABLE

    async def add(self, rejects: Sequence[Reject]) -> None:
        """Keeps them; adding one again changes nothing (above all not that it has been replayed)."""
        await asyncio.gather(*(self._add(reject) for reject in rejects))

    async def first_arrival(self, batch_id: str, arrived: datetime) -> datetime:
        """When the batch first arrived: this time, unless an earlier one is kept. Keeps it.

        A sender that got no answer sends again: by the time of arrival alone its rejects would be others.
        """
        partition = f"{ARRIVALS}{batch_id[:2]}"
        try:
            await self._table.create_entity(
                {"PartitionKey": partition, "RowKey": batch_id, "arrived": arrived}
            )
        except ResourceExistsError:
            return utc((await self._table.get_entity(partition, batch_id))["arrived"])
        return arrived

    async def find(self, reject_id: str) -> Reject | None:
        """The reject of that id."""
        row = _row(reject_id)
        entity = await self._get(_partition(row), row)
        return _reject(entity) if entity else None

    async def page(self, tenant_id: str | None, status: str | None, limit: int, offset: int) -> list[Reject]:
        """Some of the rejects, the newest first."""
        wanted = {"tenant_id": tenant_id, "status": status}
        given = {name: value for name, value in wanted.items() if value}
        query = " and ".join(("PartitionKey lt @arrivals", *(f"{name} eq @{name}" for name in given)))
        pages = self._table.query_entities(query, parameters={"arrivals": ARRIVALS, **given})
        found = []
        async for entity in pages:
            found.append(entity)
            if len(found) == offset + limit:
                break
        return [_reject(entity) for entity in islice(found, offset, None)]

    async def mark_replayed(self, reject: Reject) -> None:
        """Closes a reject."""
        entity = entity_of(replace(reject, status="replayed"))
        await self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)

    async def _add(self, reject: Reject) -> None:
        try:
            await self._table.create_entity(entity_of(reject))
        except ResourceExistsError:
            return  # the same message, delivered again


def _row(reject_id: str) -> str:
    moment, rest = reject_id.split(".", 1)
    return f"{NEWEST_FIRST - int(moment):014d}.{rest}"


def _partition(row: str) -> str:
    return str(int(row.split(".", 1)[0]) // DAY)


def entity_of(reject: Reject) -> dict[str, Any]:
    """The row of a reject."""
    row = _row(reject.id)
    entity: dict[str, Any] = {
        "PartitionKey": _partition(row),
        "RowKey": row,
        "batch_id": reject.batch_id,
        "errors": orjson.dumps([[error.field, error.reason] for error in reject.errors]).decode(),
        "status": reject.status,
        "counted": reject.counted,
    }
    if reject.index is not None:
        entity["index"] = reject.index
    if reject.tenant_id is not None:
        entity["tenant_id"] = reject.tenant_id
    for start in range(0, len(reject.payload), PIECE):
        entity[f"payload_{start // PIECE:02d}"] = reject.payload[start : start + PIECE]
    return entity


def _reject(entity: TableEntity) -> Reject:
    pieces = sorted(name for name in entity if name.startswith("payload_"))
    moment = NEWEST_FIRST - int(entity["RowKey"].split(".", 1)[0])
    return Reject(
        batch_id=entity["batch_id"],
        index=entity.get("index"),
        received=_moment(moment),
        payload=b"".join(entity[name] for name in pieces),
        errors=[FieldError(*pair) for pair in orjson.loads(entity["errors"])],
        tenant_id=entity.get("tenant_id"),
        status=entity["status"],
        counted=entity["counted"],
    )


def _moment(milliseconds: int) -> datetime:
    return (EPOCH + timedelta(milliseconds=milliseconds)).astimezone(UTC)
