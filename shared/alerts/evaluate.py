"""Evaluation: rules are held against usage, and what is met fires, once a threshold and period.

Looked at are the current period of each rule and every earlier one that has news, so that what is
stored in the last minutes of a day, or late, counts as well. A firing's notifications are put into the
outbox before it is written down, and in the same way when it is over: killed in between, the next
round does the same again, with the same ids.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from shared.alerts.firing import Firing, Moment, firing_id
from shared.alerts.metrics import Measured, Watch, measure, watch_on
from shared.alerts.notification import Notification
from shared.alerts.ports import Alerting
from shared.alerts.rule import METRICS, Filter, Rule, WebhookChannel
from shared.alerts.rules import rules_of
from shared.days import Period, day_of, start_of
from shared.each import each
from shared.ingest import LATEST
from shared.ports import Marks, Stores
from shared.telemetry import FIRED
from shared.tenants import Tenant

AT_ONCE = 4
ONE_DAY, MARGIN = timedelta(days=1), timedelta(days=7)
PROJECTED = ("projected_tokens_percent", "projected_budget_percent")

type Case = tuple[Watch, Measured]


async def evaluate_marked(stores: Stores, alerting: Alerting, now: datetime) -> int:
    """One round of the timer over the tenants with news; gives how many rules' thresholds fired."""
    marks = await stores.marks.all()
    return await evaluate_each(stores, alerting, {mark.tenant_id for mark in marks}, now)


async def look_again(marks: Marks, tenant: Tenant, now: datetime) -> None:
    """Has the next round look at the tenant, whose rules or limits change: that is news, too."""
    await marks.mark(tenant.id, day_of(now, tenant.zone))


async def evaluate_each(
    stores: Stores, alerting: Alerting, tenant_ids: Collection[str], now: datetime
) -> int:
    """Evaluates these tenants; gives how many thresholds fired.

    Raises an ExceptionGroup of what failed, when all have been tried.
    """
    return sum(await each(sorted(tenant_ids), lambda one: evaluate(stores, alerting, one, now), AT_ONCE))


async def evaluate(stores: Stores, alerting: Alerting, tenant_id: str, now: datetime) -> int:
    """Fires and resolves what the tenant's usage calls for; gives how many thresholds fired."""
    tenant = await stores.tenants.find(tenant_id)
    rules = [rule for rule in await rules_of(alerting.rules, tenant) if rule.enabled] if tenant else []
    if tenant is None or not rules:
        return 0
    marking = await stores.marks.marking(tenant_id)
    watches = watched(rules, tenant, marking.days, now)
    known = {one.id: one for one in await alerting.firings.since(tenant_id, _oldest(watches, tenant, now))}
    cases = list(zip(watches, await measure(stores, tenant, watches, now), strict=True))
    fired = [(watch.rule, firing) for watch, firing in _met(cases, now) if firing.id not in known]
    for rule, firing in fired:
        await _fire(alerting, rule, firing)
        known[firing.id] = firing  # that of a day which is over may be over with it
    today = day_of(now, tenant.zone)
    for case in cases:
        if today in case[0].period:
            await _resolve(alerting, case, known, now)
    return len(fired)


def watched(rules: Sequence[Rule], tenant: Tenant, marked: Collection[date], now: datetime) -> list[Watch]:
    """Each rule in its current period, and in those earlier ones in which a day has news.

    Not in what had ended before the rule asked for it, nor where no event can be late any more.
    """
    today = day_of(now, tenant.zone)
    news = sorted(day for day in marked if today - LATEST <= day < today)

    def periods(rule: Rule) -> Iterator[Period]:
        for period in dict.fromkeys(watch_on(rule, tenant, day).period for day in (*news, today)):
            ends_at = start_of(period.last + ONE_DAY, tenant.zone)
            if now < ends_at or (rule.metric not in PROJECTED and rule.watched_since < ends_at):
                yield period

    return [Watch(rule, period) for rule in rules for period in periods(rule)]


def _oldest(watches: Sequence[Watch], tenant: Tenant, now: datetime) -> date:
    """The first day of the periods whose firings matter: these, and all that may not be resolved yet."""
    return min(day_of(now - LATEST - MARGIN, tenant.zone), *(one.period.first for one in watches))


def _met(cases: Sequence[Case], now: datetime) -> Iterator[tuple[Watch, Firing]]:
    """What the reached thresholds amount to, known or not."""
    for watch, measured in cases:
        for threshold in watch.rule.thresholds:
            if measured.reaches(threshold):
                yield watch, _firing(watch, measured, threshold, now)


def _firing(watch: Watch, measured: Measured, threshold: Decimal, now: datetime) -> Firing:
    rule = watch.rule
    return Firing(
        id=firing_id(rule, threshold, watch.period),
        tenant_id=rule.tenant_id,
        rule_id=rule.id,
        rule_name=rule.name,
        severity=rule.severity,
        metric=rule.metric,
        unit=measured.unit,
        filter=described(rule.filter),
        threshold=threshold,
        value=measured.value or Decimal(0),
        limit=measured.limit,
        reached_on=measured.reached_on,
        period=watch.period,
        fired_at=now,
        muted=rule.is_muted(now),
    )


def described(wanted: Filter) -> str:
    """A filter in words; empty where everything is measured."""
    return "; ".join(f"{name}: {', '.join(map(str, values))}" for name, values in wanted.wanted().items())


async def _fire(alerting: Alerting, rule: Rule, firing: Firing) -> None:
    if not firing.muted:
        await _notify(alerting, rule, firing, "fired")
    await alerting.firings.add(firing)
    FIRED.add(1, {"metric": firing.metric})


async def _resolve(alerting: Alerting, case: Case, known: Mapping[str, Firing], now: datetime) -> None:
    """Resolves the rule's open firings whose threshold is not reached, or not asked for, any more."""
    watch, measured = case
    for firing in known.values():
        is_asked = _is_asked(firing, watch.rule)
        if not _is_open(firing, watch) or (is_asked and measured.reaches(firing.threshold)):
            continue
        over = replace(firing, resolved_at=now, resolved_value=measured.value if is_asked else None)
        if watch.rule.notify_resolved and not firing.muted and not watch.rule.is_muted(now):
            await _notify(alerting, watch.rule, over, "resolved")
        await alerting.firings.resolve(over)


def _is_open(firing: Firing, watch: Watch) -> bool:
    """Whether a firing is one of the rule, not resolved, of this month, or of any day."""
    is_over = METRICS[firing.metric].span == "month" and watch.period.first not in firing.period
    return firing.rule_id == watch.rule.id and not is_over and firing.resolved_at is None


def _is_asked(firing: Firing, rule: Rule) -> bool:
    """Whether the rule still has the metric, filter and threshold of the firing."""
    is_same = firing_id(rule, firing.threshold, firing.period) == firing.id
    return is_same and firing.threshold in rule.thresholds


async def _notify(alerting: Alerting, rule: Rule, firing: Firing, moment: Moment) -> None:
    for channel in rule.channels:
        if not (isinstance(channel, WebhookChannel) and channel.url in rule.gone):
            await alerting.outbox.put(Notification(moment, channel, firing))
