"""Metrics: what a tenant's usage amounts to in a period, as alert rules look at it.

Values are exact fractions until they are shown, and are then rounded down: a threshold is neither
reached nor shown as reached before it is.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import dropwhile

from shared.alerts.rule import METRICS, Rule, Unit
from shared.columns import DAY, DIMENSIONS, USER
from shared.cube import Cube
from shared.days import Period, billing_month, day_of, start_of
from shared.figures import distinct_users, tokens
from shared.money import shortest
from shared.ports import Stores
from shared.quota import Gauge, Quota, dollars, month_to_date, quota_of
from shared.reading import read
from shared.tenants import Tenant

AVERAGED = 7  # days before the one that is held against their average, or as many as there has been usage
FEWEST = 3  # days with usage among them; with fewer, whatever is new or rare would look like a leap
ACTIVE_USERS, AVERAGE = "monthly_active_users", "daily_tokens_vs_average_percent"
PLACES: dict[Unit, int] = {"percent": 2, "usd": 9, "count": 0}


@dataclass(frozen=True, slots=True)
class Watch:
    """A rule's metric in one period: the current one, or one that has ended."""

    rule: Rule
    period: Period

    @property
    def by_user(self) -> bool:
        """Whether it takes the documents with users, which are many more, to know."""
        return self.rule.metric == ACTIVE_USERS or bool(self.rule.filter.user)


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric's value in a period; None where there is no limit, no known price or not enough data.

    `limit` is what per cent are of, in tokens or US dollars; `reached_on` is the day on which it was or,
    at the present rate, will be reached.
    """

    unit: Unit
    exact: Fraction | None
    limit: Decimal | None = None
    reached_on: date | None = None

    @property
    def value(self) -> Decimal | None:
        """The value as it is shown: per cent to two places, rounded down."""
        places = PLACES[self.unit]
        return None if self.exact is None else shortest(math.floor(self.exact * 10**places), places)

    def reaches(self, threshold: Decimal) -> bool:
        """Whether the value is known, and not below the threshold."""
        return self.exact is not None and self.exact >= Fraction(threshold)


def watch_on(rule: Rule, tenant: Tenant, day: date) -> Watch:
    """The rule in that of its periods that holds the day."""
    is_daily = METRICS[rule.metric].span == "day"
    return Watch(rule, Period(day, day) if is_daily else billing_month(day, tenant.billing_day))


async def measure(stores: Stores, tenant: Tenant, watches: Sequence[Watch], now: datetime) -> list[Measured]:
    """What each of them amounts to now: at most two readings for all, one of them with users."""
    cubes = {
        by_user: await _usage(stores, tenant, [one for one in watches if one.by_user == by_user], now)
        for by_user in {one.by_user for one in watches}
    }
    return [measured(tenant, one, cubes[one.by_user], now) for one in watches]


def measured(tenant: Tenant, watch: Watch, cube: Cube, now: datetime) -> Measured:
    """The metric in the period, of usage by day and by all dimensions that it needs."""
    rule, moment = watch.rule, _moment(tenant, watch, now)
    own = cube.filter(rule.filter.wanted())
    return METERS[rule.metric](_View(tenant, own, moment, has_ended=moment < now))


async def _usage(stores: Stores, tenant: Tenant, watches: Sequence[Watch], now: datetime) -> Cube:
    """The usage of all days and by all dimensions that these need."""
    filtered = {name for one in watches for name in one.rule.filter.wanted()}
    names = [DAY, *(name for name in DIMENSIONS if name in filtered)]
    needed = [_needed(tenant, one, now) for one in watches]
    period = Period(min(one.first for one in needed), max(one.last for one in needed))
    return (await read(stores, tenant.id, period, [*names, USER] if watches[0].by_user else names)).cube


def _needed(tenant: Tenant, watch: Watch, now: datetime) -> Period:
    """The days that a value takes: the billing month to date, and those of the average."""
    month = month_to_date(tenant, _moment(tenant, watch, now))
    first = _before(month.last).first if watch.rule.metric == AVERAGE else month.first
    return Period(min(month.first, first), month.last)


def _moment(tenant: Tenant, watch: Watch, now: datetime) -> datetime:
    """When to look: now, or on the last day of a period that has ended."""
    last = watch.period.last
    return now if day_of(now, tenant.zone) <= last else start_of(last, tenant.zone)


def _before(day: date) -> Period:
    """The days with whose average one is compared."""
    return Period(day - timedelta(days=AVERAGED), day - timedelta(days=1))


def _names(period: Period) -> set[str]:
    return {str(day) for day in period}


@dataclass(frozen=True, slots=True)
class _View:
    """The usage that a rule is about, until a moment."""

    tenant: Tenant
    cube: Cube
    moment: datetime
    has_ended: bool

    def on(self, days: Period) -> Cube:
        """The usage of these days."""
        return self.cube.filter({DAY: _names(days)})

    def month(self) -> Cube:
        """The usage of the billing month to date."""
        return self.on(month_to_date(self.tenant, self.moment))

    def quota(self) -> Quota:
        """The limits, and what is used of them."""
        return quota_of(self.tenant, self.month(), self.moment, has_ended=self.has_ended)

    def day(self) -> Period:
        """The last day alone."""
        day = day_of(self.moment, self.tenant.zone)
        return Period(day, day)


def _of_tokens(gauge: Gauge, *, projected: bool = False) -> Measured:
    return _of_limit(gauge, None if gauge.limit is None else Decimal(gauge.limit), projected=projected)


def _of_budget(gauge: Gauge, *, projected: bool = False) -> Measured:
    return _of_limit(gauge, dollars(gauge.limit), projected=projected)


def _of_limit(gauge: Gauge, limit: Decimal | None, *, projected: bool) -> Measured:
    """What is or will be used, in per cent of the gauge's limit, which is told in a unit that people read."""
    amount = gauge.projected if projected else gauge.used
    known = amount is not None and gauge.limit is not None
    exact = Fraction(100 * (amount or 0), gauge.limit or 1) if known else None
    return Measured("percent", exact, limit, gauge.reached_on)


def _spend(view: _View) -> Measured:
    spent = view.quota().spend.used
    return Measured("usd", None if spent is None else Fraction(spent, 10**9))


def _count(amount: int) -> Measured:
    return Measured("count", Fraction(amount))


def _versus_average(view: _View) -> Measured:
    """The average is that of the days since the first usage in the week before."""
    today, before = sum(tokens(view.on(view.day()))), view.on(_before(view.day().first))
    days = [sum(tokens(before.filter({DAY: {str(day)}}))) for day in _before(view.day().first)]
    if sum(map(bool, days)) < FEWEST:
        return Measured("percent", None)
    since_first = list(dropwhile(lambda used: not used, days))
    return Measured("percent", Fraction(100 * len(since_first) * today, sum(since_first)))


METERS: dict[str, Callable[[_View], Measured]] = {
    "monthly_tokens_percent": lambda view: _of_tokens(view.quota().month),
    "daily_tokens_percent": lambda view: _of_tokens(view.quota().today),
    "monthly_spend_usd": _spend,
    "monthly_budget_percent": lambda view: _of_budget(view.quota().spend),
    "daily_requests": lambda view: _count(view.on(view.day()).totals()["requests"]),
    "projected_tokens_percent": lambda view: _of_tokens(view.quota().month, projected=True),
    "projected_budget_percent": lambda view: _of_budget(view.quota().spend, projected=True),
    ACTIVE_USERS: lambda view: _count(distinct_users(view.month())),
    "monthly_unpriced_requests": lambda view: _count(view.month().totals()["unpriced"]),
    AVERAGE: _versus_average,
}
