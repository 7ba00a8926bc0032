"""From the bytes of a message to its usage events: encodings, envelopes and validation.

A message is one event, `{"events": [...]}` (with an optional `batch_id` that tells a deliberate
re-send from a redelivery), or CloudEvents 1.0 JSON (one, or an array); plain, gzip, or base64 of either.
"""

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any

import msgspec
import orjson
from msgspec import Raw
from msgspec.json import Decoder
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import FieldError, TooLarge, Undecodable
from shared.event import TENANT_ID, Event, EventUser, Text128, UsageEvent
from shared.event_columns import EventColumns, in_columns
from shared.quick import read_good

MAX_BYTES = 512 * 1024
MAX_EVENTS = 5_000
MAX_NAME = 128  # characters of a batch_id
MAX_ERRORS, MAX_PATH = 20, 200  # of an event and a field: a reject has to fit a row of a table
PLAINLY = {
    "extra_forbidden": "is not known here",
    "missing": "is needed",
    "union_tag_not_found": "is needed",
    "union_tag_invalid": "is none of those that there are",
    "string_pattern_mismatch": "is empty or has characters that are not allowed",
}
TAG = "type"  # the field that tells the members of a union apart
PIECES, EVENTS = Decoder(list[Raw] | dict[str, Raw]), Decoder(list[Raw])
GZIP, JSON = b"\x1f\x8b", (b"{", b"[")
NOT_READABLE = "The message is not JSON, gzip or base64 of these."
MAX_LAYERS = 2  # of base64: a client's own, and its queue library's


@dataclass(frozen=True, slots=True)
class BadEvent:
    """An event that breaks the schema, as it came, with every reason."""

    index: int
    payload: bytes
    errors: list[FieldError]
    tenant_id: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """The events of one message. `id` follows from the bytes: a redelivery has the same one.

    `text` is its JSON; `places` says where in it each of the good events stood; `client` is the tenant of
    the API client that sent it.
    """

    id: str
    text: bytes
    events: EventColumns
    places: Sequence[int]
    bad: list[BadEvent]
    client: str | None = None

    @property
    def rejects_id(self) -> str:
        """What names its rejects: two clients may send the same bytes, and each has its own."""
        return self.id if self.client is None else batch_id_of(f"{self.client} {self.id}".encode())


class Events(BaseModel):
    """The plain envelope: many events in one message."""

    model_config = ConfigDict(extra="forbid", strict=True)

    events: Annotated[list[UsageEvent], Field(min_length=1, max_length=MAX_EVENTS)]
    batch_id: Annotated[Text128 | None, Field(description="Unique a batch; the same on each retry.")] = None


def read_batch(body: bytes, tenant_id: str | None = None) -> Batch:
    """The events of a message; those of an API client are all of its `tenant_id`.

    Raises Undecodable or TooLarge when there are no single events to speak of.
    """
    text = decompress(body)
    batch_id = batch_id_of(text)
    events = read_good(text)
    if events is None or len(events) > MAX_EVENTS or not _are_of(events, tenant_id):
        return _read_one_by_one(batch_id, text, tenant_id)
    return Batch(batch_id, text, events, range(len(events)), [], tenant_id)


def _are_of(events: EventColumns, tenant_id: str | None) -> bool:
    return tenant_id is None or {*events.kinds.tenant_ids} == {tenant_id}


def batch_id_of(text: bytes) -> str:
    """The same bytes are the same batch, so that whatever is delivered again is recognised."""
    return hashlib.sha256(text).hexdigest()[:32]


def decompress(body: bytes) -> bytes:
    """The JSON text of a message, of at most MAX_BYTES however small it was packed.

    The queue's messages come as they were sent: whatever they are, it is here that they are judged.
    """
    for _ in range(MAX_LAYERS):
        if _is_decoded(body):
            break
        body = _from_base64(body)
    if not _is_decoded(body):
        raise Undecodable(NOT_READABLE)
    return _unzip(body) if body.startswith(GZIP) else body


def _is_decoded(body: bytes) -> bool:
    if body.startswith(GZIP):
        return True
    if len(body) > MAX_BYTES:
        raise TooLarge(f"The message has {len(body)} bytes; {MAX_BYTES} are allowed.")
    return body.lstrip().startswith(JSON)


def _from_base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)  # some encoders cut it into lines
    except binascii.Error as error:
        raise Undecodable(NOT_READABLE) from error


def _unzip(body: bytes) -> bytes:
    unzip = zlib.decompressobj(wbits=31)
    try:
        text = unzip.decompress(body, MAX_BYTES + 1)
    except zlib.error as error:
        raise Undecodable(f"The message looks like gzip but is not: {error}.") from error
    if len(text) > MAX_BYTES:
        raise TooLarge(f"The message unpacks to more than {MAX_BYTES} bytes.")
    if not unzip.eof or unzip.unused_data:
        raise Undecodable("The message is not one whole gzip member.")
    return text


def sent_events(text: bytes) -> list[Raw]:
    """The bytes of each event of a message as it came: written anew they could be others, and more."""
    document: list[Raw] | dict[str, Raw] = PIECES.decode(text)
    if isinstance(document, dict):
        return EVENTS.decode(document["events"]) if "events" in document else [Raw(text)]
    return document


def _read_one_by_one(batch_id: str, text: bytes, client: str | None) -> Batch:
    good: dict[int, Event] = {}
    bad: list[BadEvent] = []
    for index, (raw, sent) in enumerate(zip(_raw_events(text), sent_events(text), strict=True)):
        event = read_event(index, raw, client, sent)
        if isinstance(event, BadEvent):
            bad.append(event)
        else:
            good[index] = event
    return Batch(batch_id, text, in_columns([*good.values()]), [*good], bad, client)


def _raw_events(text: bytes) -> list[Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Undecodable(f"The message is not JSON: {error}.") from error
    if isinstance(document, dict) and "events" in document:
        if unknown := document.keys() - Events.model_fields:
            raise Undecodable(f"Unknown field beside events: {min(unknown)[:MAX_PATH]}.")
        named = document.get("batch_id")
        if named is not None and not (isinstance(named, str) and len(named) <= MAX_NAME):
            raise Undecodable(f"The batch_id is not text of at most {MAX_NAME} characters.")
        document = document["events"]
    elif isinstance(document, dict):
        document = [document]
    if not isinstance(document, list) or not document:
        raise Undecodable("The message holds no event: neither an object nor a list of them.")
    if len(document) > MAX_EVENTS:
        raise TooLarge(f"The message has {len(document)} events; {MAX_EVENTS} are allowed.")
    return document


def read_event(index: int, raw: object, tenant_id: str | None, sent: Raw | None = None) -> Event | BadEvent:
    """One event of a batch, or what is wrong with it.

    `tenant_id` is that of an API client; `sent` are the event's bytes, where it came as JSON.
    """
    fields, errors = _fields(raw)
    named = fields.get("tenant_id")
    known = tenant_id or (named if isinstance(named, str) and re.fullmatch(TENANT_ID, named) else None)
    if tenant_id and fields.setdefault("tenant_id", tenant_id) != tenant_id:
        errors = [FieldError("tenant_id", "is not the tenant of the API key")]
    try:
        if not errors:
            return _validated(fields)
    except ValidationError as error:
        errors = list(islice(field_errors(error), MAX_ERRORS))
    except orjson.JSONEncodeError:
        errors = [FieldError("event", "is nested too deeply")]
    return BadEvent(index, _dump(raw) if sent is None else bytes(sent), errors, known)


def _validated(fields: dict[str, Any]) -> Event:
    fields = _bounded(fields, UsageEvent)
    if isinstance(user := fields.get("user"), dict):
        fields["user"] = _bounded(user, EventUser)
    described = UsageEvent.model_validate_json(orjson.dumps(fields))
    return msgspec.convert(described, Event, from_attributes=True)


def _bounded(fields: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """The fields without most of those that are unknown: each is an error, and of these few are told."""
    unknown = (name for name in fields if name not in model.model_fields)
    kept = {*model.model_fields, *islice(unknown, MAX_ERRORS)}
    return {name: value for name, value in fields.items() if name in kept}


def _fields(raw: object) -> tuple[dict[str, Any], list[FieldError]]:
    """The fields of an event, out of its CloudEvent if it came in one."""
    if not isinstance(raw, dict):
        return {}, [FieldError("event", "must be an object")]
    return _unwrap_cloud_event(raw) if "specversion" in raw else ({**raw}, [])


def _unwrap_cloud_event(raw: dict[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
    """A CloudEvent's id, source and time are the event's; the rest of the event is its data."""
    if raw["specversion"] != "1.0":
        return {}, [FieldError("specversion", "must be 1.0")]
    data = raw.get("data")
    if not isinstance(data, dict):
        return {}, [FieldError("data", "must be an object (JSON, not data_base64)")]
    named = {name: raw[name] for name in ("id", "source", "time") if name in raw}
    if clash := sorted(named.keys() & data.keys()):
        return {}, [FieldError(f"data.{clash[0]}", "belongs to the CloudEvent's own attributes")]
    return {**data, **named}, []


def _dump(raw: object) -> bytes:
    try:
        return orjson.dumps(raw)
    except orjson.JSONEncodeError:  # it writes fewer levels than it reads
        return json.dumps(raw, ensure_ascii=False).encode()


def field_errors(
    error: ValidationError, whole: str = "event", document: object = None
) -> Iterator[FieldError]:
    """Pydantic's errors as field and reason; what is wrong as a whole has the name given.

    The document is needed where unions are told apart by a tag.
    """
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        place = (*one["loc"], TAG) if one["type"].startswith("union_tag") else one["loc"]
        path = ".".join(map(str, place if document is None else _steps(place, document)))
        reason = PLAINLY.get(one["type"]) or one["msg"].removeprefix("Value error, ")
        if one["type"] == "value_error" and ": " in reason:  # a check across fields names its field itself
            name, reason = reason.split(": ", 1)
            path = f"{path}.{name}" if path else name
        yield FieldError(path[:MAX_PATH] or whole, reason)


def _steps(place: Sequence[str | int], document: Any) -> Iterator[str | int]:  # noqa: ANN401 - any JSON
    """The steps to a place in the document, without the tags of unions that pydantic has among them."""
    for step in place[:-1]:
        try:
            document = document[step]
        except (KeyError, TypeError):
            continue
        yield step
    yield from place[-1:]
