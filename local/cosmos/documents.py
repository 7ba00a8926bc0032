"""Item operations over HTTP: single ones, batches and queries."""

import orjson

from local.cosmos import items, query, values, wire
from local.cosmos.errors import CosmosError, refused
from local.cosmos.items import BatchError, Operation, Result
from local.cosmos.store import Container, Store
from local.cosmos.wire import Answer, Call

MAX_BATCH_OPERATIONS = 100
MAX_BATCH_BYTES = 2 * 1024 * 1024


def answer(store: Store, call: Call) -> Answer:
    """Do an item operation; CosmosError when it fails."""
    container = _container(store, call)
    value = wire.partition_key_of(call)
    partition = items.UNDEFINED_PARTITION if value == {} else items.partition_key(value)
    if call.kind == "query":
        return _query(store, container, partition, call)
    if call.kind == "batch":
        return _batch(store, container, partition, call)
    operation = Operation(
        call.kind,
        call.segments[5] if len(call.segments) == 6 else None,
        call.body if call.data else None,
        call.headers.get("If-Match"),
        call.headers.get("If-None-Match"),
    )
    result = items.run(store, container, partition, operation)
    headers = _headers(store, container) | ({"etag": result.etag} if result.etag else {})
    silent = call.kind != "read" and _wants_no_content(call)
    return Answer(result.status, None if silent else result.body, result.charge, headers)


def _container(store: Store, call: Call) -> Container:
    container = store.container(call.segments[1], call.segments[3])
    if call.headers.get("x-ms-cosmos-intended-collection-rid", container.rid) != container.rid:
        raise CosmosError(400, "The container was deleted and created anew", substatus=1024)
    return container


def _headers(store: Store, container: Container) -> dict[str, str]:
    number = store.next_number()
    return {
        "x-ms-session-token": f"0:0#{number}",
        "x-ms-alt-content-path": f"dbs/{container.database}/colls/{container.id}",
        "lsn": str(number),
    }


def _query(store: Store, container: Container, partition: bytes, call: Call) -> Answer:
    page = query.run(
        store,
        container,
        partition,
        values.document(call.body),
        wire.page_size(call),
        call.headers.get("x-ms-continuation"),
    )
    head = b'{"_rid":"%s","Documents":[' % container.rid.encode()
    body = b"".join((head, b",".join(page.results), b'],"_count":%d}' % len(page.results)))
    headers = _headers(store, container) | {"x-ms-item-count": str(len(page.results))}
    if page.continuation is not None:
        headers["x-ms-continuation"] = page.continuation
    return Answer(200, body, page.charge, headers)


def _batch(store: Store, container: Container, partition: bytes, call: Call) -> Answer:
    entries = call.body
    if not isinstance(entries, list) or not 1 <= len(entries) <= MAX_BATCH_OPERATIONS:
        raise CosmosError(400, f"A batch has 1 to {MAX_BATCH_OPERATIONS} operations")
    if len(call.data) > MAX_BATCH_BYTES:
        raise CosmosError(413, "Request size is too large: a batch holds at most 2 MB")
    operations = [wire.operation(entry) for entry in entries]
    if unknown := {op.kind for op in operations} - {"create", "upsert", "replace", "delete", "read"}:
        raise refused(f"the operation {', '.join(unknown)} in a batch")
    headers = _headers(store, container)
    try:
        results = items.run_all(store, container, partition, operations)
    except BatchError as failure:
        body = orjson.dumps(_failed(len(operations), failure))
        return Answer(207, body, failure.error.charge, headers)
    silent = _wants_no_content(call)
    parts = [
        _part(result, silent=silent and op.kind != "read")
        for op, result in zip(operations, results, strict=True)
    ]
    charge = round(sum(result.charge for result in results), 2)
    return Answer(200, b"[" + b",".join(parts) + b"]", charge, headers)


def _failed(count: int, failure: BatchError) -> list[dict[str, object]]:
    """The results of a batch of which nothing was done: 424 but for the operation that failed."""
    parts: list[dict[str, object]] = [{"statusCode": 424, "requestCharge": 0}] * count
    parts[failure.index] = {
        "statusCode": failure.error.status,
        "subStatusCode": failure.error.substatus,
        "requestCharge": failure.error.charge,
        "message": str(failure.error),
    }
    return parts


def _part(result: Result, *, silent: bool) -> bytes:
    fields = {"statusCode": result.status, "requestCharge": result.charge}
    head = orjson.dumps(fields | ({"eTag": result.etag} if result.etag else {}))
    if result.body is None or silent:
        return head
    return head[:-1] + b',"resourceBody":' + result.body + b"}"


def _wants_no_content(call: Call) -> bool:
    return call.headers.get("Prefer", "").lower() == "return=minimal"
