"""A quarter in the life of three tenants, with everything that goes wrong in one, against a plain recount.

Messages come late, twice and out of order; timers are skipped, run twice at once, and are killed at any
operation; clocks change; limits and thresholds are edited. In the end there is one firing, told once by
each channel, of each (rule, threshold, period) that was reached. The recount knows only which events
arrived when, and what was said of limits and rules when.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

from shared.alerts.evaluate import evaluate, evaluate_each, evaluate_marked, look_again
from shared.alerts.firing import Firing
from shared.alerts.rule import Channel, EmailChannel, Filter, Metric, Rule, TicketChannel
from shared.days import day_of
from shared.event import EPOCH
from shared.ingest import ingest
from shared.ports import Stores
from shared.rollup import fold_marked
from shared.seal import seal_marked
from shared.tenants import Tenant, Tier
from tests.alerts import Board
from tests.events import body, event
from tests.fakes import Cloud, Process, Stopped

START = datetime(2026, 2, 1, 12, tzinfo=UTC)
END = START + timedelta(days=92)  # with both changes of clocks, and short and long months
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHANNELS: list[Channel] = [EmailChannel(type="email", to=["ann@example.com"]), TicketChannel(type="ticket")]

type Fired = tuple[str, str, Decimal, date]
"""Tenant, rule, threshold, and the first day of the period."""


def tier(daily: int, monthly: int, budget: str) -> Tier:
    """Limits that some days and months reach."""
    return Tier(daily_tokens=daily, monthly_tokens=monthly, monthly_budget_usd=Decimal(budget))


TENANTS = [
    Tenant(id=name, name=name, time_zone=zone, billing_day=day, tier=limits, contacts=["boss@example.com"])
    for name, zone, day, limits in (
        ("contoso", "Europe/Berlin", 1, tier(2_000, 45_000, "2.5")),
        ("fabrikam", "America/New_York", 31, tier(3_000, 60_000, "2")),
        ("tailspin", "Asia/Kathmandu", 15, tier(2_500, 55_000, "3")),
    )
]


def rules_of(tenant_id: str) -> list[Rule]:
    """What each tenant asks for, beside the default rule."""
    asked: list[tuple[str, Metric, Sequence[int], dict[str, list[str]]]] = [
        ("daily", "daily_tokens_percent", (50, 100), {}),
        ("edited", "monthly_tokens_percent", (30, 60, 90), {}),
        ("spend", "monthly_spend_usd", (1, 2, 3), {"feature": ["ticket-suggest"]}),
        ("budget", "monthly_budget_percent", (80, 100), {}),
        ("requests", "daily_requests", (4, 6), {}),
        ("people", "monthly_active_users", (5, 6), {}),
        ("unpriced", "monthly_unpriced_requests", (4, 8), {"user": ["u1", "u2"]}),
        ("ahead", "projected_tokens_percent", (100,), {}),
        ("spike", "daily_tokens_vs_average_percent", (150,), {}),
    ]
    return [
        Rule(
            id=name, tenant_id=tenant_id, name=name, metric=metric, filter=Filter(**wanted),
            thresholds=[Decimal(one) for one in at], channels=CHANNELS, notify_resolved=True,
            created_at=EPOCH, updated_at=EPOCH, watched_since=EPOCH,
        )
        for name, metric, at, wanted in asked
    ]  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """An event, and when it was first in the queue."""

    tenant: Tenant
    time: datetime
    arrived: datetime
    user: str
    feature: str
    tokens: int
    cost: Decimal | None

    @property
    def day(self) -> date:
        """The tenant's day."""
        return self.time.astimezone(self.tenant.zone).date()


@dataclass
class Said:
    """What was said of a tenant's limits and rules, from a moment on."""

    since: datetime
    tier: Tier
    rules: list[Rule]


@dataclass
class Quarter:
    """The world, what goes wrong in it, and a diary of what it was told."""

    random: Random
    cloud: Cloud = field(default_factory=lambda: Cloud(now=START))
    board: Board = field(default_factory=Board)
    facts: list[Fact] = field(default_factory=list)
    said: dict[str, list[Said]] = field(default_factory=dict)

    def say(self, tenant: Tenant, rules: list[Rule]) -> None:
        """Sets a tenant's limits and rules."""
        self.cloud.tenants[tenant.id] = tenant
        for rule in rules:
            self.board.add_rule(rule)
        known = rules if "default" in {rule.id for rule in rules} else [*rules, DEFAULT]
        self.said.setdefault(tenant.id, []).append(Said(self.cloud.now, tenant.tier, known))

    async def run(self, work: Callable[[Stores, Process], Awaitable[object]]) -> None:
        """A function of the service, which is killed now and then, and then runs again to its end."""
        if self.random.random() < 0.25:
            process = Process(self.random.randint(1, 40), after=self.random.random() < 0.5)
            with suppress(Stopped, ExceptionGroup):
                await work(self.cloud.stores(process), process)
        count = 2 if self.random.random() < 0.15 else 1
        twins = [Process(pause=lambda: self.random.randint(0, 2)) for _ in range(count)]
        await asyncio.gather(*(work(self.cloud.stores(one), one) for one in twins))

    async def receive(self) -> None:
        """A message of some events, most of them new, some late; it may come more than once."""
        tenant = self.cloud.tenants[self.random.choice(TENANTS).id]
        facts = [self.fact(tenant) for _ in range(self.random.randint(2, 5))]
        events = [self.sent(len(self.facts) + number, fact) for number, fact in enumerate(facts)]
        self.facts += facts
        for _ in range(self.random.choice((1, 1, 1, 2))):
            await self.run(lambda stores, _: ingest(stores, body(*events), self.cloud.now))

    def fact(self, tenant: Tenant) -> Fact:
        """Something that happened a while ago."""
        hours = self.random.choices((0.1, 30, 34 * 24), (85, 12, 3))[0]
        time = max(START, self.cloud.now - hours * self.random.random() * HOUR)
        cost = None if self.random.random() < 0.3 else Decimal(self.random.randint(0, 10**9)).scaleb(-10)
        user, feature = f"u{self.random.randint(1, 6)}", self.random.choice(("ticket-suggest", "other"))
        tokens = self.random.randint(1, 1_500)
        return Fact(tenant, time, self.cloud.now, user, feature, tokens, cost and cost.quantize(NANO))

    def sent(self, number: int, fact: Fact) -> dict[str, Any]:
        """The event of a fact."""
        return event(
            f"e{number}", tenant_id=fact.tenant.id, time=fact.time.isoformat(), user={"id": fact.user},
            feature=fact.feature, product="psa", input_tokens=fact.tokens, output_tokens=0,
            cost_usd=None if fact.cost is None else str(fact.cost),
        )  # fmt: skip

    async def fold(self) -> None:
        """The timer of every minute."""

        async def work(stores: Stores, process: Process) -> None:
            folded = await fold_marked(stores.usage, stores.marks, self.cloud.now)
            await evaluate_each(stores, self.board.alerting(process), folded, self.cloud.now)

        await self.run(work)

    async def evaluate(self) -> None:
        """The timer of every five minutes."""
        await self.run(lambda stores, one: evaluate_marked(stores, self.board.alerting(one), self.cloud.now))

    async def seal(self) -> None:
        """The timer of every hour."""

        async def work(stores: Stores, process: Process) -> None:
            alerting, now = self.board.alerting(process), self.cloud.now
            await seal_marked(stores, now, before=lambda tenant: evaluate(stores, alerting, tenant, now))

        await self.run(work)

    async def edit(self) -> bool:
        """Changes a tenant's limits or thresholds, if no day that has ended has news."""
        tenant = self.cloud.tenants[self.random.choice(TENANTS).id]
        await self.evaluate()
        self.cloud.wait(120)
        await self.seal()
        if any(mark.day < day_of(self.cloud.now, self.cloud.tenants[mark.tenant_id].zone)
               for mark in self.cloud.marks.values()):  # fmt: skip
            return False
        factor = self.random.choice((Decimal("0.7"), Decimal("1.5"), Decimal(2)))
        limits = tenant.tier
        if self.random.random() < 0.5:
            limits = tier(
                int((limits.daily_tokens or 0) * factor), int((limits.monthly_tokens or 0) * factor),
                str(round((limits.monthly_budget_usd or Decimal(0)) * factor, 2)),
            )  # fmt: skip
        rules = [
            one.model_copy(update={"thresholds": [Decimal(self.random.randint(5, 99))]})
            if one.id == "edited"
            else one
            for one in self.said[tenant.id][-1].rules
        ]
        self.say(tenant.model_copy(update={"tier": limits}), [one for one in rules if one is not DEFAULT])
        await look_again(self.cloud.stores().marks, tenant, self.cloud.now)
        return True

    async def pass_by(self) -> None:
        """The whole quarter, and two quiet days after it."""
        edits = sorted(START + DAY * self.random.uniform(5, 95) for _ in range(8))
        while self.cloud.now < END:
            self.cloud.now += HOUR * self.random.choice((0.1, 6, 11, 16, 19))
            for work, share in ((self.receive, 0.9), (self.fold, 0.3),
                                (self.evaluate, 0.3), (self.seal, 0.3)):  # fmt: skip
                if self.random.random() < share:
                    await work()
            if edits and edits[0] < self.cloud.now and await self.edit():
                edits.pop(0)
            self.forget()
        await self.evaluate()
        self.cloud.now += 2 * DAY
        await self.seal()

    def reached(self, tenant: Tenant) -> set[Fired]:
        """What the tenant's facts come to."""
        own = [fact for fact in self.facts if fact.tenant.id == tenant.id]
        return reached(tenant, own, self.said[tenant.id])

    def forget(self) -> None:
        """Drops segments that have expired, for speed."""
        until = (self.cloud.now - timedelta(days=41)).timestamp()
        old = [key for key, one in self.cloud.documents.items() if "ttl" in one and one["_ts"] < until]
        for key in old:
            del self.cloud.documents[key]


NANO = Decimal("0.000000001")
DEFAULT = Rule(
    id="default", tenant_id="any", name="default", metric="monthly_tokens_percent",
    thresholds=[Decimal(80)], created_at=EPOCH, updated_at=EPOCH, watched_since=EPOCH,
)  # fmt: skip

# --- the recount


def month(day: date, starts_on: int) -> date:
    """The first day of the billing month, found by walking back to it."""
    while day.day != starts_on and not ((day + DAY).day == 1 and day.day < starts_on):
        day -= DAY
    return day


def value(metric: str, facts: Sequence[Fact], limits: Tier) -> Fraction | None:
    """What the facts of a period amount to."""
    tokens = sum(fact.tokens for fact in facts)
    priced = [Fraction(fact.cost) for fact in facts if fact.cost is not None]
    spent = sum(priced, Fraction()) if priced or not facts else None
    if metric == "monthly_budget_percent":
        return None if spent is None else 100 * spent / Fraction(limits.monthly_budget_usd or 1)
    return {
        "monthly_tokens_percent": Fraction(100 * tokens, limits.monthly_tokens or 1),
        "daily_tokens_percent": Fraction(100 * tokens, limits.daily_tokens or 1),
        "monthly_spend_usd": spent,
        "daily_requests": Fraction(len(facts)),
        "monthly_active_users": Fraction(len({fact.user for fact in facts})),
        "monthly_unpriced_requests": Fraction(len(facts) - len(priced)),
    }[metric]


NOT_RECOUNTED = ("ahead", "spike")  # rules whose values rise and fall: their firings are counted only


def reached(tenant: Tenant, facts: Sequence[Fact], said: Sequence[Said]) -> set[Fired]:
    """What was reached, under what was said then: in periods that were current, or in which there was news.

    What is recounted falls only when something else is said: the end of each such time decides.
    """
    found: set[Fired] = set()
    ends = [one.since for one in said[1:]] + [END + 9 * DAY]
    for one, end in zip(said, ends, strict=True):
        current = [one.since.astimezone(tenant.zone).date()]
        while current[-1] < min(end, END).astimezone(tenant.zone).date():
            current.append(current[-1] + DAY)
        days = {*current, *(fact.day for fact in facts if one.since < fact.arrived <= end)}
        for rule in one.rules:
            if rule.id in NOT_RECOUNTED:
                continue

            def period(day: date, rule: Rule = rule) -> date:
                return day if rule.metric.startswith("daily") else month(day, tenant.billing_day)

            wanted = rule.filter.wanted()
            own: dict[date, list[Fact]] = {period(day): [] for day in days}
            for fact in facts:
                if fact.arrived <= end and all(getattr(fact, name) in some for name, some in wanted.items()):
                    own.get(period(fact.day), []).append(fact)
            for first, some in own.items():
                amount = value(rule.metric, some, one.tier)
                found |= {
                    (tenant.id, rule.id, threshold, first)
                    for threshold in rule.thresholds
                    if amount is not None and amount >= Fraction(threshold)
                }
    return found


async def test_a_quarter_fires_what_was_reached_and_nothing_more() -> None:
    """Exactly one firing of each (rule, threshold, period), and one notification of it by each channel."""
    quarter = Quarter(Random(1))
    for tenant in TENANTS:
        quarter.say(tenant, rules_of(tenant.id))
    await quarter.pass_by()
    firings = quarter.board.firings.values()

    fired = Counter(map(names, firings))
    recounted = {one for one in fired if one[1] not in NOT_RECOUNTED}
    assert recounted == set[Fired]().union(*(quarter.reached(tenant) for tenant in TENANTS))
    assert {one[1] for one in fired} == {"default", *(rule.id for rule in rules_of("any"))}
    told = {one.id: one for one in quarter.board.notifications()}.values()
    for moment, some in ("fired", firings), ("resolved", [one for one in firings if one.resolved_at]):
        counted = Counter(names(one.firing) for one in told if one.moment == moment)
        expected = {names(one): len(CHANNELS) for one in some if one.rule_id != "default"}
        assert {name: count for name, count in counted.items() if name[1] != "default"} == expected
    assert all(one.resolved_at for one in firings if one.rule_id in ("daily", "requests"))


def names(firing: Firing) -> Fired:
    """What there may be only one firing of."""
    return firing.tenant_id, firing.rule_id, firing.threshold, firing.period.first
