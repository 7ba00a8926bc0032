"""The shapes of what the API answers about alerts."""

from typing import Annotated, TypedDict

from pydantic import Field

from shared.alerts.firing import Firing
from shared.alerts.firing import Moment as About
from shared.alerts.ports import DeliveryState
from shared.alerts.rule import Channel, Filter, Metric, Severity, Span, Unit
from shared.answers import Day, Moment, Number, Pagination, PeriodAnswer

type Amount = Annotated[Number, Field(description="In the unit of the metric.")]
type OfLimit = Annotated[
    Number | None, Field(description="What per cent are of: tokens, or US dollars. Null where there is none.")
]
type OnDay = Annotated[
    Day | None, Field(description="When the limit was or, at the present rate, will be reached.")
]


class RuleState(TypedDict):
    """What the rule's metric amounts to in its current period."""

    value: Annotated[Amount | None, Field(description="Null: no limit, no known price, or not enough data.")]
    limit: OfLimit
    reached: Annotated[list[Amount], Field(description="The thresholds that are reached now.")]
    reached_on: OnDay
    period: PeriodAnswer


class RuleAnswer(TypedDict):
    """A rule, and how it stands. Its members that a rule is created of can be sent back as they are."""

    id: str
    is_default: bool
    name: str
    metric: Metric
    unit: Unit
    thresholds: list[Amount]
    severity: Severity
    filter: Filter
    channels: list[Channel]
    enabled: bool
    muted_until: Moment | None
    notify_resolved: bool
    created_at: Moment
    updated_at: Moment
    disabled_urls: Annotated[
        list[str],
        Field(description="Of its webhooks, those that answered 410. Replacing the rule enables them again."),
    ]
    state: RuleState


class RulesAnswer(TypedDict):
    """One page of the rules."""

    data: list[RuleAnswer]
    pagination: Pagination


class Page(TypedDict):
    """Which of them these are."""

    limit: int
    offset: int


class RuleName(TypedDict):
    """The rule that fired."""

    id: str
    name: Annotated[str, Field(description="As it was then.")]


class FiringFacts(TypedDict):
    """Why a rule fired, as the API, webhooks and tickets tell it."""

    id: str
    rule: RuleName
    severity: Severity
    metric: str
    unit: Unit
    filter: str
    threshold: Amount
    value: Amount
    limit: OfLimit


def facts_of(firing: Firing) -> FiringFacts:
    """Why it fired."""
    return {
        "id": firing.id,
        "rule": {"id": firing.rule_id, "name": firing.rule_name},
        "severity": firing.severity,
        "metric": firing.metric,
        "unit": firing.unit,
        "filter": firing.filter,
        "threshold": firing.threshold,
        "value": firing.value,
        "limit": firing.limit,
    }


class FiringAnswer(FiringFacts):
    """A threshold that was reached, once in its period. Webhooks tell the same by the same names."""

    reached_on: OnDay
    period: PeriodAnswer
    fired_at: Moment
    is_muted: bool
    is_test: bool
    resolved_at: Moment | None
    resolved_value: Amount | None


class FiringsAnswer(TypedDict):
    """One page of the firings, the latest periods first."""

    data: list[FiringAnswer]
    pagination: Page


class AttemptAnswer(TypedDict):
    """One attempt to deliver."""

    at: Moment
    is_delivered: bool
    status: Annotated[int | None, Field(description="Of HTTP or SMTP; null where nothing answered.")]
    detail: str
    milliseconds: int


class DeliveryAnswer(TypedDict):
    """How far the notification of one channel has come."""

    id: Annotated[str, Field(description="Also the webhook-id, and the idempotency key of a ticket.")]
    firing_id: str
    about: About
    channel: Channel
    state: DeliveryState
    created_at: Moment
    next_at: Annotated[Moment | None, Field(description="When it is tried next.")]
    attempts: list[AttemptAnswer]


class DeliveriesAnswer(TypedDict):
    """One page of the deliveries, the latest periods first."""

    data: list[DeliveryAnswer]
    pagination: Page


class NotificationAnswer(TypedDict):
    """A notification on its way."""

    id: Annotated[str, Field(description="That of its delivery.")]
    channel: Channel


class SentAnswer(TypedDict):
    """What was sent; the deliveries tell how it went."""

    data: list[NotificationAnswer]


class SecretAnswer(TypedDict):
    """The secret that signs the webhooks of a rule (Standard Webhooks)."""

    secret: Annotated[str, Field(examples=["whsec_…"])]
    rotated_at: Annotated[Moment | None, Field(description="For 24 hours the one before signs as well.")]


class MetricAnswer(TypedDict):
    """What a rule can look at."""

    name: Annotated[str, Field(examples=["monthly_spend_usd"])]
    label: str
    unit: Unit
    span: Annotated[Span, Field(description="The period after which it starts again.")]
    takes_filter: bool
    note: Annotated[str, Field(description="What else is to be known of it; empty for most.")]


class MetricsAnswer(TypedDict):
    """All metrics."""

    data: list[MetricAnswer]
