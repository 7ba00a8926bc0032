"""The promises that hold for any bytes: each target takes some and raises where its promise is broken.

`make fuzz` drives them by coverage, `test_targets.py` a little with every run of the tests.
"""

import csv
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import StringIO
from itertools import batched
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import azure.functions as func
import orjson

import function_app  # noqa: F401 - declares every operation
from functions._api import OPERATIONS
from functions._http import body_of, parameters, problem
from shared.columns import MEASURES
from shared.cube import Cube, merge
from shared.errors import InvalidInput, TooLarge, Undecodable
from shared.event import Event, UsageEvent
from shared.event_columns import in_columns
from shared.export import Sheet, cell, to_csv
from shared.history import BadFile, read_rows
from shared.message import MAX_ERRORS, BadEvent, read_batch, read_event
from shared.packing import pack, unpack
from shared.quick import read_good
from tests.events import body, event, rows
from tests.shared.test_cube import NAMES, Row, cube_of, grouped, plain

QUERIES = list({one.query for one in OPERATIONS})
BODIES = list({one.body for one in OPERATIONS if isinstance(one.body, type)})
LARGEST_FIELD = 300  # characters: what is told of a field has an end, whatever its name


def message(data: bytes) -> None:
    """A message is read, or told as undecodable or too large; each of its events is good or bad, once."""
    for tenant_id in (None, "contoso"):
        with suppress(Undecodable, TooLarge):
            batch = read_batch(data, tenant_id)
            places = [*batch.places, *(one.index for one in batch.bad)]
            assert sorted(places) == list(range(len(places)))
            assert batch.id == read_batch(data, tenant_id).id
            for bad in batch.bad:
                _check_bad(bad)
            assert tenant_id is None or {*batch.events.kinds.tenant_ids} <= {tenant_id}


def quick(data: bytes) -> None:
    """What is read quickly would be read slowly too, as the same events."""
    events = read_good(data)
    if events is not None:
        slow = [read_event(0, raw, None) for raw in orjson.loads(data)["events"]]
        assert rows(events) == rows(in_columns([one for one in slow if isinstance(one, Event)]))


def query(data: bytes) -> None:
    """Query parameters are read, or each that is wrong is named in an answer of bounded size."""
    url = f"http://localhost/api?{data.decode('latin-1')}"
    for model in QUERIES:
        with suppress(ValueError):  # a URL that no server hands on
            _is_told(partial(parameters, func.HttpRequest("GET", url, body=b""), model))


def request(data: bytes) -> None:
    """The body of a request is read, or each field that is wrong is named in an answer."""
    sent = func.HttpRequest("POST", "http://localhost/api", body=data)
    for model in BODIES:
        _is_told(partial(body_of, sent, model))


def sheet(data: bytes) -> None:
    """Any cells come back from the CSV file, none of them as a formula."""
    cells = data.decode(errors="replace").split("\0")
    rows = [[*row, *[""] * (3 - len(row))] for row in batched(cells, 3, strict=False)]
    header, *found = csv.reader(StringIO(to_csv(Sheet("abc", rows)).decode(), newline=""), strict=True)
    assert header == ["a", "b", "c"]
    assert found == [[cell(value) for value in row] for row in rows]
    assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for row in found for value in row)


def history(data: bytes) -> None:
    """Each row of a file is a good event or a bad one, or the file says where it cannot be read."""
    with TemporaryDirectory() as folder:
        for name in ("past.csv", "past.jsonl"):
            path = Path(folder, name)
            path.write_bytes(data)
            with suppress(BadFile):
                for line, raw in read_rows(path):
                    outcome = read_event(line, raw, "contoso")
                    if isinstance(outcome, BadEvent):
                        _check_bad(outcome)


def cube(data: bytes) -> None:
    """A cube comes back from both of its stored forms, and its groups are the plain sums."""
    rows = [_row(part) for part in batched(data[:2_000], len(NAMES) + 8, strict=False)]
    whole = cube_of(rows)
    for again in (whole, unpack(pack(whole)), merge([whole, unpack(pack(cube_of([])))])):
        _is_grouped(again, rows)


def _is_told(read: Callable[[], object]) -> None:
    try:
        read()
    except InvalidInput as error:
        told = orjson.loads(problem(error).get_body())["errors"]
        assert told
        assert all(one["reason"] and 0 < len(one["field"]) <= LARGEST_FIELD for one in told)


def _check_bad(bad: BadEvent) -> None:
    """It says why, in few words, and its payload can be read again."""
    assert 0 < len(bad.errors) <= MAX_ERRORS
    assert all(error.reason and 0 < len(error.field) <= LARGEST_FIELD for error in bad.errors)
    assert isinstance(read_event(bad.index, orjson.loads(bad.payload), bad.tenant_id), BadEvent | Event)


def _row(part: tuple[int, ...]) -> Row:
    """A row of these bytes: a name of each dimension, and measures of up to 56 bits."""
    names = [None if byte == 0 else chr(byte * 37) for byte in part[: len(NAMES)]]
    names += [None] * (len(NAMES) - len(names))
    number = int.from_bytes(bytes(part[len(NAMES) :])) >> 8
    return tuple(names), tuple(number >> (5 * place) for place in range(len(MEASURES)))


def _is_grouped(cube: Cube, rows: list[Row]) -> None:
    assert plain(cube.group_by(*NAMES), *NAMES) == grouped(rows, *NAMES)


CALL: dict[str, Any] = {"primitive": "phone.call", "input_tokens": None, "output_tokens": None}
CLOUD = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "time": "2026-03-10T12:00:00Z"}
GOOD = [
    body(event(), event("2", cost_usd="0.5", user=None), batch_id="b"),
    body(event(**CALL, quantity=1.5, product="psa", feature="new-one")),
    body(event(primitive="ai.embed", output_tokens=None, quantity="2", cost_usd=0)),
]
MESSAGES = [
    *GOOD,
    body(event(), {}),
    orjson.dumps([CLOUD | {"data": {"tenant_id": "contoso", "feature": "call-recap", **CALL}}, 5]),
]
QUERY_STRINGS = [
    b"from=2026-01-01&to=2026-03-01&feature=a&feature=%28none%29&limit=5",
    b"period=7d&sort=-x&q=%C3%A9",
]
REQUESTS = [
    b'{"name":"x","time_zone":"Europe/Berlin","tier":{"name":"pro","monthly_tokens":1000}}',
    b'{"name":"x","metric":"daily_requests","thresholds":[1],"channels":[{"type":"email","to":["a@b.de"]}]}',
    b'{"scopes":["read"],"expires":"2027-01-01T00:00:00Z"}',
    b'{"prices":[{"primitive":"phone.sms","valid_from":"2020-01-01","unit_usd":"7"}]}',
]
FILES = [
    orjson.dumps(event()) + b"\n5\n",
    b"id,source,time,user_id,input_tokens\n1,s,2026-01-01T00:00:00Z,ann,7\n",
]
TARGETS: dict[str, tuple[Callable[[bytes], None], list[bytes]]] = {
    "message": (message, MESSAGES),
    "quick": (quick, GOOD),
    "query": (query, QUERY_STRINGS),
    "request": (request, REQUESTS),
    "sheet": (sheet, ['=1+1\0,"\r\n\0é'.encode(), b"a\0b\0c\0-5"]),
    "history": (history, FILES),
    "cube": (cube, [bytes(range(60)), bytes([1, 2, 3, 4, 5, 6] + [255] * 8) * 3]),
}
"""Each target, with bytes to begin from."""

FIELDS = (*UsageEvent.model_fields, "events", "batch_id", "data", "specversion", "colour")
# fmt: off
VALUES = [
    b"null", b"true", b"-0", b"1.0", b"1e2", b"1e999", b"NaN", b"9" * 30, b"0.1000000000000000055", b"0.0001",
    b"10000.1", b'"1_0"', b'"0E+99"', b'"-0"', b'"sNaN"', b'"1e-10"', b'"A b"', b'""', b'"\x7f"', b'"\\t"',
    b'"\\u0000"', b'"\\u007f"', b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\xed\xa0\x80"', b'"\xc2\x85"',
]
TOKENS = [
    *(f'"{name}":'.encode() for name in FIELDS), *VALUES,
    b'"', b"\\", b"\\u0000", b"\\u007f", b"\\ud800", b"\x00", b"\x7f", b"\xef\xbb\xbf", b"\xff", b"{", b"}",
    b"[" * 60, b"]", b",", b"&", b"=", b"%00", b"%ED%A0%80", b"%", b"+", b"\r\n", b"\t", b"'",
    b"\xe2\x80\xae",
]
# fmt: on
"""What is worth putting anywhere."""
