"""Tenants and their tiers: what a customer may use, and when its days begin."""

import re
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    field_validator,
)

from shared.errors import Conflict
from shared.event import EPOCH, TenantId, Text128

# One address, and nothing that could end a header or name a second recipient.
EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)*[A-Za-z0-9-]{1,63}$"


def _address(text: str) -> str:
    if not re.fullmatch(EMAIL, text):
        raise ValueError("must be an email address")
    return text


type Email = Annotated[
    str,
    AfterValidator(_address),
    Field(max_length=254, json_schema_extra={"pattern": EMAIL}),
]
type Limit = Annotated[int, Field(ge=1, le=10**15)]


class Tier(BaseModel):
    """The tenant's limits; an absent one is no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[Text128, Field(examples=["business"])] = "default"
    daily_tokens: Annotated[Limit | None, Field(description="Token quota of a day.")] = None
    monthly_tokens: Annotated[Limit | None, Field(description="Token quota of a billing month.")] = None
    monthly_budget_usd: Annotated[
        Decimal | None,
        Field(gt=0, le=10**9, decimal_places=2, description="Budget of a billing month."),
    ] = None


class TenantSettings(BaseModel):
    """What an operator says about a tenant."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[Text128, Field(examples=["Contoso Ltd"])]
    time_zone: Annotated[
        Annotated[str, Field(max_length=64)],
        Field(description="IANA name; fixed once the tenant has been created."),
    ] = "UTC"
    billing_day: Annotated[
        int, Field(ge=1, le=31, description="Day of the month on which billing periods start.")
    ] = 1
    tier: Tier = Tier()
    contacts: Annotated[
        list[Email],
        Field(
            max_length=10,
            description="Who is told by mail of the default alert, and of what cannot be delivered.",
        ),
    ] = []

    @field_validator("time_zone")
    @classmethod
    def check_time_zone(cls, name: str) -> str:
        """Refuses names that the IANA database lacks."""
        if name not in known_zones():
            raise ValueError("must be an IANA time zone like Europe/Berlin")
        return name


class Tenant(TenantSettings):
    """A customer of the platform."""

    id: TenantId
    created_at: Annotated[
        AwareDatetime, Strict(False), Field(description="No alert looks at periods that had ended by then.")
    ] = EPOCH

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the tenant's days begin."""
        return zone(self.time_zone)


def settled(before: Tenant | None, tenant_id: str, settings: TenantSettings, now: datetime) -> Tenant:
    """The tenant as an operator wants it. Raises Conflict where that contradicts what it was `before`."""
    if before and before.time_zone != settings.time_zone:
        raise Conflict(
            f"The time zone of a tenant is fixed: {before.time_zone}. Its days have been counted in it."
        )
    created_at = before.created_at if before else now
    return Tenant(id=tenant_id, created_at=created_at, **settings.model_dump())


@cache
def known_zones() -> set[str]:
    """The zones of the IANA database, without the names that mean what a machine is set to."""
    return available_timezones() - {"localtime", "Factory"}


@lru_cache
def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name."""
    return ZoneInfo(name)
