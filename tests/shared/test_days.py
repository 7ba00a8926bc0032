"""The calendar of tenants: days, presets, ranges and billing periods."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.days import (
    MAX_DAYS,
    PRESETS,
    Period,
    before,
    billing_month,
    custom,
    day_of,
    joined,
    month_of,
    months_before,
    months_of,
    on_day,
    preset,
    start_of,
)
from shared.errors import InvalidInput

DAYS = st.dates(date(1999, 1, 1), date(2101, 1, 1))
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "America/Havana", "America/Santiago",
    "Africa/Cairo", "Asia/Beirut", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Kiritimati",
)  # fmt: skip


def day(text: str) -> date:
    """A day by its name."""
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("name", "today", "first"),
    [
        ("7d", "2026-03-10", "2026-03-04"),
        ("7d", "2026-01-03", "2025-12-28"),
        ("30d", "2024-03-01", "2024-02-01"),
        ("3m", "2026-03-10", "2025-12-11"),
        ("3m", "2026-05-31", "2026-03-01"),
        ("3m", "2024-05-31", "2024-03-01"),
        ("3m", "2026-01-31", "2025-11-01"),
        ("12m", "2026-03-10", "2025-03-11"),
        ("12m", "2024-02-29", "2023-03-01"),
        ("12m", "2025-02-28", "2024-02-29"),
    ],
)
def test_a_preset_ends_today(name: str, today: str, first: str) -> None:
    """Days are counted, months begin on the day after the same day of the earlier month."""
    assert preset(name, day(today)) == Period(day(first), day(today))


@pytest.mark.parametrize("name", ["", "1d", "7D", "30", "7d "])
def test_another_preset_is_refused(name: str) -> None:
    """The error lists those there are."""
    with pytest.raises(InvalidInput) as refused:
        preset(name, day("2026-03-10"))
    assert refused.value.errors[0].field == "period"
    assert all(known in refused.value.errors[0].reason for known in PRESETS)


@pytest.mark.parametrize(("first", "last"), [("2026-03-01", "2026-03-05"), ("2024-02-29", "2024-02-29")])
def test_a_range_includes_both_of_its_days(first: str, last: str) -> None:
    """One day is a range too."""
    assert custom(day(first), day(last)) == Period(day(first), day(last))


@pytest.mark.parametrize(
    ("first", "last", "field"), [("2026-03-06", "2026-03-05", "to"), ("2020-01-01", "2026-03-05", "from")]
)
def test_a_bad_range_is_refused_by_the_field_at_fault(first: str, last: str, field: str) -> None:
    """An empty one, or one too long."""
    with pytest.raises(InvalidInput) as refused:
        custom(day(first), day(last))
    assert [error.field for error in refused.value.errors] == [field]


def test_the_longest_range_is_of_max_days() -> None:
    """One day more is refused."""
    last = day("2026-03-10")
    first = last - timedelta(days=MAX_DAYS - 1)
    assert len(custom(first, last)) == MAX_DAYS
    with pytest.raises(InvalidInput):
        custom(first - timedelta(days=1), last)


@given(first=DAYS, length=st.integers(1, 400))
def test_a_period_is_its_days(first: date, length: int) -> None:
    """Each once, in order, and no other is in it."""
    period = Period(first, first + timedelta(days=length - 1))
    found = list(period)
    assert len(found) == len(period) == length
    assert (found[0], found[-1]) == (period.first, period.last)
    assert all(one in period for one in found)
    assert first - timedelta(days=1) not in period
    assert period.last + timedelta(days=1) not in period


@given(today=DAYS)
def test_months_adjoin(today: date) -> None:
    """Each day is in the month of its name, and the month before ends where it begins."""
    month = month_of(today)
    assert today in month
    assert {(one.year, one.month) for one in month} == {(today.year, today.month)}
    assert month_of(month.first - timedelta(days=1)).last == month.first - timedelta(days=1)


@given(first=DAYS, length=st.integers(1, 800))
def test_a_period_lies_in_its_months(first: date, length: int) -> None:
    """Cut to the period and joined again, they are the period."""
    period = Period(first, first + timedelta(days=length - 1))
    months = months_of(period)
    assert [month_of(month.first) for month in months] == months
    assert {month_of(day) for day in period} == set(months)
    assert joined(part for month in months if (part := month.within(period))) == [period]
    assert len(joined(months[::2])) == len(months[::2])


@given(one=st.tuples(DAYS, st.integers(1, 60)), gap=st.integers(-90, 90), length=st.integers(1, 60))
def test_what_two_periods_share_is_the_days_of_both(one: tuple[date, int], gap: int, length: int) -> None:
    """Nothing where they have none in common."""
    first, days = one
    left = Period(first, first + timedelta(days=days - 1))
    right = Period(first + timedelta(days=gap), first + timedelta(days=gap + length - 1))
    assert list(left.within(right) or ()) == [day for day in left if day in right]
    assert left.within(right) == right.within(left)


@given(first=DAYS, length=st.integers(1, 400))
def test_the_period_before_is_as_long_and_adjoins(first: date, length: int) -> None:
    """For comparing the two."""
    earlier = before(Period(first, first + timedelta(days=length - 1)))
    assert (len(earlier), earlier.last + timedelta(days=1)) == (length, first)


@pytest.mark.parametrize("starts_on", range(1, 32))
def test_every_day_is_in_exactly_one_billing_period(starts_on: int) -> None:
    """Periods adjoin, for every start day, through leap years."""
    today, last = day("2023-12-01"), day("2028-04-01")
    period = billing_month(today, starts_on)
    while today < last:
        assert today in period
        assert period.first.day == on_day(period.first.year, period.first.month, starts_on).day
        assert 28 <= len(period) <= 31 + 3
        for one in period:
            assert billing_month(one, starts_on) == period
        today = period.last + timedelta(days=1)
        following = billing_month(today, starts_on)
        assert following.first == today
        period = following


@pytest.mark.parametrize(
    ("today", "starts_on", "first", "last"),
    [
        ("2026-03-10", 1, "2026-03-01", "2026-03-31"),
        ("2026-03-10", 15, "2026-02-15", "2026-03-14"),
        ("2026-02-28", 31, "2026-02-28", "2026-03-30"),
        ("2026-03-30", 31, "2026-02-28", "2026-03-30"),
        ("2024-02-28", 30, "2024-01-30", "2024-02-28"),
        ("2024-02-29", 30, "2024-02-29", "2024-03-29"),
        ("2025-12-31", 31, "2025-12-31", "2026-01-30"),
        ("2026-01-01", 2, "2025-12-02", "2026-01-01"),
    ],
)
def test_a_billing_period_starts_on_its_day_or_the_month_s_last(
    today: str, starts_on: int, first: str, last: str
) -> None:
    """Where a month is too short."""
    assert billing_month(day(today), starts_on) == Period(day(first), day(last))


@given(today=DAYS, months=st.integers(0, 40))
def test_months_before_is_the_same_day_or_the_month_s_last(today: date, months: int) -> None:
    """That many months earlier."""
    earlier = months_before(today, months)
    assert (today.year * 12 + today.month) - (earlier.year * 12 + earlier.month) == months
    is_last = (earlier + timedelta(days=1)).day == 1
    assert earlier.day == today.day or (is_last and earlier.day < today.day)


@settings(max_examples=200)
@given(today=DAYS, zone=st.sampled_from(ZONES))
def test_a_day_begins_at_its_first_moment(today: date, zone: str) -> None:
    """The moment before is of the day before, also when the clocks change at midnight."""
    start = start_of(today, ZoneInfo(zone))
    assert start.tzinfo is UTC
    assert day_of(start, ZoneInfo(zone)) == today
    assert day_of(start - timedelta(microseconds=1), ZoneInfo(zone)) == today - timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "today", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/Havana", "2026-03-08", 23),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("UTC", "2026-03-29", 24),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(zone: str, today: str, hours: float) -> None:
    """23 or 25 hours when they change."""
    start, end = (start_of(day(today) + timedelta(days=n), ZoneInfo(zone)) for n in (0, 1))
    assert end - start == timedelta(hours=hours)
    moments = [start + timedelta(minutes=n) for n in range(int(hours * 60))]
    assert {day_of(moment, ZoneInfo(zone)) for moment in moments} == {day(today)}


def test_the_day_of_a_moment_is_the_same_in_any_notation() -> None:
    """An offset is only another way to write it."""
    moments = [
        datetime.fromisoformat(text) for text in ("2026-03-09T23:30:00+00:00", "2026-03-10T09:30:00+10:00")
    ]
    assert {day_of(moment, ZoneInfo("Europe/Berlin")) for moment in moments} == {day("2026-03-10")}
