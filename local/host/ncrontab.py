"""NCRONTAB schedules: `{second} {minute} {hour} {day} {month} {day-of-week}`, in UTC."""

from datetime import datetime, timedelta

LIMITS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
NAMES: tuple[dict[str, int], ...] = (
    *({}, {}, {}, {}),
    {name: number for number, name in enumerate(MONTHS, 1)},
    {name: number for number, name in enumerate(WEEKDAYS)},
)
HORIZON = timedelta(days=366 * 41)  # 29 February on a given weekday can be 40 years away


class Ncrontab:
    """A schedule; `ValueError` if the expression is none."""

    def __init__(self, expression: str) -> None:
        fields = expression.lower().split()
        if len(fields) != 6:
            raise ValueError(f"{expression!r} has {len(fields)} fields, not 6")
        try:
            self._fields = [
                {number for item in field.split(",") for number in _numbers(item, *limits, names)}
                for field, limits, names in zip(fields, LIMITS, NAMES, strict=True)
            ]
        except ValueError as error:
            raise ValueError(f"{expression!r}: {error}") from None
        self.next(datetime(2000, 1, 1))  # noqa: DTZ001 - refuses a schedule that never fires

    @property
    def is_sub_minute(self) -> bool:
        """Whether it fires more than once in a minute."""
        return len(self._fields[0]) > 1

    def next(self, after: datetime) -> datetime:
        """The first whole second after `after` that matches; day and weekday must both match."""
        seconds, minutes, hours, days, months, weekdays = self._fields
        time = after.replace(microsecond=0) + timedelta(seconds=1)
        end = time + HORIZON
        while time < end:
            midnight = time.replace(hour=0, minute=0, second=0)
            if time.month not in months:
                time = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
            elif time.day not in days or time.isoweekday() % 7 not in weekdays:
                time = midnight + timedelta(days=1)
            elif time.hour not in hours:
                time = time.replace(minute=0, second=0) + timedelta(hours=1)
            elif time.minute not in minutes:
                time = time.replace(second=0) + timedelta(minutes=1)
            elif time.second not in seconds:
                time += timedelta(seconds=1)
            else:
                return time
        raise ValueError("the schedule never fires")


def _numbers(item: str, low: int, high: int, names: dict[str, int]) -> range:
    """The numbers of `*`, `5`, `1-5`, each with an optional `/step`; `5/15` runs to the end."""
    span, slash, step = item.partition("/")
    first, dash, last = span.partition("-")
    start = low if span == "*" else _number(first, names)
    end = _number(last, names) if dash else high if span == "*" or slash else start
    every = _number(step, {}) if slash else 1
    if not low <= start <= end <= high or every < 1:
        raise ValueError(f"{item!r} is not within {low}-{high}")
    return range(start, end + 1, every)


def _number(text: str, names: dict[str, int]) -> int:
    if text[:3] in names and text.isalpha():
        return names[text[:3]]
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no number")
    return int(text)
