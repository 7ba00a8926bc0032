"""Calendar arithmetic of tenants: days in a time zone, periods, billing months. Pure."""

from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.errors import InvalidInput

PRESETS = ("7d", "30d", "3m", "12m")
FIRST_YEAR, LAST_YEAR = 2_000, 2_100
MAX_DAYS = 1_100  # three years: what a custom range may span


@dataclass(frozen=True, slots=True)
class Period:
    """Calendar days of a tenant, `first` and `last` included."""

    first: date
    last: date

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=n) for n in range(len(self)))

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last

    def within(self, other: "Period") -> "Period | None":
        """The days that are in both."""
        first, last = max(self.first, other.first), min(self.last, other.last)
        return Period(first, last) if first <= last else None


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day on which `moment` falls for the tenant."""
    return moment.astimezone(zone).date()


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which the tenant's `day` begins, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or that month's last day where it is shorter."""
    index = day.year * 12 + day.month - 1 - months
    return on_day(index // 12, index % 12 + 1, day.day)


def on_day(year: int, month: int, day: int) -> date:
    """The day of that month, or its last where the month is shorter."""
    return date(year, month, min(day, monthrange(year, month)[1]))


def month_of(day: date) -> Period:
    """The calendar month that holds the day."""
    first = day.replace(day=1)
    return Period(first, on_day(day.year, day.month, 31))


def months_of(period: Period) -> list[Period]:
    """The calendar months that days of the period lie in, as a whole, in their order."""
    months = [month_of(period.first)]
    while months[-1].last < period.last:
        months.append(month_of(months[-1].last + timedelta(days=1)))
    return months


def joined(periods: Iterable[Period]) -> list[Period]:
    """Periods in order, equal and adjoining ones as one."""
    runs: list[Period] = []
    for one in periods:
        if runs and one.first <= runs[-1].last + timedelta(days=1):
            runs[-1] = Period(runs[-1].first, one.last)
        else:
            runs.append(one)
    return runs


def before(period: Period) -> Period:
    """The period of as many days just before this one."""
    last = period.first - timedelta(days=1)
    return Period(last - timedelta(days=len(period) - 1), last)


def preset(name: str, today: date) -> Period:
    """`7d`, `30d`, `3m` or `12m`, ending today."""
    if name not in PRESETS:
        raise InvalidInput.of("period", f"must be one of {', '.join(PRESETS)}")
    count = int(name[:-1])
    first = today - timedelta(days=count - 1)
    if name.endswith("m"):
        first = months_before(today, count) + timedelta(days=1)
    return Period(first, today)


def custom(first: date, last: date) -> Period:
    """The range `first`..`last`, both included. Raises InvalidInput when it is empty or too long."""
    for field, day in (("from", first), ("to", last)):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise InvalidInput.of(field, f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    period = Period(first, last)
    if period.last < period.first:
        raise InvalidInput.of("to", "must not be before from")
    if len(period) > MAX_DAYS:
        raise InvalidInput.of("from", f"the range may span {MAX_DAYS} days at most")
    return period


def billing_month(day: date, starts_on: int) -> Period:
    """The billing period that holds `day`, for periods that start on a day of the month.

    Where a month lacks that day the period starts on the month's last.
    """
    start = on_day(day.year, day.month, starts_on)
    if day < start:
        before = date(day.year, day.month, 1) - timedelta(days=1)
        return Period(on_day(before.year, before.month, starts_on), start - timedelta(days=1))
    after = date(day.year, day.month, 1) + timedelta(days=32)
    return Period(start, on_day(after.year, after.month, starts_on) - timedelta(days=1))
