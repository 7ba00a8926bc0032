"""Tenants and their tiers: what a customer may use, and when its days begin."""

from decimal import Decimal
from functools import cache, lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.event import TenantId, Text128

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

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the tenant's days begin."""
        return zone(self.time_zone)


@cache
def known_zones() -> set[str]:
    """The zones of the IANA database, without the names that mean what a machine is set to."""
    return available_timezones() - {"localtime", "Factory"}


@lru_cache
def zone(name: str) -> ZoneInfo:
    """The IANA time zone of that name."""
    return ZoneInfo(name)
