"""Alert rules: what a tenant wants to be told of, and how."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, Strict, model_validator

from shared.event import TenantId, Text128
from shared.tenants import Email, Tenant

DEFAULT_RULE = "default"
MAX_RULES = 100  # of a tenant

type Unit = Literal["percent", "usd", "count"]
type Span = Literal["month", "day"]
type Severity = Literal["info", "warning", "critical"]
type Metric = Literal[
    "monthly_tokens_percent",
    "daily_tokens_percent",
    "monthly_spend_usd",
    "monthly_budget_percent",
    "daily_requests",
    "projected_tokens_percent",
    "projected_budget_percent",
    "monthly_active_users",
    "monthly_unpriced_requests",
    "daily_tokens_vs_average_percent",
]


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """How a metric is called and counted; `span` is the period after which it starts again.

    One that is measured against a limit of the whole tenant takes no filter. `note` says what else is to be
    known of it.
    """

    label: str
    unit: Unit
    span: Span
    takes_filter: bool = True
    note: str = ""


METRICS: dict[str, MetricInfo] = {
    "monthly_tokens_percent": MetricInfo("Monthly token quota %", "percent", "month", takes_filter=False),
    "daily_tokens_percent": MetricInfo("Daily token quota %", "percent", "day", takes_filter=False),
    "monthly_spend_usd": MetricInfo("Monthly spend $", "usd", "month"),
    "monthly_budget_percent": MetricInfo("Monthly budget %", "percent", "month", takes_filter=False),
    "daily_requests": MetricInfo("Daily request count", "count", "day"),
    "projected_tokens_percent": MetricInfo(
        "Projected month-end token quota %", "percent", "month", takes_filter=False
    ),
    "projected_budget_percent": MetricInfo(
        "Projected month-end budget %", "percent", "month", takes_filter=False
    ),
    "monthly_active_users": MetricInfo("Active users this month", "count", "month"),
    "monthly_unpriced_requests": MetricInfo("Unpriced requests this month", "count", "month"),
    "daily_tokens_vs_average_percent": MetricInfo(
        "Tokens today, % of the 7-day average",
        "percent",
        "day",
        note=(
            "The average of the 7 days before, from the first of them with usage on. "
            "Where fewer than 3 of them have usage there is no value."
        ),
    ),
}


def _sorted(values: Sequence[str]) -> list[str]:
    return sorted(set(values))


type Values = Annotated[list[Text128], Field(max_length=20), AfterValidator(_sorted)]


def _distinct(thresholds: Sequence[Decimal]) -> list[Decimal]:
    if len(set(thresholds)) < len(thresholds):
        raise ValueError("must not repeat a value")
    return sorted(thresholds)


class Filter(BaseModel):
    """Which usage is measured; an empty one is all."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    feature: Values = []
    product: Values = []
    provider: Values = []
    model: Values = []
    user: Values = []

    def wanted(self) -> dict[str, list[str | None]]:
        """The wanted values of each dimension that is filtered."""
        return {name: list(values) for name, values in self if values}


class EmailChannel(BaseModel):
    """An email to each of these."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: Literal["email"]
    to: Annotated[list[Email], Field(min_length=1, max_length=10)]


class TicketChannel(BaseModel):
    """A ticket in the platform's PSA."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: Literal["ticket"]


class WebhookChannel(BaseModel):
    """A call to a URL of the customer, signed by the Standard Webhooks scheme."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    type: Literal["webhook"]
    url: Annotated[str, Field(max_length=2_000, examples=["https://example.com/hooks/usage"])]


type Channel = Annotated[EmailChannel | TicketChannel | WebhookChannel, Field(discriminator="type")]
type Threshold = Annotated[Decimal, Strict(False), Field(gt=0, le=10**15, decimal_places=9)]


class RuleSettings(BaseModel):
    """What a tenant says of a rule."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[Text128, Field(examples=["Tickets stay within 500 $"])]
    metric: Metric
    thresholds: Annotated[
        list[Threshold],
        AfterValidator(_distinct),
        Field(min_length=1, max_length=5, description="Each fires by itself, once a period, when reached."),
    ]
    severity: Severity = "warning"
    filter: Filter = Filter()
    channels: Annotated[list[Channel], Field(max_length=5)] = []
    enabled: Annotated[bool, Field(description="One that is not is not looked at.")] = True
    muted_until: Annotated[
        AwareDatetime | None, Field(description="Until then firings are written down, and nobody is told.")
    ] = None
    notify_resolved: Annotated[bool, Field(description="Whether to tell when it is over, too.")] = False

    @model_validator(mode="after")
    def check_filter(self) -> Self:
        """Refuses a filter beside a limit of the whole tenant."""
        if self.filter.wanted() and not METRICS[self.metric].takes_filter:
            raise ValueError("filter: this metric is measured against a limit of the whole tenant")
        return self


class Rule(RuleSettings):
    """A rule of a tenant. `gone` are the webhook URLs that answered 410 and are called no more.

    `watched_since` is when metric, filter or thresholds were last changed. `webhook_generation` counts the
    rotations of the secret that signs its webhooks; `rotations` has the times of the last one, and of those
    in the day before it.
    """

    id: str
    tenant_id: TenantId
    created_at: AwareDatetime
    updated_at: AwareDatetime
    watched_since: AwareDatetime
    gone: list[str] = []
    webhook_generation: int = 0
    rotations: list[AwareDatetime] = []

    def is_muted(self, now: datetime) -> bool:
        """Whether nobody is to be told at this moment."""
        return self.muted_until is not None and now < self.muted_until


def default_rule(tenant: Tenant) -> Rule:
    """The rule that every tenant has without asking: a warning at 80 % of the monthly token quota."""
    contacts = [EmailChannel(type="email", to=tenant.contacts)] if tenant.contacts else []
    return Rule(
        id=DEFAULT_RULE,
        tenant_id=tenant.id,
        name="Monthly token quota",
        metric="monthly_tokens_percent",
        thresholds=[Decimal(80)],
        channels=list[Channel](contacts),
        created_at=tenant.created_at,
        updated_at=tenant.created_at,
        watched_since=tenant.created_at,
    )
