"""The price book: what applies to a tenant's use of a primitive, provider and model on a day."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.catalogue import Primitive
from shared.event import Slug, TenantId, Text128
from shared.model_prices import model_rates
from shared.rates import Rates

CACHED_RATES = 16_384

CACHE_PRICES = ("cache_read_usd", "cache_creation_usd")
TOKEN_PRICES = ("input_usd", "output_usd", *CACHE_PRICES)
# The prices that a primitive needs, and those that it may have.
TAKEN: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ai.chat": (("input_usd", "output_usd"), CACHE_PRICES),
    "ai.embed": (("input_usd",), CACHE_PRICES),
}
UNIT_PRICE: tuple[tuple[str, ...], tuple[str, ...]] = (("unit_usd",), ())

type Usd = Annotated[Decimal, Field(ge=0, le=10_000, decimal_places=9)]
type Catalogue = Callable[[Primitive, str, str, date], Rates | None]


class Price(BaseModel):
    """One price of our own, a list price or a tenant's contract price.

    ai.chat and ai.embed are priced in USD per million tokens, all else in USD per unit. Provider
    and model match whole names (upper and lower case are the same); absent, they match any.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    tenant_id: Annotated[TenantId | None, Field(description="Absent: for every tenant.")] = None
    primitive: Primitive
    provider: Annotated[Slug | None, Field(description="Absent: any provider.")] = None
    model: Annotated[Text128 | None, Field(description="Absent: any model.")] = None
    valid_from: Annotated[date, Field(description="The first UTC day.")]
    valid_until: Annotated[date | None, Field(description="The first UTC day no more.")] = None
    unit_usd: Annotated[Usd | None, Field(description="USD per unit.")] = None
    input_usd: Annotated[Usd | None, Field(description="USD per million tokens.")] = None
    output_usd: Annotated[Usd | None, Field(description="USD per million tokens.")] = None
    cache_read_usd: Annotated[Usd | None, Field(description="Absent: as input.")] = None
    cache_creation_usd: Annotated[Usd | None, Field(description="Absent: as input.")] = None

    @model_validator(mode="after")
    def check(self) -> Self:
        """Holds the fields to each other; the message begins with the field at fault."""
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValueError("valid_until: must be after valid_from")
        needed, optional = TAKEN.get(self.primitive, UNIT_PRICE)
        for name in (*TOKEN_PRICES, "unit_usd"):
            given = getattr(self, name) is not None
            if name in needed and not given:
                raise ValueError(f"{name}: {self.primitive} needs it")
            if given and name not in needed + optional:
                raise ValueError(f"{name}: {self.primitive} has none")
        return self

    def applies(self, provider: str | None, model: str | None, day: date) -> bool:
        """Whether this is a price of that provider and model on that UTC day."""
        return (
            self.provider in (None, provider)
            and (self.model is None or (model or "").lower() == self.model.lower())
            and self.valid_from <= day
            and (self.valid_until is None or day < self.valid_until)
        )

    def rates(self) -> Rates:
        """The price, ready to multiply."""
        if self.unit_usd is not None:
            return Rates.of_units(self.unit_usd)
        return Rates.of_tokens(
            input_usd=self.input_usd or Decimal(),
            output_usd=self.output_usd or Decimal(),
            cache_read_usd=self.cache_read_usd,
            cache_creation_usd=self.cache_creation_usd,
        )


class PriceBook:
    """Our own prices over a catalogue's list prices of models; the most specific one applies.

    A tenant's own price goes before one for all, one of a model before one of a provider before
    one of any; among those alike the newest valid one, and of these the last given.
    """

    def __init__(self, prices: Iterable[Price] = (), catalogue: Catalogue = model_rates) -> None:
        self._catalogue = catalogue
        self._prices: defaultdict[tuple[str | None, Primitive], list[Price]] = defaultdict(list)
        for price in sorted(prices, key=_precedence):
            self._prices[price.tenant_id, price.primitive].insert(0, price)
        self.rates = lru_cache(CACHED_RATES)(self._resolve)

    def _resolve(
        self, tenant: str, primitive: Primitive, provider: str | None, model: str | None, day: date
    ) -> Rates | None:
        """The rates that apply on a UTC day; None where no price is known (never zero)."""
        for owner in (tenant, None):
            for price in self._prices.get((owner, primitive), ()):
                if price.applies(provider, model, day):
                    return price.rates()
        if primitive in TAKEN and provider is not None and model is not None:
            return self._catalogue(primitive, provider, model, day)
        return None


def _precedence(price: Price) -> tuple[bool, bool, date]:
    return price.model is not None, price.provider is not None, price.valid_from
