"""The quick way into a message: it takes what is plainly good, and nothing that the slow way would not."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local import demo
from shared.event import Event, UsageEvent, User
from shared.event_columns import in_columns
from shared.message import read_event
from shared.quick import read_good
from tests.events import body, event, rows

CALL = event(primitive="phone.call", input_tokens=None, output_tokens=None, quantity=1)
EMBED = event(primitive="ai.embed", output_tokens=None, quantity=1)

# fmt: off
TEXTS = [
    "", "a", "A.b", "a\n", "\t", "a\x7f", 'q"', "back\\slash", "Zoë", "\\u0001", "contoso", "gpt-4o-mini",
    *(letter * length for letter in "xé\U0001f600" for length in (64, 65, 128, 129, 256, 257)),
]
ODD = [
    '"\\ud800"', '"\\ud800x"', '"\\udc00"', '"\\ud83d\\ude00"', '"\\u00fc"', '"\\u007f"', '"\\u0000"',
    "null", "7", "true", "[]", "{}",
]
NUMBERS = [
    "0", "-0", "1", "3", "7", "-1", "1.0", "1e0", "01", "1e400", "NaN", "100000000", "100000001",
    "9" * 400,
]
DECIMALS = [
    "0.001", "0.0001", "12.50", "1e3", "1E-9", "1e-10", "-0.0", "10000000", "10000000.001",
    "1e999999999999", '"0.3"', '"1_0"', '"NaN"', '"sNaN"', '"Infinity"', '"-1"', '"1e-3"', '"x"', '" 1"',
    f'"0.1{"0" * 40}"',
]
TIMES = [
    "2026-03-10T12:00:00Z", "2026-03-10t12:00:00z", "2026-03-10T12:00:00", "2026-03-10T12:00Z",
    "20260310T120000Z", "1773144000", "2026-03-10T12:00:00.1234567Z", "2026-03-10T23:59:59.9999999-11:30",
    "2026-03-10T12:00:00,5Z", "2026-03-10T12:00:00+0100", "2026-W10-2T12:00:00Z", "2026-02-30T12:00:00Z",
    "2026-03-10T12:00:60Z", "2026-03-10T24:00:00Z", "2026-03-10T12:00:00+24:00",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0000-01-01T00:00:00Z",
    "2026-03-10 12:00:00+01:00",
]
# fmt: on

SPELT = [json.dumps(text, ensure_ascii=escaped) for text in TEXTS for escaped in (True, False)]
MOMENTS = st.datetimes(timezones=st.timezones()).map(lambda moment: json.dumps(moment.isoformat()))
LIKELY = {
    "time": st.sampled_from([json.dumps(time) for time in TIMES]) | MOMENTS,
    "quantity": st.sampled_from(DECIMALS) | st.decimals(-1, 10**8, places=4).map(str),
    "cost_usd": st.sampled_from(DECIMALS) | st.decimals(-1, 10**5, places=10).map(str),
    "input_tokens": st.sampled_from(NUMBERS) | st.integers(-2, 12).map(str),
    "user": st.sampled_from([f'{{"id":"ann","name":{text},"email":{text}}}' for text in SPELT]),
}
VALUES = st.sampled_from([*SPELT, *ODD, *NUMBERS, *DECIMALS])
PRIMITIVES = st.sampled_from(['"ai.chat"', '"ai.embed"', '"phone.call"', '"ai.magic"'])
NAMES = st.sampled_from([*UsageEvent.model_fields, "colour"])
FIELDS = st.fixed_dictionaries({}, optional=LIKELY) | st.dictionaries(NAMES, VALUES, max_size=2)


def as_json(fields: dict[str, str]) -> str:
    """The object of values that are JSON already."""
    members = ",".join(f"{json.dumps(name)}:{value}" for name, value in fields.items())
    return f"{{{members}}}"


def texts_of(one: dict[str, Any]) -> dict[str, str]:
    """The fields of an event, each as JSON."""
    return {name: json.dumps(value) for name, value in one.items()}


EVENTS = st.builds(
    lambda base, more, left_out: {
        name: value for name, value in (texts_of(base) | more).items() if name != left_out
    },
    st.sampled_from([event(), CALL, EMBED, event(user=None, cost_usd="0.5")]),
    FIELDS | PRIMITIVES.map(lambda primitive: {"primitive": primitive}),
    st.none() | st.sampled_from(list(event())),
)


@settings(max_examples=1_000, deadline=None)
@given(fields=EVENTS)
def test_what_is_taken_quickly_is_taken_slowly_with_the_same_values(fields: dict[str, str]) -> None:
    """Whatever the notation of a value: where the slow way finds a fault, or other values, this fails."""
    text = f'{{"events":[{as_json(fields)}]}}'.encode(errors="surrogatepass")
    quick = read_good(text)
    if quick is not None:
        slow = read_event(0, orjson.loads(text)["events"][0], None)
        assert isinstance(slow, Event)
        assert rows(quick) == rows(in_columns([slow]))


@settings(max_examples=300, deadline=None)
@given(
    base=st.sampled_from([event(), CALL, EMBED]),
    text=st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="\\"),
        min_size=1,
        max_size=64,
    ),
    moment=st.datetimes(
        datetime(1000, 1, 1),  # noqa: DTZ001
        datetime(9000, 1, 1),  # noqa: DTZ001
        timezones=st.timezones(),
        allow_imaginary=False,
    ).filter(lambda moment: len(moment.isoformat(timespec="seconds")) == 25),  # offsets of whole minutes
    quantity=st.decimals("0.001", 10_000_000, places=3),
)
def test_what_is_plainly_good_is_taken_quickly(
    base: dict[str, Any],
    text: str,
    moment: datetime,
    quantity: Any,  # noqa: ANN401
) -> None:
    """All texts without controls and backslashes, escaped or not; all times; all amounts."""
    more = {"id": text, "source": text, "model": text, "user": {"id": text, "name": text, "email": text}}
    amount = {"quantity": str(quantity)} if "quantity" in base else {"cost_usd": str(quantity / 10_000)}
    one = {**base, **more, **amount, "time": moment.isoformat()}
    for escaped in (True, False):
        assert read_good(json.dumps({"events": [one]}, ensure_ascii=escaped).encode())


def test_the_demo_is_taken_quickly() -> None:
    """Its events are the everyday ones."""
    now = datetime.now(UTC)
    events = list(demo.events_between(now - timedelta(days=2), now))
    assert len(read_good(orjson.dumps({"events": events, "batch_id": "b"})) or []) == len(events)


@pytest.mark.parametrize(
    ("described", "read"), [(UsageEvent, Event), (UsageEvent.model_fields["user"], User)]
)
def test_both_ways_know_the_same_fields(described: Any, read: type[Event | User]) -> None:  # noqa: ANN401
    """A field that is new in one of them is missed in the other one here."""
    fields = described.model_fields if described is UsageEvent else {"id", "name", "email"}
    assert set(read.__struct_fields__) == set(fields)


BOUNDED = {"id": 128, "source": 256, "model": 128}
EDGES = [
    *((name, "x" * longest, "x" * (longest + 1)) for name, longest in BOUNDED.items()),
    *((name, "x" * 64, "x" * 65) for name in ("tenant_id", "provider")),
    ("provider", "a.b_c-d", "A"),
    ("tenant_id", "a.b_C-d", "a b"),
    ("cost_usd", "10000.000000000", "10000.000000001"),
    ("cost_usd", "0.000000001", "0.0000000001"),
    ("input_tokens", 100_000_000, 100_000_001),
    ("output_tokens", 100_000_000, -1),
    ("cache_read_input_tokens", 7, 8),
    ("reasoning_output_tokens", 3, 4),
]


@pytest.mark.parametrize(("name", "good", "bad"), EDGES, ids=[f"{one[0]} {str(one[1])[:9]}" for one in EDGES])
def test_both_ways_draw_the_same_bounds(name: str, good: object, bad: object) -> None:
    """The last good value is taken by both, the first bad one by none."""
    for value, is_good in ((good, True), (bad, False)):
        one = event() | {name: value}
        assert bool(read_good(body(one))) is is_good
        assert isinstance(read_event(0, one, None), Event) is is_good
