"""The usage event: what a product feature says about one AI request."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Self

import msgspec
from msgspec import Meta, Struct
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
SLUG = r"^[a-z0-9][a-z0-9._-]{0,63}$"
NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"
MAX_TOKENS = 100_000_000
MAX_QUANTITY, QUANTITY_PLACES = 10_000_000, 3
MAX_USD, USD_PLACES = 10_000, 9
ABSENT = -1  # a count that was not sent
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)

# Bounds are told twice, to pydantic and to msgspec; patterns only to pydantic (see `quick.py`).
type TenantId = Annotated[str, StringConstraints(pattern=TENANT_ID), Meta(min_length=1)]
type Slug = Annotated[str, StringConstraints(pattern=SLUG), Meta(min_length=1)]
type Text128 = Annotated[
    str, StringConstraints(max_length=128, pattern=NO_CONTROLS), Meta(min_length=1, max_length=128)
]
type Text256 = Annotated[
    str, StringConstraints(max_length=256, pattern=NO_CONTROLS), Meta(min_length=1, max_length=256)
]
type Tokens = Annotated[int, Field(ge=0, le=MAX_TOKENS), Meta(ge=0, le=MAX_TOKENS)]


def _rfc3339(text: object) -> object:
    """Reads a time as the quick way does; refuses seconds since 1970, which pydantic would take too."""
    if not isinstance(text, str) or text[4:5] != "-":
        raise ValueError("must be RFC 3339 with offset, like 2026-11-01T09:30:00Z")
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return text  # of which pydantic says what is wrong


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
            le=MAX_QUANTITY,
            decimal_places=QUANTITY_PLACES,
            description="Units of the primitive (minutes, images, …); ai.chat is counted in tokens.",
        ),
    ] = None
    cost_usd: Annotated[
        Decimal | None,
        Field(
            ge=0,
            le=MAX_USD,
            decimal_places=USD_PLACES,
            description="Instead of the price list; exact as text.",
        ),
    ] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        lacking = (name for name in ("input_tokens", "output_tokens") if name not in self.model_fields_set)
        check(self, next(lacking, None))
        return self


class User(Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """What `EventUser` describes."""

    id: Text128
    name: Text256 | None = None
    email: Text256 | None = None


class Event(Struct, gc=False, forbid_unknown_fields=True, omit_defaults=True):
    """A good event: what `UsageEvent` describes, quick to read. Many are worked with as `event_columns`."""

    id: Text128
    source: Text256
    tenant_id: TenantId
    time: Annotated[datetime, Meta(tz=True)]
    feature: Slug
    primitive: Primitive
    user: User | None = None
    product: Product | None = None
    provider: Slug | None = None
    model: Text128 | None = None
    input_tokens: Tokens = ABSENT
    output_tokens: Tokens = ABSENT
    cache_read_input_tokens: Tokens = 0
    cache_creation_input_tokens: Tokens = 0
    reasoning_output_tokens: Tokens = 0
    quantity: int | Decimal | None = None
    cost_usd: Decimal | None = None


def check(event: UsageEvent, lacking: str | None) -> None:
    """Holds the fields to each other; `lacking` is the first of the two counts that was not sent.

    The quick way asks the same of many at once: see `quick.has_counts` and `quick.are_parts`.

    Raises ValueError, whose message begins with the field at fault.
    """
    if event.product is None and event.feature not in FEATURES:
        raise ValueError(f"product: needed, as {event.feature!r} is not in the catalogue")
    if event.primitive != "ai.chat":
        _check_units(event, lacking)
    elif lacking:
        raise ValueError(f"{lacking}: ai.chat needs it")
    elif event.quantity is not None:
        raise ValueError("quantity: ai.chat is counted in tokens")
    if event.cache_read_input_tokens + event.cache_creation_input_tokens > event.input_tokens:
        raise ValueError("cache_read_input_tokens: cached tokens are part of input_tokens")
    if event.reasoning_output_tokens > event.output_tokens:
        raise ValueError("reasoning_output_tokens: these are part of output_tokens")


def _check_units(event: UsageEvent, lacking: str | None) -> None:
    if event.quantity is None:
        raise ValueError(f"quantity: {event.primitive} needs it")
    if event.output_tokens:
        raise ValueError(f"output_tokens: {event.primitive} has none")
    if event.primitive == "ai.embed":
        if lacking == "input_tokens":
            raise ValueError("input_tokens: ai.embed needs it")
    elif event.input_tokens:
        raise ValueError(f"input_tokens: {event.primitive} has none")


def milliseconds(moment: datetime) -> int:
    """Whole milliseconds since 1970, as times are stored."""
    return (moment - EPOCH) // MILLISECOND
