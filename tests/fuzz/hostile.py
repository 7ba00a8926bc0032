"""Messages that were made to hurt, and names that were made to be mistaken for something else."""

import base64
import gzip
import json
import zlib
from functools import reduce
from typing import Any

from shared.message import MAX_BYTES
from tests.events import body, event

EVENT = body(event())
CLOUD = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "time": "2026-03-10T12:00:00Z"}


def with_value(name: str, value: str | bytes) -> bytes:
    """A message of one event that has this JSON as the value of a field."""
    return body(event(**{name: "HERE"})).replace(
        b'"HERE"', value.encode() if isinstance(value, str) else value
    )


def filled(head: bytes, unit: bytes, tail: bytes, size: int = MAX_BYTES) -> bytes:
    """As many of the units, with commas, as a message of that size has room for."""
    room = size - len(head) - len(tail)
    return head + b",".join([unit] * (room // (len(unit) + 1))) + tail


def in_layers(text: bytes, *layers: str) -> bytes:
    """The text packed and encoded, the first layer innermost."""
    for layer in layers:
        text = gzip.compress(text) if layer == "gzip" else base64.b64encode(text)
    return text


def bomb(head: bytes, unit: bytes, megabytes: int) -> bytes:
    """Gzip that unpacks to a head and as many megabytes of units: one megabyte is packed, and repeated."""
    packer, whole = zlib.compressobj(9, wbits=-15), unit * (2**20 // len(unit))
    first = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(whole) + packer.flush(zlib.Z_FULL_FLUSH)
    crc = reduce(lambda crc, part: zlib.crc32(part, crc), [whole] * megabytes, zlib.crc32(head))
    size = len(head) + len(whole) * megabytes
    end = crc.to_bytes(4, "little") + (size % 2**32).to_bytes(4, "little")
    return gzip.compress(b"")[:10] + first + piece * megabytes + packer.flush() + end


UNREADABLE: dict[str, bytes] = {
    "garbage": bytes(range(256)) * 2_000,
    "base64 of garbage": base64.b64encode(bytes(range(256)) * 1_000),
    "deep lists": b"[" * 200_000 + b"]" * 200_000,
    "deep objects": b'{"events":[' + b'{"a":' * 80_000 + b"1" + b"}" * 80_000 + b"]}",
    "deep and never closed": b'{"events":' + b"[" * 400_000,
    "gzip three times": in_layers(b"0" * 1_000_000, "gzip", "gzip", "gzip"),
    "gzip in base64 in gzip": in_layers(EVENT, "gzip", "base64", "gzip"),
    "base64 in gzip in base64": in_layers(EVENT, "base64", "gzip", "base64"),
    "NaN": with_value("input_tokens", "NaN"),
    "infinity": with_value("input_tokens", "-Infinity"),
    "a number beyond doubles": with_value("cost_usd", "1e999"),
    "half a million digits": with_value("input_tokens", "9" * 500_000),
    "a lone surrogate": with_value("id", r'"\ud800"'),
    "surrogates in the wrong order": with_value("id", r'"\ude00\ud83d"'),
    "surrogates as UTF-8": with_value("id", b'"\xed\xa0\xbd"'),
    "an overlong slash": with_value("id", b'"\xc0\xaf"'),
    "beyond Unicode": with_value("id", b'"\xf4\x90\x80\x80"'),
    "a raw NUL": with_value("id", b'"\0"'),
    "a raw line feed": with_value("id", b'"a\nb"'),
    "UTF-16": EVENT.decode().encode("utf-16"),
    "UTF-16 without its mark": EVENT.decode().encode("utf-16-le"),
    "UTF-32": EVENT.decode().encode("utf-32-be"),
    "Latin-1": with_value("model", '"Zoë"'.encode("latin-1")),
    "a byte order mark": b"\xef\xbb\xbf" + EVENT,
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "comments": b"{/* none */}",
    "single quotes": b"{'id':'1'}",
    "two documents": EVENT + EVENT,
    "the last of two events is no list": EVENT[:-1] + b',"events":5}',
}
TOO_LARGE: dict[str, bytes] = {
    "a megabyte of garbage": bytes(range(256)) * 4_096,
    "a megabyte of base64": b"QUFB" * 262_144,
    "a megabyte of braces": b"{" * 1_048_576,
    "a zip bomb": bomb(b"", b" ", 200),
    "a zip bomb of events": bomb(b"[", b"{},", 200),
    "a zip bomb in base64": in_layers(bomb(b"", b"\0", 20), "base64"),
    "a zip bomb in base64 twice": in_layers(bomb(b"", b"\0", 150), "base64", "base64"),
    "numbers instead of events": filled(b'{"events":[', b"0", b"]}"),
}
BAD: dict[str, bytes] = {
    "a key for each byte": b'{"events":[{' + b",".join(b'"%d":0' % n for n in range(50_000)) + b"}]}",
    "a user of many keys": b'{"user":{' + b",".join(b'"%d":0' % n for n in range(50_000)) + b"}}",
    "one key many times": filled(b'{"events":[{', b'"id":"a"', b"}]}"),
    "deep in a field": with_value("id", b"[" * 1_000 + b"]" * 1_000),
    "deep in a CloudEvent": json.dumps(CLOUD).encode()[:-1]
    + b',"data":'
    + b"[" * 1_000
    + b"]" * 1_000
    + b"}",
    "a long id": with_value("id", '"' + "x" * 500_000 + '"'),
    "a long name of a field": body({"x" * 500_000: 1}),
    "escapes": with_value("id", '"' + "\\u0000" * 80_000 + '"'),
    "backslashes": with_value("id", '"' + "\\\\" * 250_000 + '"'),
    "a long amount": with_value("cost_usd", '"' + "9" * 500_000 + '"'),
    "a long fraction": with_value("input_tokens", "0." + "9" * 500_000),
    "a long time": with_value("time", '"2026-' + "9" * 500_000 + '"'),
    "a long tenant": with_value("tenant_id", '"' + "a" * 500_000 + '"'),
    "no number": with_value("cost_usd", '"NaN"'),
    "a signalling one": with_value("cost_usd", '"sNaN"'),
    "an endless amount": with_value("cost_usd", '"Infinity"'),
    "an amount of many digits": with_value("cost_usd", '"1e999999999999999999"'),
    "an integer beyond 64 bits": with_value("input_tokens", "9" * 40),
    "a negative count": with_value("input_tokens", "-1"),
    "a fraction of a token": with_value("input_tokens", "1.5"),
    "a count as text": with_value("input_tokens", '"7"'),
    "a path as tenant": with_value("tenant_id", '"../contoso"'),
    "a key of a table as tenant": with_value("tenant_id", '"contoso|2026-03-10"'),
    "a tenant in look-alikes": with_value("tenant_id", '"c\u043entoso"'),
    "a tenant in wide letters": with_value("tenant_id", '"\uff43ontoso"'),
    "a tenant and a line feed": with_value("tenant_id", r'"contoso\n"'),
    "a NUL": with_value("id", r'"\u0000"'),
    "a delete character": with_value("id", b'"\x7f"'),
    "a feature in capitals": with_value("feature", '"\u0130stanbul"'),
    "a CloudEvent of no version": body(CLOUD | {"specversion": None, "data": {}}),
    "a CloudEvent of a number": body(CLOUD | {"specversion": 1.0, "data": {}}),
    "a CloudEvent in a CloudEvent": body(CLOUD | {"data": CLOUD}),
    "a CloudEvent of text": body(CLOUD | {"data": EVENT.decode()}),
    "a CloudEvent of base64": body(CLOUD | {"data_base64": base64.b64encode(EVENT).decode()}),
    "a CloudEvent whose data contradict it": body(CLOUD | {"data": event("2")}),
    "a batch in a batch": body({"events": [event()]}),
    "a prototype": b'{"__proto__":{"id":"1"},"constructor":1}',
}
"""Messages of one event, which is bad."""

HOSTILE_NAMES: list[str] = [
    *(
        "|",
        "a|b",
        "contoso|2026-03-10",
        "/",
        "\\",
        "a/../b",
        "..",
        "?",
        "#",
        "%2F",
        "%00",
        "'",
        "''",
        '"',
        "`",
    ),
    *(
        "' or 'a' eq 'a",
        '" OR 1=1 --',
        "${x}",
        "{{x}}",
        "<script>alert(1)</script>",
        "=1+1",
        "@x",
        "-5",
        "+1",
    ),
    *("null", "None", "undefined", "NaN", "true", "0", "[]", "{}", "__proto__", "constructor", "(none )"),
    *("\u00a0", "\u200b", "\u202e cod", "\ufeff", "\u2028", "\u0085", "\u061c", "\ufffd", "\uffff"),
    *("\u00e9", "e\u0301", "\u212b", "\u00c5", "\ufb01", "fi", "\u0131", "I", "i", "\u00df", "SS", "ss"),
    *("\U0001f469\u200d\U0001f680", "\U0010ffff", "\u0645\u0631\u062d\u0628\u0627", " a", "a ", "a", "A"),
]
"""Ids that a client may send: each is another user, and stays what it is."""


def as_users(one: dict[str, Any], names: list[str]) -> list[dict[str, Any]]:
    """An event of each of these users, whose id is the user's."""
    return [one | {"id": name, "source": name, "model": name, "user": {"id": name}} for name in names]
