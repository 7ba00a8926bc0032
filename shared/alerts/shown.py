"""Rules, firings and deliveries as the API shows them."""

from collections.abc import Sequence
from datetime import datetime

from shared.alerts.answers import (
    AttemptAnswer,
    DeliveryAnswer,
    FiringAnswer,
    MetricAnswer,
    RuleAnswer,
    RuleState,
    facts_of,
)
from shared.alerts.firing import Firing
from shared.alerts.metrics import Measured, Watch, measure, watch_on
from shared.alerts.ports import Attempt, Delivery
from shared.alerts.rule import DEFAULT_RULE, METRICS, Rule
from shared.days import day_of
from shared.ports import Stores
from shared.table import period_answer
from shared.tenants import Tenant


async def shown_rules(
    stores: Stores, tenant: Tenant, rules: Sequence[Rule], now: datetime
) -> list[RuleAnswer]:
    """The rules, each with how it stands now."""
    watches = [watch_on(rule, tenant, day_of(now, tenant.zone)) for rule in rules]
    found = zip(watches, await measure(stores, tenant, watches, now), strict=True)
    return [_rule(tenant, watch, measured) for watch, measured in found]


def shown_firing(tenant: Tenant, firing: Firing) -> FiringAnswer:
    """A firing as the API tells it."""
    return {
        **facts_of(firing),
        "reached_on": str(firing.reached_on) if firing.reached_on else None,
        "period": period_answer(firing.period, tenant),
        "fired_at": _moment(firing.fired_at),
        "is_muted": firing.muted,
        "is_test": firing.is_test,
        "resolved_at": _moment(firing.resolved_at) if firing.resolved_at else None,
        "resolved_value": firing.resolved_value,
    }


def shown_delivery(delivery: Delivery) -> DeliveryAnswer:
    """A delivery as the API tells it."""
    notification = delivery.notification
    return {
        "id": notification.id,
        "firing_id": notification.firing.id,
        "about": notification.moment,
        "channel": notification.channel,
        "state": delivery.state,
        "created_at": _moment(delivery.created_at),
        "next_at": _moment(delivery.next_at) if delivery.next_at else None,
        "attempts": [_attempt(one) for one in delivery.attempts],
    }


def shown_metrics() -> list[MetricAnswer]:
    """Every metric that a rule can look at."""
    return [
        {
            "name": name,
            "label": info.label,
            "unit": info.unit,
            "span": info.span,
            "takes_filter": info.takes_filter,
            "note": info.note,
        }
        for name, info in METRICS.items()
    ]


def _rule(tenant: Tenant, watch: Watch, measured: Measured) -> RuleAnswer:
    rule = watch.rule
    return {
        "id": rule.id,
        "is_default": rule.id == DEFAULT_RULE,
        "name": rule.name,
        "metric": rule.metric,
        "unit": METRICS[rule.metric].unit,
        "thresholds": rule.thresholds,
        "severity": rule.severity,
        "filter": rule.filter,
        "channels": rule.channels,
        "enabled": rule.enabled,
        "muted_until": _moment(rule.muted_until) if rule.muted_until else None,
        "notify_resolved": rule.notify_resolved,
        "created_at": _moment(rule.created_at),
        "updated_at": _moment(rule.updated_at),
        "disabled_urls": rule.gone,
        "state": _state(tenant, watch, measured),
    }


def _state(tenant: Tenant, watch: Watch, measured: Measured) -> RuleState:
    return {
        "value": measured.value,
        "limit": measured.limit,
        "reached": [one for one in watch.rule.thresholds if measured.reaches(one)],
        "reached_on": str(measured.reached_on) if measured.reached_on else None,
        "period": period_answer(watch.period, tenant),
    }


def _attempt(attempt: Attempt) -> AttemptAnswer:
    return {
        "at": _moment(attempt.at),
        "is_delivered": attempt.is_delivered,
        "status": attempt.status,
        "detail": attempt.detail,
        "milliseconds": attempt.milliseconds,
    }


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
