"""Events in columns: they say what the events said, one by one."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.event import Event, milliseconds
from shared.event_columns import NONE, Sent, date_of, in_columns
from tests.events import event, good, rows

CALL = event(primitive="phone.call", input_tokens=None, output_tokens=None, quantity="12.345")
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC) | OFFSETS)  # noqa: DTZ001
EVENTS = st.lists(
    st.builds(
        lambda base, name, moment, more: good({**base, "id": name, "time": moment.isoformat()} | more),
        st.sampled_from([event(), CALL, event(user=None)]),
        st.sampled_from(["a", "b", "c"]),
        MOMENTS,
        st.fixed_dictionaries(
            {},
            optional={
                "cost_usd": st.sampled_from(["0", "0.000000001", "9999.5"]),
                "model": st.sampled_from(["gpt-4o", "o3"]),
                "product": st.just("psa"),
                "source": st.sampled_from(["s", "t"]),
            },
        ),
    ),
    min_size=1,
    max_size=6,
)


def test_columns_are_named_as_the_fields_of_events() -> None:
    """They are taken in this order."""
    assert Sent._fields == Event.__struct_fields__


@given(EVENTS)
def test_columns_say_what_the_events_say(events: list[Event]) -> None:
    """Whatever the offsets of their times; beside each other they say the same as alone."""
    columns = in_columns(events)
    assert rows(columns) == [row for one in events for row in rows(in_columns([one]))]
    assert [*columns.times] == [milliseconds(one.time) for one in events]
    assert [date_of(day) for day in columns.of_kind(columns.kinds.days)] == [
        one.time.astimezone(UTC).date() for one in events
    ]
    assert [*columns.names()] == [(one.source, one.id) for one in events]
    assert (columns.earliest, columns.latest) == (min(columns.times), max(columns.times))


@given(EVENTS, st.data())
def test_some_rows_are_those_events(events: list[Event], data: Any) -> None:  # noqa: ANN401
    """Any of them, in their order, side by side or not."""
    chosen = sorted(data.draw(st.sets(st.integers(0, len(events) - 1))))
    taken = in_columns(events).take(chosen)
    assert len(taken) == len(chosen)
    alone = in_columns([events[row] for row in chosen])
    assert rows(taken) == rows(alone)
    assert taken.kinds == alone.kinds, "no more than theirs: a batch of many tenants has many kinds"


def test_no_events_are_columns_of_nothing() -> None:
    """They can be looked at like others."""
    assert in_columns([]) is NONE
    assert len(NONE) == 0
    assert rows(NONE) == [*NONE.names()] == []


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_without_a_utc_date_is_told(moment: str) -> None:
    """It has a day nowhere."""
    one = good(event())
    one.time = datetime.fromisoformat(moment)
    with pytest.raises(OverflowError):
        in_columns([one])
