"""Requests and answers as they are on the wire, and who may send them."""

import base64
import functools
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

import orjson

from local.cosmos import values
from local.cosmos.errors import CosmosError, refused
from local.cosmos.items import Operation
from local.cosmos.values import Json


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with; the charge is in RU."""

    status: int
    body: bytes | None = None
    charge: float = 1.0
    headers: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of(value: Json, status: int = 200, etag: str | None = None) -> "Answer":
        """An answer whose body is JSON."""
        return Answer(status, orjson.dumps(value), headers={"etag": etag} if etag else {})

    @staticmethod
    def of_error(error: CosmosError) -> "Answer":
        """The answer that tells an error."""
        body = orjson.dumps({"code": str(error.status), "message": str(error)})
        headers = {"x-ms-substatus": str(error.substatus), **error.headers}
        return Answer(error.status, body, error.charge, headers)


class Call:
    """A request: method, path segments, headers and body."""

    def __init__(self, method: str, path: str, headers: Mapping[str, str], data: bytes) -> None:
        self.method = method
        self.headers = headers
        self.data = data
        self.segments = [unquote(part) for part in path.split("?")[0].split("/") if part]

    @functools.cached_property
    def body(self) -> Json:
        """The JSON of the body; CosmosError 400."""
        return values.parse(self.data)

    @functools.cached_property
    def kind(self) -> str:
        """The kind of an item operation, `metadata` for everything else."""
        if len(self.segments) not in (5, 6) or self.segments[4] != "docs":
            return "metadata"
        if self.method == "POST":
            return self._kind_of_post()
        on_item = {"GET": "read", "PUT": "replace", "DELETE": "delete"}
        if len(self.segments) == 6 and self.method in on_item:
            return on_item[self.method]
        return "metadata"

    def _kind_of_post(self) -> str:
        if self.flag("x-ms-documentdb-isquery"):
            return "query"
        if self.flag("x-ms-cosmos-is-batch-request"):
            return "batch"
        if self.headers.get("content-type") == "application/query+json":
            return "metadata"
        return "upsert" if self.flag("x-ms-documentdb-is-upsert") else "create"

    def flag(self, header: str) -> bool:
        """Whether a header says true."""
        return self.headers.get(header, "").lower() == "true"

    @property
    def container(self) -> str:
        """The id of the container that is addressed, or nothing."""
        return self.segments[3] if len(self.segments) > 3 else ""

    def ids(self) -> list[str]:
        """The ids of the items that an item operation names."""
        if len(self.segments) == 6:
            return [self.segments[5]]
        if self.kind == "query":
            return []
        entries = self.body if self.kind == "batch" else [{"resourceBody": self.body}]
        operations = [operation(entry) for entry in entries] if isinstance(entries, list) else []
        return [str(op.id or values.lookup(op.body, ("id",))[1]) for op in operations]


def operation(entry: Json) -> Operation:
    """One operation of a batch as it came."""
    fields = values.document(entry)
    text = {name: value for name, value in fields.items() if isinstance(value, str)}
    return Operation(
        text.get("operationType", "").lower(),
        text.get("id"),
        fields.get("resourceBody"),
        text.get("ifMatch"),
        text.get("ifNoneMatch"),
    )


def authorize(call: Call, key: bytes, aad: Callable[[str], bool] | None) -> None:
    """CosmosError 401 unless the request is signed with the master key, or `aad` takes its token.

    See learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources.
    """
    given = unquote(call.headers.get("authorization", ""))
    head, _, proof = given.partition("&sig=")
    if head == "type=aad&ver=1.0":
        if aad is not None and aad(proof):
            return
        raise CosmosError(401, "Local Authorization: this Microsoft Entra token is not accepted")
    signature = base64.b64encode(hmac.digest(key, _to_sign(call).encode(), "sha256")).decode()
    if head != "type=master&ver=1.0" or not hmac.compare_digest(proof.encode(), signature.encode()):
        raise CosmosError(
            401,
            "The input authorization token can't serve the request. The wrong key is being used or "
            f"the expected payload is not built as per the protocol: {_to_sign(call)!r}",
        )


def _to_sign(call: Call) -> str:
    parts = call.segments
    names_a_feed = len(parts) % 2 == 1
    resource_type = parts[-1] if names_a_feed else parts[-2] if parts else ""
    link = "/".join(parts[:-1] if names_a_feed else parts)
    date = call.headers.get("x-ms-date", "").lower()
    return f"{call.method.lower()}\n{resource_type.lower()}\n{link}\n{date}\n\n"


def partition_key_of(call: Call) -> Json:
    """The partition key value that a request names ({} for none); CosmosError 400."""
    header = call.headers.get("x-ms-documentdb-partitionkey")
    if header is None:
        raise refused("operations without one partition key (cross-partition queries, feeds)")
    match values.parse(header.encode()):
        case [value]:
            return value
    raise refused("partition keys of several levels")


def page_size(call: Call) -> int:
    """How many results a page may have; the service's 100 unless told, at most 1000."""
    text = call.headers.get("x-ms-max-item-count", "100")
    if text == "-1":
        return 1000
    if not text.isdecimal() or text == "0":
        raise CosmosError(400, "x-ms-max-item-count must be a positive number or -1")
    return min(int(text), 1000)
