"""Evaluation: what fires, why, whom it tells, and that it does so once, whatever is killed or run twice."""

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from shared.alerts.evaluate import evaluate, evaluate_marked
from shared.alerts.rule import EmailChannel, Filter, Rule, TicketChannel, WebhookChannel
from shared.days import Period
from shared.event import EPOCH
from shared.ingest import ingest
from shared.seal import seal_marked
from shared.tenants import Tier
from tests.alerts import Board
from tests.events import CONTOSO, FABRIKAM, body, event
from tests.fakes import NOW, Cloud, Process, Stopped

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIMITS = Tier(daily_tokens=100, monthly_tokens=1_000)
MAIL = EmailChannel(type="email", to=["ann@example.com"])
HOOK = WebhookChannel(type="webhook", url="https://example.com/hook")
TICKET = TicketChannel(type="ticket")
TODAY = Period(date(2026, 3, 10), date(2026, 3, 10))
MARCH = Period(date(2026, 3, 1), date(2026, 3, 31))


def rule(name: str = "r", metric: str = "daily_tokens_percent", *at: int, **fields: Any) -> Rule:  # noqa: ANN401
    """A rule that tells by mail."""
    thresholds = [Decimal(one) for one in at or (80,)]
    whole = {"id": name, "tenant_id": "contoso", "name": name.title(), "metric": metric, "channels": [MAIL]}
    moments = dict.fromkeys(("created_at", "updated_at", "watched_since"), EPOCH)
    return Rule(**{**whole, "thresholds": thresholds, **moments, **fields})


@dataclass
class World:
    """A tenant with limits and rules, and the time."""

    cloud: Cloud = field(default_factory=Cloud)
    board: Board = field(default_factory=Board)
    sent: int = 0

    def __post_init__(self) -> None:
        self.limits()

    def limits(self, **changed: Any) -> None:  # noqa: ANN401 - any limit
        """Changes what the tenant may use."""
        tier = LIMITS.model_copy(update=changed)
        self.cloud.tenants["contoso"] = CONTOSO.model_copy(update={"tier": tier})

    def rules(self, *rules: Rule) -> None:
        """Stores rules."""
        for one in rules:
            self.board.add_rule(one)

    async def use(self, tokens: int, at: datetime | None = None, **fields: Any) -> None:  # noqa: ANN401
        """Stores a request of so many tokens."""
        self.sent += 1
        time = (at or self.cloud.now).isoformat()
        one = event(f"e{self.sent}", time=time, input_tokens=tokens, output_tokens=0, **fields)
        await ingest(self.cloud.stores(), body(one), self.cloud.now)

    async def evaluate(self, process: Process | None = None) -> int:
        """One evaluation by a process."""
        alerting = self.board.alerting(process)
        return await evaluate(self.cloud.stores(process), alerting, "contoso", self.cloud.now)

    def told(self) -> list[tuple[str, str, str]]:
        """The notifications: of what, of which rule, by which channel; what is told again counts once."""
        distinct = {one.id: one for one in self.board.notifications()}.values()
        return [(one.moment, one.firing.rule_id, one.channel.type) for one in distinct]


async def test_a_firing_says_why() -> None:
    """Value, limit, threshold, period and the day on which the limit is reached, to every channel."""
    world = World()
    world.rules(rule("r", "monthly_tokens_percent", 50, severity="critical", channels=[MAIL, TICKET, HOOK]))
    await world.use(655)
    assert await world.evaluate() == 1
    [firing] = world.board.firings.values()
    assert (firing.rule_id, firing.rule_name, firing.severity, firing.metric) == (
        "r", "R", "critical", "monthly_tokens_percent",
    )  # fmt: skip
    assert (firing.value, firing.threshold, firing.limit, firing.unit) == (
        Decimal("65.5"), Decimal(50), Decimal(1_000), "percent",
    )  # fmt: skip
    assert (firing.period, firing.fired_at, firing.reached_on) == (MARCH, NOW, date(2026, 3, 15))
    assert [one.channel for one in world.board.notifications()] == [MAIL, TICKET, HOOK]
    assert {one.firing for one in world.board.notifications()} == {firing}


async def test_the_default_rule_needs_nobody() -> None:
    """It warns the tenant's contacts at 80 % of the monthly quota; without contacts it still fires."""
    for contacts in ([], ["boss@example.com"]):
        world = World()
        tenant = world.cloud.tenants["contoso"]
        world.cloud.tenants["contoso"] = tenant.model_copy(update={"contacts": contacts})
        await world.use(799)
        assert await world.evaluate() == 0
        await world.use(1)
        assert await world.evaluate() == 1
        [firing] = world.board.firings.values()
        assert (firing.rule_id, firing.value, firing.severity) == ("default", Decimal(80), "warning")
        assert len(world.told()) == len(contacts)


async def test_a_threshold_fires_once_a_period() -> None:
    """Not again while it is above; again on the next day, and each threshold for itself."""
    world = World()
    world.rules(rule("r", "daily_tokens_percent", 50, 100))
    fired = []
    for tokens in (49, 1, 0, 50, 100, 0):
        await world.use(tokens)
        fired.append(await world.evaluate())
        world.cloud.wait(60)
    world.cloud.wait(86_400)
    await world.use(60)
    fired.append(await world.evaluate())
    assert fired == [0, 1, 0, 1, 0, 0, 1]
    found = [(str(one.period.first), int(one.threshold)) for one in world.board.firings.values()]
    assert found == [("2026-03-10", 50), ("2026-03-10", 100), ("2026-03-11", 50)]


@pytest.mark.parametrize(
    ("fields", "fires", "tells"),
    [
        ({}, 1, 1),
        ({"enabled": False}, 0, 0),
        ({"muted_until": NOW + HOUR}, 1, 0),
        ({"muted_until": NOW}, 1, 1),
        ({"channels": []}, 1, 0),
        ({"channels": [HOOK, MAIL], "gone": [HOOK.url]}, 1, 1),
        ({"filter": Filter(feature=["ticket-suggest"])}, 1, 1),
        ({"filter": Filter(feature=["another"])}, 0, 0),
        ({"watched_since": NOW}, 1, 1),
    ],
)
async def test_what_a_rule_says_is_heeded(fields: dict[str, Any], fires: int, tells: int) -> None:
    """Disabled, muted, filtered, or with a webhook that was given up."""
    world = World()
    world.rules(rule("r", "daily_requests", 1, **fields))
    await world.use(1)
    assert await world.evaluate() == fires
    assert len(world.told()) == tells
    assert [one.muted for one in world.board.firings.values()] == [
        not tells and "muted_until" in fields
    ] * fires


async def test_usage_of_an_ended_period_fires_for_it() -> None:
    """What was stored in the last minutes of a day, or late, counts where it belongs, sealed or not."""
    world = World()
    world.rules(rule("r", "daily_tokens_percent"), rule("p", "projected_tokens_percent", 1))
    await world.use(80, datetime.fromisoformat("2026-03-10T22:59:00Z") - DAY)  # yesterday, in Berlin
    await world.evaluate()
    await seal_marked(world.cloud.stores(), world.cloud.now + HOUR)
    assert not world.cloud.marks
    world.cloud.wait(2 * 86_400)
    await world.use(79, NOW)
    assert await world.evaluate() == 0
    await world.use(1, NOW)
    assert await world.evaluate() == 1
    found = sorted((one.rule_id, str(one.period.first)) for one in world.board.firings.values())
    assert found == [("p", "2026-03-01"), ("r", "2026-03-09"), ("r", "2026-03-10")]


async def test_a_rule_is_not_about_the_time_before_it() -> None:
    """A period that had ended when the rule was made, or told to watch another thing, is not its affair."""
    world = World()
    world.rules(rule("new", created_at=NOW, watched_since=NOW), rule("old", watched_since=NOW), rule("r"))
    await world.use(80, NOW - DAY)
    assert await world.evaluate() == 1
    assert [one.rule_id for one in world.board.firings.values()] == ["r"]


@pytest.mark.parametrize(("created_at", "fired"), [(EPOCH, 1), (NOW, 0)])
async def test_the_default_rule_is_not_about_the_time_before_the_tenant(
    created_at: datetime, fired: int
) -> None:
    """Who imports a past in which a quota was used up is not told of it."""
    world = World()
    world.limits(monthly_tokens=10)
    tenant = world.cloud.tenants["contoso"]
    world.cloud.tenants["contoso"] = tenant.model_copy(update={"created_at": created_at})
    await world.use(10, NOW - 14 * DAY)
    assert await world.evaluate() == fired


async def test_news_too_old_to_come_from_events_is_passed_over() -> None:
    """History that is imported tells nobody of alerts of past years."""
    world = World()
    await world.use(1_000)
    await world.cloud.stores().marks.mark("contoso", date(2025, 3, 10))
    assert await world.evaluate() == 1
    assert [one.period for one in world.board.firings.values()] == [MARCH]


async def test_a_raised_limit_resolves() -> None:
    """Who was told is told of it, if the rule says so; the period does not fire a second time."""
    world = World()
    world.rules(rule("told", notify_resolved=True), rule("quiet"))
    await world.use(90)
    await world.evaluate()
    world.limits(daily_tokens=1_000)
    world.cloud.wait(60)
    assert await world.evaluate() == 0
    assert {(one.resolved_at, one.resolved_value) for one in world.board.firings.values()} == {
        (NOW + timedelta(minutes=1), Decimal(9))
    }
    world.limits()
    for _ in range(2):
        assert await world.evaluate() == 0
    assert world.told() == [
        ("fired", "quiet", "email"), ("fired", "told", "email"), ("resolved", "told", "email"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("then", "resolved"), [({}, 1), ({"muted_until": NOW + 9 * DAY}, 0), ({"notify_resolved": False}, 0)]
)
async def test_a_new_day_resolves_the_last(then: dict[str, Any], resolved: int) -> None:
    """What was a day's is over with it, once the next day is below; a month's stays."""
    world = World()
    one = rule("day", notify_resolved=True)
    world.rules(one, rule("month", "monthly_tokens_percent", 9, notify_resolved=True))
    await world.use(90)
    await world.evaluate()
    world.rules(one.model_copy(update=then))
    world.cloud.wait(86_400)
    await world.evaluate()
    closed = [firing.rule_id for firing in world.board.firings.values() if firing.resolved_at]
    assert closed == ["day"]
    assert Counter(world.told())["resolved", "day", "email"] == resolved
    world.cloud.wait(40 * 86_400)
    await world.evaluate()
    assert Counter(world.told())["resolved", "month", "email"] == 0


async def test_who_was_not_told_of_the_alert_is_not_told_of_its_end() -> None:
    """A firing of a muted rule resolves in silence, also when it is not muted any more."""
    world = World()
    world.rules(rule("r", notify_resolved=True, muted_until=NOW + HOUR))
    await world.use(90)
    await world.evaluate()
    world.cloud.wait(86_400)
    await world.evaluate()
    assert [bool(one.resolved_at) for one in world.board.firings.values()] == [True]
    assert world.told() == []


@pytest.mark.parametrize(
    "edited",
    [
        rule("r", "daily_requests", 5, notify_resolved=True),
        rule("r", "daily_requests", 1, notify_resolved=True, filter=Filter(feature=["another"])),
        rule("r", "monthly_tokens_percent", 90, notify_resolved=True),
    ],
    ids=["threshold", "filter", "metric"],
)
async def test_what_a_rule_asks_for_no_more_is_over(edited: Rule) -> None:
    """Its firing resolves at once, though its value is not known; a threshold beside it changes nothing."""
    world = World()
    world.rules(rule("r", "daily_requests", 1, notify_resolved=True))
    await world.use(1)
    assert await world.evaluate() == 1
    world.rules(rule("r", "daily_requests", 1, 5, notify_resolved=True))
    assert await world.evaluate() == 0
    assert [kind for kind, *_ in world.told()] == ["fired"]
    world.rules(edited)
    for _ in range(2):
        assert await world.evaluate() == 0
    assert [kind for kind, *_ in world.told()] == ["fired", "resolved"]
    [firing] = world.board.firings.values()
    assert (firing.resolved_at, firing.resolved_value) == (NOW, None)


async def test_what_a_month_that_is_over_fired_stays() -> None:
    """Also where the rule does not ask for it any more."""
    world = World()
    world.rules(rule("r", "monthly_tokens_percent", 5))
    await world.use(90)
    await world.evaluate()
    world.rules(rule("r", "monthly_tokens_percent", 50))
    world.cloud.wait(30 * 86_400)
    await world.evaluate()
    assert [one.resolved_at for one in world.board.firings.values()] == [None]


async def test_the_order_of_a_filter_does_not_matter() -> None:
    """Somebody who sends it otherwise, or a value twice, asks for the same."""
    world = World()
    for values in (["other", "ticket-suggest"], ["ticket-suggest", "other", "other"]):
        world.rules(rule("r", "daily_requests", 1, filter=Filter(feature=values)))
        await world.use(1)
        await world.evaluate()
    assert len(world.board.firings) == 1


# --- exactly once


async def busy() -> World:
    """A world in which an evaluation has to fire, to fire in silence, and to resolve."""
    world = World()
    channels = [MAIL, HOOK, TICKET]
    world.rules(
        rule("calm", "daily_requests", 2, channels=channels, notify_resolved=True),
        rule("day", "daily_tokens_percent", 20, 50, channels=channels),
        rule("muted", "daily_requests", 1, muted_until=NOW + 9 * DAY),
    )
    world.cloud.now = NOW - DAY
    for _ in range(2):
        await world.use(15)
    assert await world.evaluate() == 3
    world.cloud.now = NOW
    world.board.put.clear()
    await world.use(40)
    return world


def check(world: World) -> None:
    """Everything has happened, and each of it once; what is reached on both days is not over."""
    told = Counter(world.told())
    assert told == Counter(
        [(moment, name, channel)
         for moment, name in (("fired", "day"), ("resolved", "calm"))
         for channel in ("email", "ticket", "webhook")]
    )  # fmt: skip
    assert len({one.id for one in world.board.notifications()}) == told.total()
    found = Counter((one.rule_id, one.resolved_at) for one in world.board.firings.values())
    assert found == {("calm", NOW): 1, ("day", None): 2, ("muted", None): 2}


@pytest.mark.parametrize("after", [False, True])
async def test_an_evaluation_may_be_killed_anywhere(after: bool) -> None:
    """Before and after each of its operations: the next round completes it, and none tells twice."""
    step = 0
    while True:
        step += 1
        world, process = await busy(), Process(step, after=after)
        with suppress(Stopped):
            await world.evaluate(process)
        if process.steps < step:
            break
        await world.evaluate()
        await world.evaluate()
        check(world)
    assert step > 15


@pytest.mark.parametrize("seed", range(40))
async def test_several_instances_may_evaluate_at_once(seed: int) -> None:
    """They interleave between any two operations, and some of them are killed."""
    random, world = Random(seed), await busy()
    processes = [
        Process(random.choice((0, random.randint(1, 25))), pause=lambda: random.randint(0, 3)) for _ in "abc"
    ]
    await asyncio.gather(*map(world.evaluate, processes), return_exceptions=True)
    await world.evaluate()
    check(world)


async def test_a_tenant_that_fails_keeps_no_other_from_its_alerts() -> None:
    """Each is evaluated by itself; what failed is raised in the end, and is done by the next round."""
    for step in range(2, 14):
        world = World()
        world.cloud.tenants["fabrikam"] = FABRIKAM
        for name in ("contoso", "fabrikam"):
            world.rules(rule("r", "daily_requests", 1, tenant_id=name))
            await world.use(1, tenant_id=name)
        process = Process(step, dies=False)
        with pytest.raises(ExceptionGroup):
            await evaluate_marked(world.cloud.stores(process), world.board.alerting(process), NOW)
        assert len(world.board.firings) >= 1
        await evaluate_marked(world.cloud.stores(), world.board.alerting(), NOW)
        assert sorted(tenant for tenant, _ in world.board.firings) == ["contoso", "fabrikam"]
        assert len(world.told()) == 2


async def test_no_day_is_sealed_before_it_was_evaluated() -> None:
    """If that fails the day keeps its mark, so that a later round still finds its usage."""
    world, later = World(), NOW + DAY
    world.rules(rule("r", "daily_requests", 1))
    await world.use(1)

    async def seal(process: Process) -> None:
        alerting = world.board.alerting(process)
        await seal_marked(
            world.cloud.stores(), later,
            before=lambda tenant: evaluate(world.cloud.stores(), alerting, tenant, later),
        )  # fmt: skip

    with pytest.raises(ExceptionGroup):
        await seal(Process(1))
    assert world.cloud.marks.keys() == {("contoso", TODAY.first)}
    await seal(Process())
    assert not world.cloud.marks
    assert [one.period for one in world.board.firings.values()] == [TODAY]
