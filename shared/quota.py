"""The quota: what is used of a tenant's limits, and where the billing month will end at this rate.

The projection is linear: usage until now, times the length of the billing month, by the part of it
that has passed. Time is real time between instants, so a month with a change of clocks is as long as it
is. Everything is counted in integers (tokens, nano-dollars, microseconds) and rounded down, so that a
projection reaches a limit exactly when there is a day on which it is reached.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from shared.answers import QuotaAnswer, QuotaData, SpendQuota, TokenQuota
from shared.columns import DAY
from shared.cube import Cube
from shared.days import Period, billing_month, day_of, start_of
from shared.figures import cost, percent, tokens
from shared.money import nano, usd
from shared.ports import Stores
from shared.reading import read
from shared.table import Question, compared, frame, period_answer
from shared.tenants import Tenant

ENOUGH = timedelta(days=1)  # real time: more than 3 % of every billing month
MICROSECOND, ONE_DAY = timedelta(microseconds=1), timedelta(days=1)

type Daily = Mapping[date, int]
"""An amount of each day that has any."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A moment in a tenant's billing month, whose days it knows as instants."""

    tenant: Tenant
    now: datetime

    @property
    def today(self) -> date:
        """The tenant's day."""
        return day_of(self.now, self.tenant.zone)

    @property
    def billing(self) -> Period:
        """The billing month that holds today."""
        return billing_month(self.today, self.tenant.billing_day)

    @property
    def starts_at(self) -> datetime:
        """When the billing month began, in UTC, as differences are true in no other zone."""
        return self.start(self.billing.first)

    @property
    def ends_at(self) -> datetime:
        """When the next billing month begins, in UTC."""
        return self.start(self.billing.last + ONE_DAY)

    @property
    def elapsed(self) -> int:
        """Microseconds of the billing month that have passed."""
        return (self.now - self.starts_at) // MICROSECOND

    @property
    def whole(self) -> int:
        """Microseconds of the whole billing month."""
        return (self.ends_at - self.starts_at) // MICROSECOND

    def start(self, day: date) -> datetime:
        """When a day begins, in UTC."""
        return start_of(day, self.tenant.zone)

    def length(self, day: date) -> int:
        """Microseconds of a day."""
        return (self.start(day + ONE_DAY) - self.start(day)) // MICROSECOND

    def left(self) -> int:
        """Microseconds of today that are still to come."""
        return (self.start(self.today + ONE_DAY) - self.now) // MICROSECOND

    def local(self, moment: datetime) -> str:
        """A moment as the tenant's clocks show it, with their offset."""
        return moment.astimezone(self.tenant.zone).isoformat()


@dataclass(frozen=True, slots=True)
class Gauge:
    """What is used of a limit, in tokens or nano-dollars.

    `used` is None where no price is known, `limit` where there is none, `projected` where there is not
    enough to go by. `reached_on` is the first day of the billing month on which the limit was reached, or
    will be at the rate of this month; None when on none.
    """

    used: int | None
    limit: int | None
    projected: int | None
    reached_on: date | None


@dataclass(frozen=True, slots=True)
class Quota:
    """All limits of a tenant at a moment.

    What is projected for `today` is the day's end, at the rate of the billing month. `is_enough` says
    whether there is enough to go by; `unpriced` counts the requests of the month that `spend` lacks.
    """

    clock: Clock
    today: Gauge
    month: Gauge
    spend: Gauge
    unpriced: int
    is_enough: bool


async def quota(stores: Stores, tenant: Tenant, now: datetime) -> Quota:
    """The tenant's limits now."""
    cube = (await read(stores, tenant.id, month_to_date(tenant, now), (DAY,))).cube
    return quota_of(tenant, cube, now)


async def quota_view(stores: Stores, tenant: Tenant, now: datetime) -> QuotaAnswer:
    """The tenant's limits now, in the frame of every view, whose totals are the billing month's."""
    question = Question(tenant, month_to_date(tenant, now), now)
    reading = await read(stores, tenant.id, question.period, (DAY,))
    totals = compared(reading.cube.totals(), None)
    return {"data": shown(quota_of(tenant, reading.cube, now)), **frame(question, reading, totals)}


def month_to_date(tenant: Tenant, now: datetime) -> Period:
    """The days of the billing month until today."""
    clock = Clock(tenant, now)
    return Period(clock.billing.first, clock.today)


def quota_of(tenant: Tenant, cube: Cube, now: datetime, *, has_ended: bool = False) -> Quota:
    """The limits at a moment, of the usage by day of the billing month to date.

    Of a day or month that has ended, at a moment of its last day, nothing is projected.
    """
    clock = Clock(tenant, now - timedelta(microseconds=now.microsecond % 1_000))  # as it is shown
    daily, tier = cube.group_by(DAY), tenant.tier
    days = [date.fromisoformat(str(day)) for day in daily.dimensions[DAY].column()]
    nanos: list[int] = daily.measures["cost"].tolist()
    used, spent = dict(zip(days, tokens(daily), strict=True)), dict(zip(days, nanos, strict=True))
    totals = daily.totals()
    is_enough = not has_ended and bool(totals["requests"]) and clock.elapsed >= ENOUGH // MICROSECOND
    budget = None if tier.monthly_budget_usd is None else nano(tier.monthly_budget_usd)
    spend = _of_month(clock, spent, budget, is_enough=is_enough)
    return Quota(
        clock=clock,
        today=_of_day(clock, used, tier.daily_tokens, is_enough=is_enough),
        month=_of_month(clock, used, tier.monthly_tokens, is_enough=is_enough),
        spend=spend if cost(totals) is not None else Gauge(None, budget, None, None),
        unpriced=totals["unpriced"],
        is_enough=is_enough,
    )


def _of_month(clock: Clock, daily: Daily, limit: int | None, *, is_enough: bool) -> Gauge:
    used = sum(daily.values())
    projected = used * clock.whole // clock.elapsed if is_enough else None
    reached = _passed_on(daily, limit)
    if limit is not None and reached is None and projected is not None and projected >= limit:
        microseconds = -(-clock.elapsed * limit // used)  # rounded up: by then it is reached
        moment = clock.starts_at + microseconds * MICROSECOND
        reached = min(day_of(moment, clock.tenant.zone), clock.billing.last)
    return Gauge(used, limit, projected, reached)


def _of_day(clock: Clock, daily: Daily, limit: int | None, *, is_enough: bool) -> Gauge:
    """The limit of each day, at the rate of the month: today on top of what is used, then whole days."""
    today, month = daily.get(clock.today, 0), sum(daily.values())
    projected = today + month * clock.left() // clock.elapsed if is_enough else None
    if limit is None or today >= limit or projected is None:
        return Gauge(today, limit, projected, clock.today if limit is not None and today >= limit else None)
    to_come = Period(clock.today + ONE_DAY, clock.billing.last)
    full = (day for day in to_come if month * clock.length(day) // clock.elapsed >= limit)
    return Gauge(today, limit, projected, clock.today if projected >= limit else next(full, None))


def _passed_on(daily: Daily, limit: int | None) -> date | None:
    """The day on which the sum of the days reached the limit."""
    total = 0
    for day, amount in sorted(daily.items()):
        total += amount
        if limit is not None and total >= limit:
            return day
    return None


def shown(quota: Quota) -> QuotaData:
    """The limits as the API tells them."""
    clock, month, spend = quota.clock, quota.month, quota.spend
    resets_at = clock.local(clock.ends_at)
    return {
        "billing_period": period_answer(clock.billing, clock.tenant),
        "tier": clock.tenant.tier.name,
        "days_remaining": (clock.billing.last - clock.today).days + 1,
        "tokens_today": _tokens(quota.today, clock.local(clock.start(clock.today + ONE_DAY))),
        "tokens_this_month": _tokens(month, resets_at),
        "spend_this_month": _spend(spend, resets_at, quota.unpriced),
        "projection": {
            "tokens": month.projected,
            "spend_usd": dollars(spend.projected),
            "unpriced_requests": quota.unpriced,
            "reason": None if quota.is_enough else "not enough data",
            "basis": {
                "method": "linear",
                "as_of": clock.now.isoformat(timespec="milliseconds"),
                "elapsed_fraction": round(Decimal(clock.elapsed) / clock.whole, 9).normalize(),
                "starts_at": clock.local(clock.starts_at),
                "ends_at": resets_at,
            },
        },
    }


def dollars(amount: int | None) -> Decimal | None:
    """US dollars of nano-dollars that may be unknown."""
    return None if amount is None else usd(amount)


def _tokens(gauge: Gauge, resets_at: str) -> TokenQuota:
    return {
        "used": gauge.used or 0,
        "limit": gauge.limit,
        "remaining": _remaining(gauge),
        "percent": percent(gauge.used or 0, gauge.limit or 0),
        "resets_at": resets_at,
        "reached_on": str(gauge.reached_on) if gauge.reached_on else None,
    }


def _spend(gauge: Gauge, resets_at: str, unpriced: int) -> SpendQuota:
    return {
        "used_usd": dollars(gauge.used),
        "limit_usd": dollars(gauge.limit),
        "remaining_usd": dollars(_remaining(gauge)),
        "percent": None if gauge.used is None else percent(gauge.used, gauge.limit or 0),
        "unpriced_requests": unpriced,
        "resets_at": resets_at,
        "reached_on": str(gauge.reached_on) if gauge.reached_on else None,
    }


def _remaining(gauge: Gauge) -> int | None:
    if gauge.limit is None or gauge.used is None:
        return None
    return max(gauge.limit - gauge.used, 0)
