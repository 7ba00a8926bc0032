"""Messages: every encoding and envelope, and what is wrong with a bad one."""

import base64
import gzip
import json
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import TooLarge, Undecodable
from shared.event_columns import in_columns
from shared.message import MAX_BYTES, MAX_EVENTS, decompress, read_batch
from tests.events import body, event, good, rows

PLAIN = body(event("1"), event("2"))
PACKED = gzip.compress(PLAIN)
ENCODED = {
    "plain": PLAIN,
    "gzip": PACKED,
    "base64": base64.b64encode(PLAIN),
    "base64 of gzip": base64.b64encode(PACKED),
    "base64 in lines": b"\r\n " + base64.encodebytes(PACKED),
    "base64 twice": base64.b64encode(base64.b64encode(PLAIN)),
    "base64 twice of gzip": base64.b64encode(base64.b64encode(PACKED)),
}


def cloud_event(name: str = "1", **attributes: object) -> dict[str, Any]:
    """An event as a CloudEvent."""
    whole = event(name)
    named = {key: whole.pop(key) for key in ("id", "source", "time")}
    return {"specversion": "1.0", "type": "ai.used", **named, "data": whole, **attributes}


@pytest.mark.parametrize(
    "message",
    [*ENCODED.values(), orjson.dumps([event("1"), event("2")])],
    ids=[*ENCODED.keys(), "array"],
)
def test_a_message_is_read_in_each_encoding(message: bytes) -> None:
    """Plain or packed, and each of these encoded too, also twice or cut into lines."""
    batch = read_batch(message)
    assert [*zip(batch.places, batch.events.ids, strict=True)] == [(0, "1"), (1, "2")]


def test_the_encoding_is_no_part_of_a_batch_s_identity() -> None:
    """The same text packed anew is the same batch; another `batch_id` is another one."""
    packed_anew = base64.b64encode(gzip.compress(PLAIN, 1))
    ids = {read_batch(message).id for message in (*ENCODED.values(), packed_anew)}
    assert len(ids) == 1
    assert read_batch(body(event("1"), event("2"), batch_id="again")).id not in ids


@pytest.mark.parametrize("message", [event(), cloud_event(), [cloud_event()]])
def test_one_event_is_read_alone_or_as_a_cloud_event(message: object) -> None:
    """A CloudEvent's id, source and time are those of the event."""
    events = read_batch(orjson.dumps(message)).events
    assert rows(events) == rows(in_columns([good(event(events.ids[0]))]))


def test_cloud_events_come_in_batches_and_each_is_judged_alone() -> None:
    """A bad one says what is wrong with it."""
    bad: list[tuple[dict[str, Any], str]] = [
        (cloud_event(specversion="0.3"), "specversion"),
        (cloud_event(data=None), "data"),
        (cloud_event(data="text"), "data"),
        (cloud_event(data={**event(), "id": "2"}), "data.id"),
        (cloud_event(data={}), "tenant_id"),
        ({key: value for key, value in cloud_event().items() if key != "time"}, "time"),
    ]
    batch = read_batch(orjson.dumps([cloud_event("good"), *(one for one, _ in bad)]))
    assert [*batch.events.ids] == ["good"]
    assert [one.errors[0].field for one in batch.bad] == [field for _, field in bad]


def test_a_cloud_event_of_an_api_client_is_of_its_tenant() -> None:
    """A missing tenant is filled in; another one is refused."""
    missing, other = cloud_event(), cloud_event()
    del missing["data"]["tenant_id"]
    other["data"]["tenant_id"] = "fabrikam"
    batch = read_batch(orjson.dumps([missing, other]), "contoso")
    assert [*batch.events.kinds.tenant_ids] == ["contoso"]
    assert [(one.tenant_id, one.errors[0].field) for one in batch.bad] == [("contoso", "tenant_id")]


UNDECODABLE = {
    "empty": b"",
    "text": b"hello",
    "half of JSON": PLAIN[:-1],
    "trailing text": PLAIN + b"x",
    "NaN": PLAIN.replace(b":7,", b":NaN,"),
    "infinity": PLAIN.replace(b":7,", b":1e999,"),
    "no UTF-8": PLAIN.replace(b"ann", b"\xff\xfe"),
    "lone surrogate": PLAIN.replace(b"ann", b"\\ud800"),
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "number": b"3",
    "null": b"null",
    "no events": b'{"events":[]}',
    "events are no list": b'{"events":{}}',
    "empty array": b"[]",
    "more beside events": body(event(), tenant="contoso"),
    "truncated gzip": PACKED[:-5],
    "cut gzip": PACKED[: len(PACKED) // 2],
    "broken gzip": PACKED[:20] + b"xxxx" + PACKED[24:],
    "bytes after gzip": PACKED + b"\0",
    "two gzip members": PACKED + PACKED,
    "bad base64": base64.b64encode(PACKED) + b"!",
    "cut base64": base64.b64encode(PACKED)[:-1],
    "packed twice": gzip.compress(PACKED),
    "blank": b" \r\n",
    "no letters": b"%%%",
    "the other base64": b"eyJ_-_",
    "base64 thrice": base64.b64encode(base64.b64encode(base64.b64encode(PLAIN))),
}


@pytest.mark.parametrize("message", UNDECODABLE.values(), ids=UNDECODABLE.keys())
def test_a_message_that_cannot_be_read_says_so(message: bytes) -> None:
    """Nothing of it is taken for an event."""
    with pytest.raises(Undecodable):
        read_batch(message)


@pytest.mark.parametrize(
    "message",
    [
        b" " * (MAX_BYTES + 1),
        gzip.compress(b" " * (MAX_BYTES + 1)),
        base64.b64encode(gzip.compress(b" " * 50_000_000, 9)),
        b"[" + b"0," * MAX_EVENTS + b"0]",
        gzip.compress(body(*[event(str(n)) for n in range(MAX_EVENTS + 1)])),
    ],
    ids=["bytes", "unpacked bytes", "zip bomb", "events", "good events"],
)
def test_a_message_beyond_the_bounds_is_too_large(message: bytes) -> None:
    """However small it was packed."""
    with pytest.raises(TooLarge):
        read_batch(message)


def test_a_message_at_the_bounds_is_read() -> None:
    """MAX_BYTES of text, MAX_EVENTS events."""
    assert len(decompress(gzip.compress(b" " * MAX_BYTES))) == MAX_BYTES
    assert len(read_batch(b"[" + b"0," * (MAX_EVENTS - 1) + b"0]").bad) == MAX_EVENTS


def test_what_is_no_object_is_a_bad_event_of_nobody() -> None:
    """It keeps its place and its text."""
    batch = read_batch(b'[5, null, "x", []]')
    assert [(one.index, one.payload, one.tenant_id) for one in batch.bad] == [
        (0, b"5", None), (1, b"null", None), (2, b'"x"', None), (3, b"[]", None)
    ]  # fmt: skip


def test_a_bad_event_is_kept_as_it_came() -> None:
    """Its payload is what was sent, also where the tenant of the API key was filled in."""
    sent = event(colour="red", tenant_id=None)
    (bad,) = read_batch(body(sent), "contoso").bad
    assert orjson.loads(bad.payload) == sent


@pytest.mark.parametrize(
    "sent",
    [
        b'{ "id" : 1e15 ,"id":123456789012345678901234567890, "a\\u0062":"\\u00e9\\/" }',
        b'{"specversion":"1.0", "id":"1", "data":{"cost_usd":0.10000000000000000001}}',
        b"[1e15, 1E+2, -0.0, 123456789012345678901234567890]",
        b'"\\u0065 \xc3\xa9"',
        b"[" * 600 + b"]" * 600,
    ],
)
@pytest.mark.parametrize(
    "around", [b'{"events":[0 , %s ]}', b'{"events":5,"ev\\u0065nts":[{},%s]}', b" [0,%s]"]
)
def test_a_bad_event_keeps_its_own_bytes(sent: bytes, around: bytes) -> None:
    """Numbers, names that stand twice, escapes and spaces are as they were sent, in any envelope."""
    assert [one.payload for one in read_batch(around % sent).bad][1:] == [sent]


def test_a_bad_event_without_an_envelope_is_the_whole_message() -> None:
    """As it came."""
    sent = b' {"id": 1e15,\n"colour":1} '
    assert [one.payload for one in read_batch(sent).bad] == [sent]


def test_every_field_at_fault_is_named_up_to_a_bound() -> None:
    """Twenty are enough for anybody, and fit the row that keeps them."""
    few = read_batch(body(event(colour=1, shape=2, id=None))).bad[0]
    many = read_batch(body({"x" * 9_000 + str(n): n for n in range(50)})).bad[0]
    assert {error.field for error in few.errors} == {"id", "colour", "shape"}
    assert len(many.errors) == 20
    assert all(len(str(error)) < 500 for error in many.errors)


@pytest.mark.parametrize("text", ["0.001", "12.5", '"0.3"', "10000000", "1e3"])
def test_decimals_are_read_exactly_in_a_batch_with_bad_events_too(text: str) -> None:
    """A number in JSON is its decimal text, not the double next to it."""
    one = json.dumps(
        event(primitive="phone.call", input_tokens=None, output_tokens=None, quantity="Q")
    ).replace('"Q"', text)
    for message in (f'{{"events":[{one}]}}', f"[{one}, 5]"):
        assert read_batch(message.encode()).events.quantities == [int(Decimal(text.strip('"')) * 1_000)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=5), some, max_size=3),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.sampled_from([*event(), "specversion", "data", "quantity"]), JSON, max_size=6)


@settings(max_examples=150, deadline=None)
@given(events=st.lists(st.one_of(JSON, FIELDS.map(lambda some: event() | some)), min_size=1, max_size=4))
def test_each_event_of_any_json_is_good_or_bad(events: list[Any]) -> None:
    """Nothing is lost, nothing raises but what is told of the whole message."""
    try:
        batch = read_batch(json.dumps({"events": events}).encode(errors="surrogatepass"), "contoso")
    except Undecodable:
        return
    assert sorted([*batch.places, *(one.index for one in batch.bad)]) == list(range(len(events)))
    assert len(batch.places) == len(batch.events)
    assert all(one.errors and orjson.loads(one.payload) is not Ellipsis for one in batch.bad)


@settings(max_examples=100, deadline=None)
@given(message=st.binary(max_size=60), prefix=st.sampled_from([b"", b"\x1f\x8b", b"H4sI", PACKED[:30], b"["]))
def test_any_bytes_are_told_as_undecodable(message: bytes, prefix: bytes) -> None:
    """Never another error, which would make the message poison."""
    try:
        batch = read_batch(prefix + message)
    except Undecodable:
        return
    assert batch.events or batch.bad
