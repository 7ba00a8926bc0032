"""The quota: exact numbers of hand-made months, and what holds for every month, zone and limit."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.columns import DAY
from shared.cube import Cube, from_json
from shared.days import day_of
from shared.quota import ENOUGH, Clock, Gauge, Quota, month_to_date, quota_of, shown
from shared.tenants import Tenant, Tier
from tests.shared.test_cube import encode

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia")
BILLION = 10**9


def at(text: str) -> datetime:
    """A moment by its name."""
    return datetime.fromisoformat(text)


def tenant(zone: str = "UTC", billing_day: int = 1, **limits: Any) -> Tenant:  # noqa: ANN401 - any limit
    """A tenant with these limits."""
    return Tenant(id="t", name="T", time_zone=zone, billing_day=billing_day, tier=Tier(**limits))


def cube(tokens: Mapping[date, int], cost: int = 0, unpriced: int = 0) -> Cube:
    """Usage of one request a day; the cost is that of the first."""
    rows = len(tokens)
    measures = {
        "requests": [1] * rows,
        "input_tokens": list(tokens.values()),
        "cost": [cost, *[0] * rows][:rows],
        "unpriced": [1] * unpriced + [0] * (rows - unpriced),
    }
    return from_json(encode(rows, {DAY: [str(day) for day in tokens]}, measures), (DAY,))


def on(first: str, *tokens: int) -> dict[date, int]:
    """Tokens of a day and of those that follow."""
    return {date.fromisoformat(first) + timedelta(days=n): amount for n, amount in enumerate(tokens)}


def test_the_quota_is_exact() -> None:
    """A third of April has passed: what is used, what is left, where April ends and when limits are met."""
    one = tenant(daily_tokens=50, monthly_tokens=250, monthly_budget_usd=Decimal("0.3"), name="business")
    used = cube(on("2026-04-01", 60, 0, 0, 0, 0, 0, 0, 0, 0, 30, 10), cost=100_000_000)
    assert shown(quota_of(one, used, at("2026-04-11T00:00Z"))) == {
        "billing_period": {"from": "2026-04-01", "to": "2026-04-30", "time_zone": "UTC"},
        "tier": "business",
        "days_remaining": 20,
        "tokens_today": {
            "used": 10, "limit": 50, "remaining": 40, "percent": Decimal(20),
            "resets_at": "2026-04-12T00:00:00+00:00", "reached_on": None,
        },
        "tokens_this_month": {
            "used": 100, "limit": 250, "remaining": 150, "percent": Decimal(40),
            "resets_at": "2026-05-01T00:00:00+00:00", "reached_on": "2026-04-26",
        },
        "spend_this_month": {
            "used_usd": Decimal("0.1"), "limit_usd": Decimal("0.3"), "remaining_usd": Decimal("0.2"),
            "percent": Decimal("33.33"), "unpriced_requests": 0,
            "resets_at": "2026-05-01T00:00:00+00:00", "reached_on": "2026-04-30",
        },
        "projection": {
            "tokens": 300, "spend_usd": Decimal("0.3"), "unpriced_requests": 0, "reason": None,
            "basis": {
                "method": "linear",
                "as_of": "2026-04-11T00:00:00.000+00:00",
                "elapsed_fraction": Decimal("0.333333333"),
                "starts_at": "2026-04-01T00:00:00+00:00",
                "ends_at": "2026-05-01T00:00:00+00:00",
            },
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "billing_day", "now", "tokens", "projected"),
    [
        ("UTC", 1, "2026-04-02T00:00Z", 7, 210),
        ("UTC", 1, "2026-04-01T23:59:59.999Z", 7, None),
        ("UTC", 1, "2026-04-01T00:00Z", 7, None),
        ("UTC", 1, "2026-04-30T12:00Z", 59, 60),
        ("Europe/Berlin", 1, "2026-03-29T22:00Z", 695_000, 743_000),  # 31 days but an hour
        ("Europe/Berlin", 29, "2026-03-29T22:00Z", 23, None),  # a day, but of 23 hours
        ("Europe/Berlin", 29, "2026-03-29T23:00Z", 24, 743),
        ("America/New_York", 1, "2026-11-02T04:00Z", 24, 721),  # 30 days and an hour, the first of 25
        ("America/St_Johns", 8, "2026-03-09T02:30Z", 23, None),
        ("America/St_Johns", 8, "2026-03-09T03:30Z", 24, 743),
        ("Asia/Kathmandu", 1, "2026-04-15T18:15Z", 1, 2),
        ("Pacific/Apia", 1, "2011-12-30T10:00Z", 29, 30),  # its 30 December was left out
        ("UTC", 31, "2026-02-14T00:00Z", 1, 2),  # 31 January to 27 February
        ("UTC", 30, "2026-03-15T00:00Z", 15, 30),  # 28 February to 29 March
        ("UTC", 29, "2028-03-15T00:00Z", 15, 29),  # 29 February to 28 March, in a leap year
        ("UTC", 1, "2026-04-02T00:00Z", 0, 0),
    ],
)
def test_the_projection_goes_by_real_time(
    zone: str, billing_day: int, now: str, tokens: int, projected: int | None
) -> None:
    """Change of clocks, odd offsets, short months; null until there has been a day of 24 hours."""
    one = tenant(zone, billing_day)
    used = cube({month_to_date(one, at(now)).first: tokens})
    found = shown(quota_of(one, used, at(now)))["projection"]
    assert (found["tokens"], found["reason"]) == (
        projected,
        "not enough data" if projected is None else None,
    )


@pytest.mark.parametrize(
    ("zone", "billing_day", "now", "left", "day_resets", "month_resets"),
    [
        ("UTC", 1, "2026-04-30T23:59:59Z", 1, "2026-05-01T00:00:00+00:00", "2026-05-01T00:00:00+00:00"),
        ("UTC", 31, "2026-02-27T12:00Z", 1, "2026-02-28T00:00:00+00:00", "2026-02-28T00:00:00+00:00"),
        ("UTC", 31, "2026-02-28T12:00Z", 31, "2026-03-01T00:00:00+00:00", "2026-03-31T00:00:00+00:00"),
        ("UTC", 29, "2026-02-28T12:00Z", 29, "2026-03-01T00:00:00+00:00", "2026-03-29T00:00:00+00:00"),
        ("Asia/Kathmandu", 1, "2026-04-30T18:14Z", 1, "2026-05-01T00:00:00+05:45",
         "2026-05-01T00:00:00+05:45"),
        ("Asia/Kathmandu", 1, "2026-04-30T18:15Z", 31, "2026-05-02T00:00:00+05:45",
         "2026-06-01T00:00:00+05:45"),
        ("America/St_Johns", 1, "2026-03-08T12:00Z", 24, "2026-03-09T00:00:00-02:30",
         "2026-04-01T00:00:00-02:30"),
        ("America/St_Johns", 1, "2026-03-08T02:00Z", 25, "2026-03-08T00:00:00-03:30",
         "2026-04-01T00:00:00-02:30"),
        ("Pacific/Apia", 1, "2011-12-30T09:00Z", 3, "2011-12-31T00:00:00+14:00",
         "2012-01-01T00:00:00+14:00"),
    ],
)  # fmt: skip
def test_days_and_resets_are_the_tenants(
    zone: str, billing_day: int, now: str, left: int, day_resets: str, month_resets: str
) -> None:
    """Days left count today; resets are the tenant's midnights, with the offset that its clocks have then."""
    found = shown(quota_of(tenant(zone, billing_day), cube({}), at(now)))
    assert found["days_remaining"] == left
    assert found["tokens_today"]["resets_at"] == day_resets
    assert found["tokens_this_month"]["resets_at"] == found["spend_this_month"]["resets_at"] == month_resets
    assert found["projection"]["basis"]["ends_at"] == month_resets


@pytest.mark.parametrize(
    ("tokens", "limit", "reached"),
    [
        ((50, 50, 0, 100), 100, "2026-04-02"),  # passed, and at the limit is there
        ((50, 50, 0, 100), 101, "2026-04-04"),
        ((100,), 101, "2026-04-11"),
        ((100,), 110, "2026-04-12"),
        ((100,), 300, "2026-04-30"),  # at the very end
        ((100,), 301, None),
        ((0,), 1, None),
        ((100,), None, None),
    ],
)
def test_a_limit_is_reached_on_a_day(tokens: tuple[int, ...], limit: int | None, reached: str | None) -> None:
    """The day on which it was passed, or on which it will be after a third of April; none after April."""
    used = cube(on("2026-04-01", *tokens))
    found = quota_of(tenant(monthly_tokens=limit), used, at("2026-04-11T00:00Z"))
    assert found.month.reached_on == (date.fromisoformat(reached) if reached else None)


@pytest.mark.parametrize(
    ("earlier", "today", "limit", "reached"),
    [
        (0, 100, 100, "2026-03-16"),  # reached already
        (1_490, 60, 110, "2026-03-16"),  # at 100 a day, half a day brings 50 more
        (1_490, 60, 111, None),
        (1_510, 40, 91, "2026-03-17"),  # not today, but any whole day would
        (1_510, 40, 100, "2026-03-17"),
        (1_510, 40, 101, None),
        (1_510, 40, None, None),
    ],
)
def test_the_daily_limit_is_reached_on_a_day(
    earlier: int, today: int, limit: int | None, reached: str | None
) -> None:
    """Today, on top of what is used today, or tomorrow if a whole day at the month's rate would."""
    used = cube({date(2026, 3, 1): earlier, date(2026, 3, 16): today})
    found = quota_of(tenant(daily_tokens=limit), used, at("2026-03-16T12:00Z")).today
    assert (found.used, found.reached_on) == (today, date.fromisoformat(reached) if reached else None)


def test_a_longer_day_reaches_more() -> None:
    """At 100 tokens in 24 hours, 102 are reached only on the day of 25 hours."""
    used = cube({date(2026, 10, 1): 1_000})
    one = tenant("Europe/Berlin", daily_tokens=102)
    assert quota_of(one, used, at("2026-10-10T22:00Z")).today.reached_on == date(2026, 10, 25)


def test_unpriced_usage_is_no_zero() -> None:
    """Spend lacks unpriced requests and says so; where none has a price it is unknown, not zero."""
    one, now = tenant(monthly_budget_usd=Decimal(1)), at("2026-04-11T00:00Z")
    some = shown(quota_of(one, cube(on("2026-04-01", 5, 5), cost=2 * BILLION, unpriced=1), now))
    assert some["spend_this_month"]["used_usd"] == Decimal(2)
    assert some["spend_this_month"]["remaining_usd"] == 0
    assert some["spend_this_month"]["reached_on"] == "2026-04-01"
    assert some["projection"]["spend_usd"] == Decimal(6)
    assert some["projection"]["unpriced_requests"] == some["spend_this_month"]["unpriced_requests"] == 1
    none = shown(quota_of(one, cube(on("2026-04-01", 5, 5), unpriced=2), now))
    assert none["projection"]["tokens"] == 30
    assert none["projection"]["spend_usd"] is None
    spend = none["spend_this_month"]
    assert [spend[name] for name in ("used_usd", "remaining_usd", "percent", "reached_on")] == [None] * 4
    assert (spend["limit_usd"], spend["unpriced_requests"]) == (Decimal(1), 2)


def test_without_usage_there_is_no_projection() -> None:
    """Nothing used is not enough to go by; what is used is a plain zero."""
    found = shown(quota_of(tenant(monthly_tokens=9), cube({}), at("2026-04-20T00:00Z")))
    assert found["projection"]["tokens"] is None
    assert found["projection"]["spend_usd"] is None
    assert found["projection"]["reason"] == "not enough data"
    assert found["tokens_this_month"]["used"] == found["spend_this_month"]["used_usd"] == 0
    assert found["tokens_this_month"]["percent"] == 0


def test_large_numbers_are_exact() -> None:
    """Nano-dollars and tokens far beyond 2**53 come out to the last digit."""
    one = tenant(monthly_tokens=10**15, monthly_budget_usd=Decimal(10**9))
    used = cube(on("2026-04-01", 2**60 + 1), cost=2**60 + 1)
    found = shown(quota_of(one, used, at("2026-04-16T00:00Z")))
    assert found["tokens_this_month"]["used"] == 2**60 + 1
    assert found["projection"]["tokens"] == 2**61 + 2
    assert found["projection"]["spend_usd"] == Decimal(2**61 + 2).scaleb(-9)


@st.composite
def quotas(draw: st.DrawFn) -> Quota:
    """Any quota: a zone, a billing day, a moment, usage until then, limits."""
    one = tenant(
        draw(st.sampled_from(ZONES)),
        draw(st.integers(1, 31)),
        daily_tokens=draw(st.integers(1, 10**7)),
        monthly_tokens=draw(st.integers(1, 10**8)),
    )
    second = draw(st.integers(1_262_304_000, 1_893_456_000))  # 2010 to 2030
    now = at("1970-01-01T00:00Z") + timedelta(seconds=second)
    days = list(month_to_date(one, now))
    return quota_of(one, cube(draw(st.dictionaries(st.sampled_from(days), st.integers(0, 10**7)))), now)


@settings(max_examples=200, deadline=None)
@given(quotas())
def test_what_is_reached_agrees_with_the_projection(one: Quota) -> None:
    """There is a day exactly when the limit is used or projected; on the line it is met on this day."""
    month, clock = one.month, one.clock
    assert month.used is not None
    assert month.limit is not None
    reached, used, limit = month.reached_on, month.used, month.limit
    assert (reached is not None) == (used >= limit or (month.projected or 0) >= limit)
    assert (month.projected is None) == (not one.is_enough)
    if month.projected is not None:
        assert month.projected >= used
    if reached is not None:
        assert reached in clock.billing
        assert (reached <= clock.today) if used >= limit else (reached >= clock.today)
    if reached is not None and used < limit:
        begin, end = (clock.start(day) - clock.starts_at for day in (reached, reached + timedelta(days=1)))
        elapsed = timedelta(microseconds=clock.elapsed)
        assert used * begin < limit * elapsed <= used * end


@settings(max_examples=200, deadline=None)
@given(quotas())
def test_the_daily_limit_agrees_with_the_days(one: Quota) -> None:
    """It is reached today if used or projected for today, and on no day outside of the billing month."""
    today, clock = one.today, one.clock
    assert today.used is not None
    assert today.limit is not None
    assert (today.reached_on == clock.today) == (max(today.used, today.projected or 0) >= today.limit)
    if today.reached_on is not None:
        assert clock.today <= today.reached_on <= clock.billing.last
    assert (today.projected is None) == (one.month.projected is None)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ZONES), st.integers(1, 31), st.dates(date(2010, 1, 1), date(2030, 1, 1)),
       st.integers(0, 10**9))  # fmt: skip
def test_at_its_end_the_projection_is_what_was_used(
    zone: str, billing_day: int, day: date, tokens: int
) -> None:
    """The last millisecond of the billing month projects nothing more."""
    one = tenant(zone, billing_day)
    noon = datetime.combine(day, datetime.min.time(), one.zone).replace(hour=12)
    clock = Clock(one, noon)
    last = clock.ends_at - timedelta(milliseconds=1)
    assert day_of(last, one.zone) == clock.billing.last
    found = quota_of(one, cube({clock.billing.first: tokens}), last)
    assert found.month.projected == found.month.used == tokens
    assert found.clock.elapsed + 1_000 == found.clock.whole


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 10**9), st.integers(0, 10**9), st.integers(1, 10**9), st.integers(0, 10**9),
       st.integers(86_400, 30 * 86_400 - 1))  # fmt: skip
def test_more_usage_reaches_a_lower_limit_no_later(
    tokens: int, more: int, limit: int, higher: int, second: int
) -> None:
    """The projection rises with usage; the day comes earlier with usage and later with the limit."""
    now = at("2026-04-01T00:00Z") + timedelta(seconds=second)

    def gauge(used: int, limit: int) -> Gauge:
        return quota_of(tenant(monthly_tokens=limit), cube(on("2026-04-01", used)), now).month

    def day(found: Gauge) -> date:
        return found.reached_on or date.max

    base = gauge(tokens, limit)
    assert (gauge(tokens + more, limit).projected or 0) >= (base.projected or 0)
    assert day(gauge(tokens + more, limit)) <= day(base) <= day(gauge(tokens, limit + higher))


def test_a_day_of_data_is_more_than_three_per_cent() -> None:
    """No billing month is longer than 31 days."""
    assert timedelta(days=31) * 3 / 100 < ENOUGH
