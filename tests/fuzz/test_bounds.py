"""Whatever a message holds: it is told what it is, within bounds of memory and time."""

import time
import tracemalloc

import pytest

from shared.errors import TooLarge, Undecodable, UsageError
from shared.event_columns import EventColumns
from shared.message import MAX_BYTES, Batch, read_batch
from tests.events import body, event
from tests.fuzz.hostile import BAD, HOSTILE_NAMES, TOO_LARGE, UNREADABLE, as_users

MOST_MEMORY = 40 * MAX_BYTES  # the worst is an event of 50,000 unknown fields
MOST_SECONDS = 2.0  # of CPU, on a slow machine


def bounded(message: bytes) -> Batch | UsageError:
    """What a message is read as, or why it is not. Fails where that takes too much."""
    began = time.process_time()
    told = outcome(message)
    assert time.process_time() - began < MOST_SECONDS
    tracemalloc.start()
    try:
        outcome(message)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MOST_MEMORY, f"{peak / 1e6:.0f} MB"
    return told


def outcome(message: bytes) -> Batch | UsageError:
    """What a message is read as, or why it is not."""
    try:
        return read_batch(message)
    except UsageError as error:
        return error


@pytest.mark.parametrize("message", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_message_is_undecodable(message: bytes) -> None:
    """Broken, deep, packed once too often, or in another encoding."""
    assert isinstance(bounded(message), Undecodable)


@pytest.mark.parametrize("message", TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_is_too_large_is_not_unpacked(message: bytes) -> None:
    """However small it was packed."""
    assert isinstance(bounded(message), TooLarge)


@pytest.mark.parametrize("message", BAD.values(), ids=BAD)
def test_a_bad_event_says_why_in_few_words(message: bytes) -> None:
    """Twenty reasons at most, each short, whatever the event holds."""
    batch = bounded(message)
    assert isinstance(batch, Batch)
    (bad,) = batch.bad
    assert not batch.events
    assert 0 < sum(len(str(error)) for error in bad.errors) < 10_000


def test_thousands_of_bad_events_are_bounded_too() -> None:
    """A message of nothing else."""
    field = b'"id":0,"source":0,"time":0,"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0'
    batch = bounded(b'{"events":[' + b",".join([b"{%s}" % field] * 5_000) + b"]}")
    assert isinstance(batch, Batch)
    assert len(batch.bad) == 5_000


@pytest.mark.parametrize("more", [{}, {"colour": 1}], ids=["quickly", "slowly"])
def test_hostile_names_are_names(more: dict[str, int]) -> None:
    """Each comes out as it went in, not trimmed, folded or normalised, on both ways of reading."""
    events = as_users(event(), HOSTILE_NAMES)
    batch = read_batch(body(*events, *([more] if more else [])))
    assert names(batch.events) == [(name,) * 4 for name in HOSTILE_NAMES]


def names(events: EventColumns) -> list[tuple[str | None, ...]]:
    """All that events call something."""
    users = [user.id if user else None for user in events.users]
    sources, models = events.of_kind(events.kinds.sources), events.of_kind(events.kinds.models)
    return [*zip(events.ids, sources, models, users, strict=True)]


@pytest.mark.parametrize(
    ("first", "second", "read"),
    [('"1"', '"2"', "2"), ('"1"', "5", None), ("5", '"2"', "2")],
)
def test_of_a_name_that_stands_twice_the_last_counts(first: str, second: str, read: str | None) -> None:
    """As JSON readers mostly do, and the same on both ways of reading."""
    twice = body(event("HERE")).replace(b'"HERE"', f'{first},"id":{second}'.encode())
    for message in (twice, twice[:-2] + b",5]}"):
        assert [*read_batch(message).events.ids] == ([read] if read else [])
