"""The shapes of the API's answers. The code builds them, the API's contract describes them."""

from decimal import Decimal
from typing import Annotated, Literal, NotRequired, TypedDict

from pydantic import Field, WithJsonSchema

type Usd = Annotated[
    Decimal,
    WithJsonSchema({"type": "number"}),
    Field(description="US dollars, exact to the nano-dollar.", examples=[1.5]),
]
type Number = Annotated[Decimal, WithJsonSchema({"type": "number"})]
type Day = Annotated[str, Field(examples=["2026-10-01"])]
type Count = Annotated[int, Field(ge=0)]


class Figures(TypedDict):
    """What every row and every total says. Cost is null where no request has a known price."""

    requests: Count
    tokens: Annotated[Count, Field(description="Input and output tokens: what the token quota counts.")]
    input_tokens: Count
    output_tokens: Count
    cache_read_input_tokens: Count
    cache_creation_input_tokens: Count
    reasoning_output_tokens: Count
    cost_usd: Usd | None
    unpriced_requests: Annotated[Count, Field(description="Requests that cost_usd lacks.")]


class Row(Figures):
    """A row of a view; the members after the figures' come with `compare=previous`."""

    previous_requests: NotRequired[Count]
    previous_tokens: NotRequired[Count]
    previous_cost_usd: NotRequired[Usd | None]
    requests_change_percent: NotRequired[Number | None]
    tokens_change_percent: NotRequired[Number | None]
    cost_usd_change_percent: NotRequired[Number | None]


class FeatureRow(Row):
    """A feature's usage."""

    feature: str
    average_tokens: Number | None
    provider: Annotated[str | None, Field(description="The one that serves most of its requests.")]


class UserRow(Row):
    """A user's usage; without an id: work that nobody attended."""

    user_id: str | None
    name: str | None
    email: str | None
    top_feature: Annotated[str | None, Field(description="The one used most often.")]
    last_active: str


class ProductFeature(TypedDict):
    """A feature inside its product."""

    feature: str
    requests: Count
    tokens: Count
    cost_usd: Usd | None


class ProductRow(Row):
    """A product's usage. All seven are listed."""

    product: str
    name: str
    features: list[ProductFeature]


class ModelRow(Row):
    """A model's usage at one provider."""

    model: str | None
    provider: str | None


class ProviderRow(Row):
    """A provider's usage."""

    provider: str | None
    name: str | None
    percent: Annotated[Number | None, Field(description="Of all requests.")]


class PrimitiveRow(Row):
    """A primitive's usage. All ten are listed."""

    primitive: str
    unit: str
    quantity: Annotated[Number, Field(description="In units of the primitive.")]
    counted_as: Annotated[str, Field(description="`token-quota`, or the count it has of its own.")]


class DayRow(Row):
    """A day's usage, or a month's. Days without any are listed too."""

    day: Annotated[str, Field(description="A day, or a month like 2026-10.")]


class Pagination(TypedDict):
    """Which of the rows these are."""

    limit: Count
    offset: Count
    total: Annotated[Count, Field(description="Rows on all pages.")]


class PeriodAnswer(TypedDict("PeriodAnswer", {"from": Day, "to": Day})):
    """The days that the answer is about, both included."""

    time_zone: str


class Freshness(TypedDict):
    """How complete the answer is, and what it lacks."""

    complete_through: Annotated[
        str, Field(description="Everything stored until then is in it, but not what waits in the queue.")
    ]
    unpriced: Annotated[Count, Field(description="Requests without a known price.")]
    rejected: Annotated[int, Field(description="Events received in the period and refused.")]
    duplicates: Annotated[int, Field(description="Events of the period that came again.")]


class Framed(TypedDict):
    """What every view tells beside its data."""

    totals: Annotated[Row, Field(description="Over all rows, whatever the page.")]
    period: PeriodAnswer
    previous_period: NotRequired[PeriodAnswer]
    freshness: Freshness


class ListAnswer[R](Framed):
    """One page of a view."""

    data: list[R]
    pagination: Pagination


class ProviderShare(TypedDict):
    """A provider's part of the requests that name one."""

    provider: str | None
    name: str | None
    requests: Count
    percent: Number | None


class SummaryData(TypedDict):
    """The key metrics of the current billing month and of today."""

    billing_period: PeriodAnswer
    tier: str
    tokens_this_month: Count
    token_limit: Count | None
    tokens_percent: Number | None
    cost_this_month_usd: Usd | None
    unpriced_requests_this_month: Count
    requests_today: Count
    active_users_this_month: Count
    top_feature: Annotated[str | None, Field(description="The one with the most tokens this month.")]
    providers: list[ProviderShare]


class EventRow(TypedDict):
    """A single event, as it was counted; the newest come first."""

    time: Annotated[str, Field(examples=["2026-10-01T09:30:00.000+00:00"])]
    id: str
    source: str
    user_id: str | None
    name: str | None
    email: str | None
    feature: str
    product: str
    provider: str | None
    model: str | None
    primitive: str
    unit: str
    quantity: Annotated[Number, Field(description="In units of the primitive.")]
    input_tokens: Count
    output_tokens: Count
    cache_read_input_tokens: Count
    cache_creation_input_tokens: Count
    reasoning_output_tokens: Count
    cost_usd: Usd | None


class EventsAnswer(ListAnswer[EventRow]):
    """One page of the single events behind a number. All are counted, also those kept no longer."""

    complete_from: Annotated[
        Day, Field(description="Of earlier days only events that were imported as history are still there.")
    ]


class SummaryAnswer(Framed):
    """The overview."""

    data: SummaryData


type Moment = Annotated[str, Field(examples=["2026-10-01T00:00:00+02:00"])]
type ReachedOn = Annotated[
    Day | None,
    Field(description="The day of the billing month on which it was, or at its rate will be, reached."),
]


class TokenQuota(TypedDict):
    """Tokens against a limit; what depends on the limit is null where there is none."""

    used: Count
    limit: Count | None
    remaining: Annotated[Count | None, Field(description="0 once the limit is passed.")]
    percent: Number | None
    resets_at: Moment
    reached_on: ReachedOn


class SpendQuota(TypedDict):
    """Spend against the budget; null where no request of the month has a known price."""

    used_usd: Usd | None
    limit_usd: Usd | None
    remaining_usd: Annotated[Usd | None, Field(description="0 once the budget is passed.")]
    percent: Number | None
    unpriced_requests: Annotated[Count, Field(description="Requests that the spend lacks.")]
    resets_at: Moment
    reached_on: ReachedOn


class ProjectionBasis(TypedDict):
    """What the projection was made of: usage, divided by the part of the month that had passed."""

    method: Literal["linear"]
    as_of: Moment
    elapsed_fraction: Annotated[Number, Field(description="Of the real time from starts_at to ends_at.")]
    starts_at: Moment
    ends_at: Moment


class Projection(TypedDict):
    """The billing month's end at the rate until now, rounded down; null with the reason."""

    tokens: Count | None
    spend_usd: Usd | None
    unpriced_requests: Annotated[Count, Field(description="Requests that spend_usd lacks.")]
    reason: Annotated[
        Literal["not enough data"] | None,
        Field(description="On the billing month's first day, and as long as it has no usage."),
    ]
    basis: ProjectionBasis


class QuotaData(TypedDict):
    """The limits of the tenant's tier, and where the current billing month will end."""

    billing_period: PeriodAnswer
    tier: str
    days_remaining: Annotated[Count, Field(description="Calendar days left of it, today included.")]
    tokens_today: TokenQuota
    tokens_this_month: TokenQuota
    spend_this_month: SpendQuota
    projection: Projection


class QuotaAnswer(Framed):
    """The quota; totals are those of the billing month to date."""

    data: QuotaData


class SnapshotRow(TypedDict):
    """The billing month as it stood, and was projected, on a day when it was last looked at."""

    day: Day
    as_of: Moment
    used_tokens: Count
    projected_tokens: Count | None
    token_limit: Count | None
    spend_usd: Usd | None
    projected_spend_usd: Usd | None
    budget_usd: Usd | None


class CompleteThrough(TypedDict):
    """How complete the answer is."""

    complete_through: Moment


class QuotaHistoryAnswer(TypedDict):
    """How the projection moved. Days without news of usage have no row."""

    data: list[SnapshotRow]
    period: PeriodAnswer
    freshness: CompleteThrough
