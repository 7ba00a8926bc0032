"""The demo tenant "contoso": believable usage, the same for the same day whenever it is asked for.

A day's events follow from the seed and the day alone, so the history that is imported and the trickle
that goes through the queue are one stream: `events_between` cuts it anywhere, without holes or doubles.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from math import log
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from local import demo_cast as cast
from local.demo_cast import Activity
from shared.catalogue import FEATURES

TENANT_ID = "contoso"
TIME_ZONE = "America/Chicago"
SEED = 7
ZONE = ZoneInfo(TIME_ZONE)

JOINED = date(2025, 1, 1)  # growth counts from here
FIRST_YEAR, GROWTH, CEILING = 240, 140, 900  # requests on a working day; more a year; at most
UNATTENDED_SHARE = 0.3
MONTH_GONE = 24  # days of the billing month that are over when the demo begins
QUOTA_USED = 0.83  # of the monthly tokens by then: at this rate they will not last
DAY_MARGIN = 1.15  # of the daily tokens, over the busiest of these days
USD_PER_MILLION_TOKENS = 3.5  # a little above what all primitives cost at list prices
MAX_INPUT, MAX_OUTPUT = 110_000, 16_000  # tokens of a chat

type Event = dict[str, Any]


def history(first: date, last: date, seed: int = SEED) -> Iterator[Event]:
    """The events of whole tenant days, both included, in the order of time."""
    for n in range((last - first).days + 1):
        yield from events_of_day(first + timedelta(days=n), seed)


def events_between(start: datetime, end: datetime, seed: int = SEED) -> Iterator[Event]:
    """The events with `start <= time < end`: adjoining calls give each event once."""
    day, last = start.astimezone(ZONE).date(), end.astimezone(ZONE).date()
    while day <= last:
        for event in _day(day, seed):
            if start <= datetime.fromisoformat(event["time"]) < end:
                yield event
        day += timedelta(days=1)


def events_of_day(day: date, seed: int = SEED) -> Iterator[Event]:
    """The events of a day in the tenant's time zone, in the order of time; ids are the day's own."""
    random = Random(f"{seed} {day}")  # noqa: S311  a demo, no secret
    plan = [
        *_plan(random, day, cast.ATTENDED, cast.OFFICE_HOURS, _people_requests(random, day)),
        *_plan(random, day, cast.UNATTENDED, cast.MACHINE_HOURS, _machine_requests(random, day)),
    ]
    plan.sort(key=lambda planned: planned[0].timestamp())
    for number, (moment, activity) in enumerate(plan):
        yield _event(random, f"{day}-{number:04}", moment, activity)


@lru_cache(maxsize=3)
def _day(day: date, seed: int) -> tuple[Event, ...]:
    return tuple(events_of_day(day, seed))


def tenant(since: date, seed: int = SEED) -> dict[str, Any]:
    """The fields of a `shared.tenants.Tenant` for a demo that begins on this day.

    That is late in a billing month, with so much of the quota used that the default alert fires.
    """
    first = since - timedelta(days=MONTH_GONE)
    days = _tokens_by_day(first, since - timedelta(days=1), seed)
    monthly = sum(days) / QUOTA_USED
    return {
        "id": TENANT_ID,
        "name": "Contoso Managed Services",
        "time_zone": TIME_ZONE,
        "billing_day": first.day,
        "contacts": ["admin@contoso.example"],
        "tier": {
            "name": "business",
            "daily_tokens": _rounded(max(days) * DAY_MARGIN, 50_000),
            "monthly_tokens": _rounded(monthly, 500_000),
            "monthly_budget_usd": _rounded(monthly * USD_PER_MILLION_TOKENS / 1e6, 5),
        },
    }


def rule(url: str) -> dict[str, Any]:
    """The fields of a `shared.alerts.rule.RuleSettings`: a rule that calls a webhook and opens a ticket."""
    return {
        "name": "Monthly budget",
        "metric": "monthly_budget_percent",
        "thresholds": [75, 100],
        "severity": "critical",
        "channels": [{"type": "webhook", "url": url}, {"type": "ticket"}],
    }


def unit_prices() -> dict[str, Decimal]:
    """List prices of the primitives that have no token price: USD a unit (see `catalogue.UNITS`)."""
    return {
        "ai.image": Decimal("0.04"),
        "voice.room": Decimal("0.001"),
        "phone.call": Decimal("0.014"),
        "phone.sms": Decimal("0.0079"),
        "web.crawl": Decimal("0.0015"),
        "email.send": Decimal("0.0004"),
        "governance.scan": Decimal("0.02"),
        "safety.moderate": Decimal("0.00075"),
    }


def _people_requests(random: Random, day: date) -> int:
    holiday = (day.month, day.day) in cast.HOLIDAYS
    weekday = cast.WEEKDAYS[6 if holiday else day.weekday()] * cast.MONTHS[day.month - 1]
    return round(_volume(day) * (1 - UNATTENDED_SHARE) * weekday * random.lognormvariate(0, 0.07))


def _machine_requests(random: Random, day: date) -> int:
    return round(_volume(day) * UNATTENDED_SHARE * random.lognormvariate(0, 0.05))


def _volume(day: date) -> float:
    """Requests on an average working day: growth is steady, from a floor to a ceiling."""
    years = (day - JOINED).days / 365
    return min(max(FIRST_YEAR + GROWTH * years, FIRST_YEAR), CEILING)


def _plan(
    random: Random, day: date, activities: tuple[Activity, ...], hours: tuple[int, ...], count: int
) -> Iterator[tuple[datetime, Activity]]:
    midnight = datetime.combine(day, time(), ZONE)
    chosen = random.choices(activities, [activity.weight for activity in activities], k=count)
    for hour, activity in zip(random.choices(range(24), hours, k=count), chosen, strict=True):
        milliseconds = hour * 3_600_000 + random.randrange(3_600_000)
        yield midnight + timedelta(milliseconds=milliseconds), activity


def _event(random: Random, number: str, moment: datetime, activity: Activity) -> Event:
    event: Event = {
        "id": number,
        "source": f"{FEATURES[activity.feature]}/{activity.feature}",
        "tenant_id": TENANT_ID,
        "time": moment.isoformat(timespec="milliseconds"),
        "feature": activity.feature,
        "primitive": activity.primitive,
    }
    if activity.roles:
        people, eagerness = _team(activity.roles)
        event["user"] = random.choices(people, cum_weights=eagerness)[0]
    if model := _model(random, activity):
        event |= {"provider": cast.PROVIDERS[model], "model": model}
    if activity.primitive == "ai.chat":
        return event | _chat(random, activity, model)
    event["quantity"] = _quantity(random, activity)
    if activity.primitive == "ai.embed":
        event["input_tokens"] = event["quantity"] * _around(random, activity.input_tokens, 0.3)
    return event


def _chat(random: Random, activity: Activity, model: str) -> dict[str, int]:
    tokens = {
        "input_tokens": min(_around(random, activity.input_tokens, 0.65), MAX_INPUT),
        "output_tokens": min(_around(random, activity.output_tokens, 0.6), MAX_OUTPUT),
    }
    if model in cast.REASONING:
        thought = min(round(tokens["output_tokens"] * random.uniform(0.8, 3.5)), MAX_OUTPUT)
        tokens["output_tokens"] += thought
        tokens["reasoning_output_tokens"] = thought
    if random.random() < activity.cached:
        share = round(tokens["input_tokens"] * random.uniform(0.3, 0.85)) // 128 * 128
        writes = cast.PROVIDERS[model] == "anthropic" and random.random() < 0.25
        tokens["cache_creation_input_tokens" if writes else "cache_read_input_tokens"] = share
    return tokens


def _model(random: Random, activity: Activity) -> str:
    """The model that serves the request; empty for what no model does."""
    if activity.primitive == "ai.chat":
        shares = cast.CHAT_MODELS[activity.feature]
        return random.choices(list(shares), list(shares.values()))[0]
    return {"ai.embed": cast.EMBEDDING, "ai.image": cast.IMAGE}.get(activity.primitive, "")


def _quantity(random: Random, activity: Activity) -> int | float:
    if activity.primitive == "phone.call":  # minutes, billed by six seconds
        return max(round(random.lognormvariate(log(activity.quantity), 0.7), 1), 0.1)
    return _around(random, activity.quantity, 0.5 if activity.quantity > 1 else 0)


def _around(random: Random, median: float, spread: float) -> int:
    """A positive whole number, log-normal around its median."""
    return max(1, round(random.lognormvariate(log(median), spread)))


@cache
def _team(roles: tuple[str, ...]) -> tuple[list[dict[str, str]], list[float]]:
    """The people of these roles, and their cumulative shares: some use AI far more than others."""
    people, eagerness, total = [], [], 0.0
    for name in (name for role in roles for name in cast.ROLES[role]):
        total += Random(name).lognormvariate(0, 0.7)  # noqa: S311  a demo, no secret
        people.append(_user(name))
        eagerness.append(total)
    return people, eagerness


def _user(name: str) -> dict[str, str]:
    account = name.lower().replace("'", "").replace(" ", ".").translate(str.maketrans("áéíóúëö", "aeioueo"))
    return {"id": account, "name": name, "email": f"{account}@contoso.example"}


@cache
def _tokens_by_day(day: date, last: date, seed: int) -> list[int]:
    """The quota's tokens on each of these days."""
    totals = []
    while day <= last:
        events = events_of_day(day, seed)
        totals.append(sum(e.get("input_tokens", 0) + e.get("output_tokens", 0) for e in events))
        day += timedelta(days=1)
    return totals


def _rounded(value: float, step: int) -> int:
    return round(value / step) * step
