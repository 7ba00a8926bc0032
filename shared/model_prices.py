"""Public list prices of models, dated, from the package `genai-prices` and its bundled data.

The package is imported at the first lookup, as that takes 0.4 s; nothing is fetched.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from shared.catalogue import Primitive
from shared.rates import Rates

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, TieredPrices

# OpenTelemetry names that the package does not match, or matches wrongly: "azure.ai.openai"
# contains "openai". None is the maker of the model, whose price Azure charges for its models.
PROVIDERS: dict[str, tuple[str | None, ...]] = {
    "azure.ai.openai": ("azure", None),
    "azure.ai.inference": ("azure", None),
    "gcp.gen_ai": ("google",),
    "x_ai": ("x-ai",),
}
BASE = -1  # before the first tier: tiers start at 0 or more


@lru_cache(maxsize=4096)
def model_rates(primitive: Primitive, provider: str, model: str, day: date) -> Rates | None:
    """The rates of ai.chat or ai.embed with a model on a UTC day; None where no price is known.

    A few models (DeepSeek's own) cost more at some hours; a day has the price of its noon, UTC.
    """
    for candidate in PROVIDERS.get(provider, (provider,)):
        prices = _find(candidate, model, day)
        if prices is not None:
            return _rates(prices) if _is_complete(prices, primitive) else None
    return None


def _find(provider: str | None, model: str, day: date) -> "ModelPrice | None":
    from genai_prices import Usage, calc_price

    noon = datetime.combine(day, time(12), UTC)
    try:
        found = calc_price(Usage(), model, provider_id=provider, genai_request_timestamp=noon)
    except LookupError:
        return None
    return found.model_price


def _is_complete(prices: "ModelPrice", primitive: Primitive) -> bool:
    """Whether all that is counted has a price: some models charge by the hour or page instead.

    A model that the package lists without any price is unpriced too, whatever the package says.
    """
    embeds = primitive == "ai.embed"
    return prices.input_mtok is not None and (embeds or prices.output_mtok is not None)


def _rates(prices: "ModelPrice") -> Rates:
    """Rates by context length, each with those of the next longer one."""
    starts = sorted({start for price in vars(prices).values() for start in _starts(price)})
    bounds = [BASE, *starts]
    rates = _tier(prices, bounds[-1])
    for start, limit in reversed(list(pairwise(bounds))):
        rates = _tier(prices, start, limit, rates)
    return rates


def _tier(prices: "ModelPrice", start: int, limit: int = 0, longer: Rates | None = None) -> Rates:
    free = Decimal()
    requests = _price_at(prices.requests_kcount, start)
    return Rates.of_tokens(
        input_usd=_price_at(prices.input_mtok, start) or free,
        output_usd=_price_at(prices.output_mtok, start) or free,
        cache_read_usd=_price_at(prices.cache_read_mtok, start),
        cache_creation_usd=_price_at(prices.cache_write_mtok, start),
        request_usd=(requests or free) / 1000,
        limit=limit,
        longer=longer,
    )


def _price_at(price: "Decimal | TieredPrices | None", start: int) -> Decimal | None:
    """The price of the tier that begins at or last before `start`."""
    if price is None or isinstance(price, Decimal):
        return price
    return next((tier.price for tier in reversed(price.tiers) if tier.start <= start), price.base)


def _starts(price: "Decimal | TieredPrices | None") -> Iterator[int]:
    if price is not None and not isinstance(price, Decimal):
        yield from (tier.start for tier in price.tiers)
