"""Operations on single items, alone or in a transaction of one logical partition."""

from dataclasses import dataclass

import orjson

from local.cosmos import charges, policy, values
from local.cosmos.errors import CosmosError, conflict, not_found, refused
from local.cosmos.store import Container, Store, new_etag, resource_id
from local.cosmos.values import Document, Json

MAX_ITEM_BYTES = 2 * 1024 * 1024
UNDEFINED_PARTITION = b""


@dataclass(frozen=True, slots=True)
class Operation:
    """What to do: create, read, upsert, replace or delete; `id` names an existing item."""

    kind: str
    id: str | None = None
    body: Json = None
    if_match: str | None = None
    if_none_match: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What was done: HTTP status, JSON text, etag, request units."""

    status: int
    charge: float
    body: bytes | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    etag: str
    size: int
    expired: bool


class BatchError(Exception):
    """The operation at `index` of a batch failed with `error`, and nothing was done."""

    def __init__(self, index: int, error: CosmosError) -> None:
        super().__init__(str(error))
        self.index = index
        self.error = error


def run(store: Store, container: Container, partition: bytes, operation: Operation) -> Result:
    """Run one operation; CosmosError when it fails."""
    if operation.kind == "read":
        return _read(store, container, partition, operation)
    store.purge()
    with store.transaction():
        return _write(store, container, partition, operation)


def run_all(
    store: Store, container: Container, partition: bytes, operations: list[Operation]
) -> list[Result]:
    """Run all operations or none; BatchError for the first one that fails."""
    store.purge()
    results: list[Result] = []
    try:
        with store.transaction():
            for operation in operations:
                step = _read if operation.kind == "read" else _write
                results.append(step(store, container, partition, operation))
    except CosmosError as error:
        raise BatchError(len(results), error) from error
    return results


def partition_of(container: Container, document: Document) -> bytes:
    """The partition key of an item."""
    found, value = values.lookup(document, container.key_path)
    return partition_key(value) if found else UNDEFINED_PARTITION


def partition_key(value: Json) -> bytes:
    """The key of a partition key value; CosmosError 400 for arrays, objects and long strings."""
    key = values.key(value)
    if key >= values.ARRAY or len(key) > 2049:
        raise CosmosError(400, "The partition key must be a scalar of at most 2048 bytes")
    return key


def _find(store: Store, container: Container, partition: bytes, name: str) -> _Row | None:
    """The row of an item, also when it has expired and waits to be purged."""
    row = store.execute(
        "SELECT number, etag, size, coalesce(expires <= ?, 0) FROM items "
        "WHERE container = ? AND partition = ? AND id = ?",
        (store.now(), container.number, partition, values.key(name)),
    ).fetchone()
    return None if row is None else _Row(row[0], row[1], row[2], bool(row[3]))


def _existing(store: Store, container: Container, partition: bytes, name: str | None) -> _Row:
    row = _find(store, container, partition, name or "")
    if row is None or row.expired:
        raise not_found("the item")
    return row


def _read(store: Store, container: Container, partition: bytes, operation: Operation) -> Result:
    row = _existing(store, container, partition, operation.id)
    if operation.if_none_match in ("*", row.etag):
        return Result(304, 1.0, etag=row.etag)
    (body,) = store.execute("SELECT body FROM bodies WHERE number = ?", (row.number,)).fetchone()
    return Result(200, charges.read(row.size), body, row.etag)


def _write(store: Store, container: Container, partition: bytes, operation: Operation) -> Result:
    if operation.kind == "delete":
        return _delete(store, container, partition, operation)
    if operation.kind not in ("create", "upsert", "replace"):
        raise refused(f"the operation {operation.kind}")
    if operation.if_none_match or (operation.if_match and operation.kind != "replace"):
        raise refused(f"this precondition with {operation.kind}")
    document = values.document(operation.body)
    name = policy.valid_id(document.get("id"))
    if operation.kind == "replace" and name != operation.id:
        raise CosmosError(400, "The id of the body must be the id of the item")
    if partition_of(container, document) != partition:
        raise CosmosError(
            400,
            "PartitionKey extracted from document doesn't match the one specified in the header",
            substatus=1001,
        )
    row = _find(store, container, partition, name)
    exists = row is not None and not row.expired
    if operation.kind == "create" and exists:
        raise conflict()
    if operation.kind == "replace":
        _check_match(_existing(store, container, partition, name), operation)
    # An expired row is overwritten, so that it never stands in the way of its successor.
    number = row.number if row else store.next_number()
    return _put(store, container, partition, number, document, exists=exists)


def _delete(store: Store, container: Container, partition: bytes, operation: Operation) -> Result:
    row = _existing(store, container, partition, operation.id)
    _check_match(row, operation)
    store.execute("DELETE FROM items WHERE number = ?", (row.number,))
    store.execute("DELETE FROM bodies WHERE number = ?", (row.number,))
    return Result(204, charges.write(row.size))


def _check_match(row: _Row, operation: Operation) -> None:
    if operation.if_match not in (None, "*", row.etag):
        raise CosmosError(412, "One of the specified pre-condition is not met.")


def _put(
    store: Store,
    container: Container,
    partition: bytes,
    number: int,
    document: Document,
    *,
    exists: bool,
) -> Result:
    rid = resource_id(f"{container.rid}{number}".encode())
    stored = {n: v for n, v in document.items() if n not in policy.SYSTEM_PROPERTIES} | {
        "_rid": rid,
        "_self": f"{container.link}docs/{rid}/",
        "_etag": (etag := new_etag()),
        "_attachments": "attachments/",
        "_ts": (ts := int(store.now())),
    }
    body = orjson.dumps(stored)
    if len(body) > MAX_ITEM_BYTES:
        raise CosmosError(413, "Request size is too large: an item holds at most 2 MB")
    fixed = (number, container.number, partition, values.key(document["id"]), values.key(ts))
    keys = (values.key_at(stored, path) for path in container.columns)
    row = (*fixed, _expiry(container, document, ts), etag, len(body), *keys)
    store.execute(container.insert_statement(), row)
    store.execute("INSERT OR REPLACE INTO bodies VALUES(?, ?)", (number, body))
    cost = charges.replace if exists else charges.write
    return Result(200 if exists else 201, cost(len(body)), body, etag)


def _expiry(container: Container, document: Document, ts: int) -> int | None:
    own = policy.valid_ttl(document.get("ttl"), "ttl")
    if container.default_ttl is None:
        return None
    ttl = container.default_ttl if own is None else own
    return None if ttl == -1 else ts + ttl
