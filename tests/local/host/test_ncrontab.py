"""NCRONTAB schedules against a table and against brute force."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.host.ncrontab import Ncrontab

THURSDAY = datetime(2026, 1, 1, 12, 30, 15, 500, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("* * * * * *", "2026-01-01 12:30:16"),
        ("0 * * * * *", "2026-01-01 12:31:00"),
        ("0 */5 * * * *", "2026-01-01 12:35:00"),
        ("0 2/5 * * * *", "2026-01-01 12:32:00"),
        ("15 30 12 * * *", "2026-01-02 12:30:15"),
        ("0 0 9-17 * * mon-fri", "2026-01-01 13:00:00"),
        ("0 0 0 * * Sunday", "2026-01-04 00:00:00"),
        ("0 0 0 1 JAN,jul *", "2026-07-01 00:00:00"),
        ("0 0 0 13 * 5", "2026-02-13 00:00:00"),
        ("0 0 0 29 2 *", "2028-02-29 00:00:00"),
        ("0 0 0 29 2 0", "2032-02-29 00:00:00"),
        ("0,30 10-20/10 3 * * *", "2026-01-02 03:10:00"),
        ("0 0 0 31 * *", "2026-01-31 00:00:00"),
    ],
)
def test_the_next_run(expression: str, expected: str) -> None:
    """The next run is the first matching second after the moment."""
    assert Ncrontab(expression).next(THURSDAY) == datetime.fromisoformat(expected + "+00:00")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * * *",
        "* * * * * * *",
        "60 * * * * *",
        "* * 24 * * *",
        "* * * 0 * *",
        "* * * * 13 *",
        "* * * * * 7",
        "5-1 * * * * *",
        "*/0 * * * * *",
        "a * * * * *",
        "-1 * * * * *",
        "1, * * * * *",
        "0 0 0 31 2 *",
        "00:05:00",
    ],
)
def test_bad_schedules_are_refused(expression: str) -> None:
    """What is no schedule, or never fires, raises."""
    with pytest.raises(ValueError, match=r"fields|number|within|never"):
        Ncrontab(expression)


def field(low: int, high: int, last: int = 0) -> st.SearchStrategy[tuple[str, frozenset[int]]]:
    """A field and the set of numbers that it stands for; `*` goes up to `last`."""
    number = st.integers(low, high)
    single = number.map(lambda n: (str(n), frozenset({n})))
    ranges = st.tuples(number, number, st.integers(1, 9)).map(
        lambda t: (
            f"{min(t[:2])}-{max(t[:2])}/{t[2]}",
            frozenset(range(min(t[:2]), max(t[:2]) + 1, t[2])),
        )
    )
    item = st.one_of(single, ranges)
    listed = st.lists(item, min_size=1, max_size=3).map(
        lambda items: (
            ",".join(text for text, _ in items),
            frozenset[int]().union(*(numbers for _, numbers in items)),
        )
    )
    return st.one_of(st.just(("*", frozenset(range(low, max(high, last) + 1)))), listed)


moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001 - UTC is added


@given(field(0, 59), field(0, 59), moments)
def test_times_agree_with_brute_force(
    second: tuple[str, frozenset[int]], minute: tuple[str, frozenset[int]], after: datetime
) -> None:
    """Within the hour, no earlier second would match."""
    after = after.replace(tzinfo=UTC)
    time = after.replace(microsecond=0) + timedelta(seconds=1)
    while time.second not in second[1] or time.minute not in minute[1]:
        time += timedelta(seconds=1)
    assert Ncrontab(f"{second[0]} {minute[0]} * * * *").next(after) == time


@settings(deadline=None, max_examples=30)  # rare days take the oracle years of hours
@given(field(1, 28, last=31), field(1, 12), field(0, 6), field(0, 23), moments)
def test_days_agree_with_brute_force(
    day: tuple[str, frozenset[int]],
    month: tuple[str, frozenset[int]],
    weekday: tuple[str, frozenset[int]],
    hour: tuple[str, frozenset[int]],
    after: datetime,
) -> None:
    """Over the years, no earlier hour would match."""
    after = after.replace(tzinfo=UTC)
    fields = (hour[0], day[0], month[0], weekday[0])
    time = after.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    while not (
        time.month in month[1]
        and time.day in day[1]
        and time.isoweekday() % 7 in weekday[1]
        and time.hour in hour[1]
    ):
        time += timedelta(hours=1)
    assert Ncrontab(" ".join(("0 0", *fields))).next(after) == time
