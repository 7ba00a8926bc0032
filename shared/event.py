"""The usage event: what a product feature says about one AI request."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    model_validator,
)

from shared.catalogue import FEATURES, Primitive, Product

TENANT_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"
MAX_TOKENS = 100_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

type TenantId = Annotated[str, StringConstraints(pattern=TENANT_ID)]
type Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
type Text128 = Annotated[str, StringConstraints(max_length=128, pattern=NO_CONTROLS)]
type Text256 = Annotated[str, StringConstraints(max_length=256, pattern=NO_CONTROLS)]
type Tokens = Annotated[int, Field(ge=0, le=MAX_TOKENS)]


def _rfc3339(text: object) -> object:
    """Refuses what else the parser would take: seconds since 1970, also in a string."""
    if not isinstance(text, str) or text[4:5] != "-":
        raise ValueError("must be RFC 3339 with offset, like 2026-11-01T09:30:00Z")
    return text


def _in_utc(moment: datetime) -> datetime:
    """The same instant in UTC, in which everything after is quicker."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside of the calendar") from None


class EventUser(BaseModel):
    """Who made the request; the newest name and email seen are the ones shown."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[Text128, Field(description="The user's id in the tenant.")]
    name: Annotated[Text256 | None, Field(description="Shown in By User.")] = None
    email: Annotated[Text256 | None, Field(description="Shown in By User.")] = None


class UsageEvent(BaseModel):
    """One AI request of one tenant, named by `source` and `id`: sent again with its time, it counts once.

    Token counts have their OpenTelemetry meaning: input includes cached tokens, output includes
    reasoning; the subsets are kept apart and never added.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[Text128, Field(description="Unique in its source.", examples=["req-7f3a"])]
    source: Annotated[Text256, Field(description="What sent the event.", examples=["psa/tickets"])]
    tenant_id: Annotated[TenantId, Field(description="The customer.", examples=["contoso"])]
    time: Annotated[
        AwareDatetime,
        Strict(False),
        BeforeValidator(_rfc3339),
        AfterValidator(_in_utc),
        Field(description="When it happened: RFC 3339 with offset."),
    ]
    user: Annotated[EventUser | None, Field(description="Absent for unattended work.")] = None
    feature: Annotated[Slug, Field(description="What used AI.", examples=["ticket-suggest"])]
    product: Annotated[Product | None, Field(description="Needed where the catalogue lacks the feature.")] = (
        None
    )
    primitive: Annotated[Primitive, Field(description="What was used.")]
    provider: Annotated[
        Slug | None, Field(description="OpenTelemetry provider name.", examples=["azure.ai.openai"])
    ] = None
    model: Annotated[Text128 | None, Field(examples=["gpt-4o-mini"])] = None
    input_tokens: Annotated[Tokens, Field(description="Of ai.chat and ai.embed.")] = 0
    output_tokens: Annotated[Tokens, Field(description="Of ai.chat.")] = 0
    cache_read_input_tokens: Annotated[Tokens, Field(description="Part of input_tokens.")] = 0
    cache_creation_input_tokens: Annotated[Tokens, Field(description="Part of input_tokens.")] = 0
    reasoning_output_tokens: Annotated[Tokens, Field(description="Part of output_tokens.")] = 0
    quantity: Annotated[
        Decimal | None,
        Field(
            gt=0,
            le=10_000_000,
            decimal_places=3,
            description="Units of the primitive (minutes, images, …); ai.chat is counted in tokens.",
        ),
    ] = None
    cost_usd: Annotated[
        Decimal | None,
        Field(ge=0, le=10_000, decimal_places=9, description="Instead of the price list; exact as text."),
    ] = None

    @model_validator(mode="after")
    def check(self) -> Self:
        """Holds the fields to each other; the message begins with the field at fault."""
        if self.product is None and self.feature not in FEATURES:
            raise ValueError(f"product: needed, as {self.feature!r} is not in the catalogue")
        self._check_units()
        if self.cache_read_input_tokens + self.cache_creation_input_tokens > self.input_tokens:
            raise ValueError("cache_read_input_tokens: cached tokens are part of input_tokens")
        if self.reasoning_output_tokens > self.output_tokens:
            raise ValueError("reasoning_output_tokens: these are part of output_tokens")
        return self

    def _check_units(self) -> None:
        primitive, given = self.primitive, self.model_fields_set
        if primitive == "ai.chat":
            if not {"input_tokens", "output_tokens"} <= given:
                missing = "output_tokens" if "input_tokens" in given else "input_tokens"
                raise ValueError(f"{missing}: ai.chat needs it")
            if self.quantity is not None:
                raise ValueError("quantity: ai.chat is counted in tokens")
            return
        if self.quantity is None:
            raise ValueError(f"quantity: {primitive} needs it")
        if self.output_tokens:
            raise ValueError(f"output_tokens: {primitive} has none")
        if primitive == "ai.embed":
            if "input_tokens" not in given:
                raise ValueError("input_tokens: ai.embed needs it")
        elif self.input_tokens:
            raise ValueError(f"input_tokens: {primitive} has none")

    @property
    def known_product(self) -> str:
        """The event's product, from the catalogue where the event names none."""
        return self.product or FEATURES[self.feature]


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970, as times are stored."""
    return (moment - EPOCH) // timedelta(milliseconds=1)
