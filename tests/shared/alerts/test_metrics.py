"""Metrics: exact values of a hand-made month, and what holds for every value and threshold."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.alerts.metrics import Measured, Watch, measure, watch_on
from shared.alerts.rule import METRICS, Filter, Rule
from shared.event import EPOCH
from shared.ingest import ingest
from shared.rollup import fold_day
from shared.tenants import Tenant, Tier
from tests.events import body, event
from tests.fakes import NOW, Cloud, Process

LIMITS = Tier(daily_tokens=100, monthly_tokens=1_000, monthly_budget_usd=Decimal("0.5"))
BERLIN = Tenant(id="contoso", name="Contoso", time_zone="Europe/Berlin", billing_day=5, tier=LIMITS)
TODAY, YESTERDAY, LAST_MONTH = date(2026, 3, 10), date(2026, 3, 9), date(2026, 3, 4)

# Time, user, feature, tokens, cost: the billing month begins with the second of them, today with the fourth.
USAGE = (
    ("2026-03-04T23:59:59+01:00", "ann", "ticket-suggest", 140, "0.1"),
    ("2026-03-05T00:00:00+01:00", "ann", "ticket-suggest", 300, "0.2"),
    ("2026-03-09T23:59:59+01:00", "bob", "crm-summary", 250, None),
    ("2026-03-10T00:00:00+01:00", "ann", "ticket-suggest", 85, "0.1"),
    ("2026-03-10T12:00:00+01:00", "cleo", "crm-summary", 10, "0.033333333"),
)


def rule(metric: str, **fields: Any) -> Rule:  # noqa: ANN401 - any field
    """A rule about a metric."""
    whole = {"id": "r", "tenant_id": "contoso", "name": "R", "metric": metric, "thresholds": [Decimal(80)]}
    moments = dict.fromkeys(("created_at", "updated_at", "watched_since"), EPOCH)
    return Rule(**{**whole, **moments, **fields})


async def world(usage: Sequence[tuple[Any, ...]] = USAGE, tenant: Tenant = BERLIN) -> Cloud:
    """A cloud with this usage, half of it folded."""
    cloud = Cloud(tenants={"contoso": tenant})
    for number, (time, user, feature, tokens, cost) in enumerate(usage):
        one = event(
            f"e{number}", time=time, user={"id": user}, feature=feature,
            product="crm", input_tokens=tokens, output_tokens=0, cost_usd=cost,
        )  # fmt: skip
        await ingest(cloud.stores(), body(one), NOW)
        if number % 2:
            await fold_day(cloud.stores().usage, "contoso", date.fromisoformat(time[:10]), NOW)
    return cloud


async def value(cloud: Cloud, one: Rule, day: date = TODAY, now: datetime = NOW) -> Measured:
    """What a rule's metric amounts to in the period of a day."""
    tenant = cloud.tenants["contoso"]
    [found] = await measure(cloud.stores(), tenant, [watch_on(one, tenant, day)], now)
    return found


@pytest.mark.parametrize(
    ("metric", "day", "expected", "limit", "reached_on"),
    [
        ("monthly_tokens_percent", TODAY, "64.5", 1_000, "2026-03-13"),
        ("daily_tokens_percent", TODAY, "95", 100, "2026-03-10"),  # 53 are to come at this rate
        ("monthly_spend_usd", TODAY, "0.333333333", None, None),
        ("monthly_budget_percent", TODAY, "66.66", "0.5", "2026-03-13"),
        ("daily_requests", TODAY, "2", None, None),
        ("projected_tokens_percent", TODAY, "360.3", 1_000, "2026-03-13"),  # 133 of 743 hours: 3603
        ("projected_budget_percent", TODAY, "372.43", "0.5", "2026-03-13"),
        ("monthly_active_users", TODAY, "3", None, None),
        ("monthly_unpriced_requests", TODAY, "1", None, None),
        (
            "daily_tokens_vs_average_percent",
            TODAY,
            "82.6",
            None,
            None,
        ),  # 6 * 95 of 690, the first of which is of the 4th
        ("monthly_tokens_percent", LAST_MONTH, "14", 1_000, None),
        ("daily_tokens_percent", YESTERDAY, "250", 100, "2026-03-09"),
        ("daily_tokens_percent", date(2026, 3, 8), "0", 100, None),
        ("monthly_spend_usd", LAST_MONTH, "0.1", None, None),
        ("monthly_budget_percent", LAST_MONTH, "20", "0.5", None),
        ("daily_requests", YESTERDAY, "1", None, None),
        ("monthly_active_users", LAST_MONTH, "1", None, None),
        ("monthly_unpriced_requests", LAST_MONTH, "0", None, None),
    ],
)
async def test_each_metric_is_exact(
    metric: str,
    day: date,
    expected: str,
    limit: str | int | None,
    reached_on: str | None,
) -> None:
    """Now and in periods that have ended, which begin at the tenant's midnight and billing day."""
    found = await value(await world(), rule(metric), day)
    assert str(found.value) == expected
    assert found.limit == (None if limit is None else Decimal(limit))
    assert found.reached_on == (date.fromisoformat(reached_on) if reached_on else None)
    assert found.unit == METRICS[metric].unit


@pytest.mark.parametrize(
    ("metric", "wanted", "expected"),
    [
        ("monthly_spend_usd", {"user": ["ann"]}, "0.3"),
        ("monthly_spend_usd", {"feature": ["ticket-suggest"], "user": ["ann", "cleo"]}, "0.3"),
        ("monthly_spend_usd", {"user": ["nobody"]}, "0"),
        ("monthly_spend_usd", {"user": ["bob"]}, None),  # nothing of it has a known price
        ("daily_requests", {"feature": ["crm-summary"]}, "1"),
        ("daily_requests", {"model": ["gpt-4o-mini"], "product": ["crm"]}, "2"),
        ("daily_requests", {"provider": ["anthropic"]}, "0"),
        ("monthly_active_users", {"feature": ["crm-summary"]}, "2"),
        ("monthly_unpriced_requests", {"user": ["ann", "cleo"]}, "0"),
        ("daily_tokens_vs_average_percent", {"product": ["crm"]}, "82.6"),
        ("daily_tokens_vs_average_percent", {"feature": ["crm-summary"]}, None),  # new since yesterday
        ("daily_tokens_vs_average_percent", {"user": ["cleo"]}, None),  # never seen before
    ],
)
async def test_a_filter_narrows_what_is_measured(
    metric: str, wanted: dict[str, list[str]], expected: str | None
) -> None:
    """By every dimension, alone and together."""
    found = await value(await world(), rule(metric, filter=Filter(**wanted)))
    assert (None if found.value is None else str(found.value)) == expected


@pytest.mark.parametrize("metric", [name for name, info in METRICS.items() if info.unit == "percent"])
async def test_what_is_not_known_reaches_nothing(metric: str) -> None:
    """Without a limit, a price or days to compare with there is no value."""
    tenant = BERLIN.model_copy(update={"tier": Tier()})
    found = await value(await world(USAGE[-1:], tenant), rule(metric))
    assert (found.value, found.limit) == (None, None)
    assert not found.reaches(Decimal("0.000000001"))


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([], None),
        ([3], None),
        ([2, 1], None),
        ([3, 2, 1], "100"),
        ([5, 4, 1], "166.66"),
        ([7, 6, 5, 4, 3, 2, 1], "100"),
        ([7], None),
        ([9, 8, 7, 6], None),
        ([8, 7, 6, 5], "233.33"),
    ],
)
async def test_what_is_new_is_no_leap(before: list[int], expected: str | None) -> None:
    """As much as on each day so far is 100 %, from the fourth on; days of rest after the first count, too."""
    days = [TODAY - timedelta(days=distance) for distance in (*before, 0)]
    cloud = await world([(f"{day}T08:00:00+01:00", "ann", "new", 100, None) for day in days])
    found = await value(cloud, rule("daily_tokens_vs_average_percent"))
    assert (None if found.value is None else str(found.value)) == expected


async def test_a_budget_of_unknown_spend_is_not_reached() -> None:
    """No request has a price: not zero per cent but none."""
    cloud = await world(USAGE[2:3])
    for metric in ("monthly_spend_usd", "monthly_budget_percent", "projected_budget_percent"):
        assert (await value(cloud, rule(metric))).value is None


async def test_a_projection_needs_a_whole_day() -> None:
    """On the first day of the billing month there is too little to go by; what is used is known."""
    cloud = await world(USAGE[1:2])
    first, now = date(2026, 3, 5), datetime.fromisoformat("2026-03-05T22:59:59+00:00")
    assert (await value(cloud, rule("projected_tokens_percent"), first, now)).value is None
    assert (await value(cloud, rule("monthly_tokens_percent"), first, now)).value == Decimal(30)
    now = datetime.fromisoformat("2026-03-05T23:00:00+00:00")
    projected = await value(cloud, rule("projected_tokens_percent"), date(2026, 3, 6), now)
    assert projected.value == Decimal("928.7")  # 300 * 743 / 24 = 9287


async def test_a_long_day_counts_as_long_as_it_is() -> None:
    """The day on which the clocks go back has 25 hours, each of them of the same day and no other."""
    times = ("2026-10-24T21:59:59Z", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", "2026-10-25T23:00:00Z")
    cloud, now = Cloud(tenants={"contoso": BERLIN}), datetime.fromisoformat("2026-10-26T12:00:00+00:00")
    sent = [event(f"e{number}", time=time) for number, time in enumerate(times)]
    await ingest(cloud.stores(), body(*sent), now)
    counts = [
        (await value(cloud, rule("daily_requests"), date(2026, 10, day), now)).value for day in (24, 25, 26)
    ]
    assert counts == [1, 2, 1]


async def test_all_rules_take_two_readings() -> None:
    """However many there are, it costs no more; users are read only where a rule is about them."""
    cloud = await world()
    plain = [rule(name) for name in METRICS if name != "monthly_active_users"]
    personal = [rule("monthly_active_users"), rule("daily_requests", filter=Filter(user=["ann"]))]

    async def steps(*rules: Rule) -> int:
        process = Process()
        watches = [watch_on(one, BERLIN, TODAY) for one in rules]
        assert len(await measure(cloud.stores(process), BERLIN, watches, NOW)) == len(rules)
        return process.steps

    one, users = await steps(rule("monthly_tokens_percent")), await steps(personal[0])
    assert await steps(*plain[:-1]) == one
    assert await steps(*plain, *personal, *plain) <= one + 1 + users  # the average reads a day more


@given(
    used=st.integers(0, 2**62),
    limit=st.integers(1, 10**15),
    threshold=st.decimals("0.000000001", 10**15, places=9),
)
def test_no_threshold_is_reached_early(used: int, limit: int, threshold: Decimal) -> None:
    """The exact share decides, and what is shown is never above it."""
    found = Measured("percent", Fraction(100 * used, limit))
    numerator, denominator = threshold.as_integer_ratio()
    assert found.reaches(threshold) == (100 * used * denominator >= numerator * limit)
    assert found.value is not None
    shown = Fraction(found.value)
    assert shown <= Fraction(100 * used, limit) < shown + Fraction(1, 100)


def test_the_periods_of_a_rule() -> None:
    """A day, or the billing month that holds it, which may start on a day that a month lacks."""
    tenant = BERLIN.model_copy(update={"billing_day": 31})
    month = watch_on(rule("monthly_spend_usd"), tenant, date(2026, 2, 28)).period
    assert (str(month.first), str(month.last)) == ("2026-02-28", "2026-03-30")
    day: Watch = watch_on(rule("daily_requests"), tenant, date(2026, 2, 28))
    assert (str(day.period.first), str(day.period.last)) == ("2026-02-28", "2026-02-28")
