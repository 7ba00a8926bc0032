"""JSON as the service keeps it, and keys whose byte order is Cosmos's order of values.

A key is a type tag and then the value, so that comparing two keys compares types first: null, false,
true, numbers, strings, arrays, objects. Undefined has no key (None).
"""

import json
import struct

import orjson

from local.cosmos.errors import CosmosError

type Json = dict[str, Json] | list[Json] | str | int | float | bool | None
type Document = dict[str, Json]
type Path = tuple[str, ...]

NULL, FALSE, TRUE, NUMBER, STRING, ARRAY, OBJECT = (bytes([tag]) for tag in range(1, 8))
MAX_INTEGER = 2**53

_DIGITS = bytes(0x30 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
_DOUBLE, _BITS = struct.Struct(">d"), struct.Struct(">Q")


def parse(data: bytes) -> Json:
    """The JSON value in `data`; CosmosError 400 for what is no JSON or no double."""
    try:
        # Only a run of 16 digits can be an integer beyond 2^53, and translate is the quickest look.
        if b"0" * 16 in data.translate(_DIGITS):
            json.loads(data, parse_int=_checked_integer)
        value: Json = orjson.loads(data)
    except ValueError as error:
        raise CosmosError(400, f"The request payload is invalid: {error}") from None
    return value


def document(value: Json) -> Document:
    """`value` when it is a JSON object; CosmosError 400 otherwise."""
    if not isinstance(value, dict):
        raise CosmosError(400, "The request payload is invalid: an object is expected")
    return value


def key(value: Json) -> bytes:
    """The key of a value. Arrays and objects have only their tag: they are never compared here."""
    if isinstance(value, str):
        return STRING + value.encode()
    if value is None:
        return NULL
    if isinstance(value, bool):
        return TRUE if value else FALSE
    if isinstance(value, int | float):
        return NUMBER + _ordered(value)
    return ARRAY if isinstance(value, list) else OBJECT


def key_at(value: Json, path: Path) -> bytes | None:
    """The key of the property at `path`, None where it is undefined."""
    found, inner = lookup(value, path)
    return key(inner) if found else None


def lookup(value: Json, path: Path) -> tuple[bool, Json]:
    """Whether there is a property at `path`, and its value."""
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return False, None
        value = value[name]
    return True, value


def type_range(value_key: bytes) -> tuple[bytes, bytes]:
    """The first key of the type of `value_key`, and the first one after that type."""
    if value_key in (FALSE, TRUE):
        return FALSE, NUMBER
    return value_key[:1], bytes([value_key[0] + 1])


def _ordered(number: float) -> bytes:
    """The double as eight bytes that sort as the numbers do (-0.0 is 0.0)."""
    (bits,) = _BITS.unpack(_DOUBLE.pack(float(number) + 0.0))
    return _BITS.pack(bits ^ (0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else 1 << 63))


def _checked_integer(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > MAX_INTEGER:
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise CosmosError(
            400,
            f"the integer {shown} is beyond 2^53: the service keeps numbers as IEEE 754 doubles and "
            "would change it (send it as a string)",
        )
    return int(text)
