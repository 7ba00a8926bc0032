"""What one event costs: exact rates, and whole nano-dollars (1e-9 USD) of them."""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import inf, lcm
from typing import Self

MAX_COST = 10_000 * 10**9
"""The highest cost of one event, in nano-dollars: sums over days of events stay within int64."""


class CostOutOfRange(ValueError):
    """An event's computed cost is above MAX_COST."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Prices as integers over one common divisor, so that no digit of any price is lost.

    A price in nano-dollars is `field / divisor`: of a token, of a thousandth of a unit, of a
    request. Where a request with many input tokens costs more, `longer` holds the rates of all
    tokens of a request with more than `limit` input tokens.
    """

    divisor: int
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_creation: int = 0
    unit: int = 0
    request: int = 0
    limit: int = 0
    longer: "Rates | None" = None

    @classmethod
    def of_tokens(
        cls,
        *,
        input_usd: Decimal,
        output_usd: Decimal,
        cache_read_usd: Decimal | None = None,
        cache_creation_usd: Decimal | None = None,
        request_usd: Decimal = Decimal(),
        limit: int = 0,
        longer: "Rates | None" = None,
    ) -> Self:
        """Rates from USD per million tokens and USD per request; cached tokens default to input."""
        read = input_usd if cache_read_usd is None else cache_read_usd
        creation = input_usd if cache_creation_usd is None else cache_creation_usd
        nano = [Fraction(usd) * 1000 for usd in (input_usd, output_usd, read, creation)]
        nano.append(Fraction(request_usd) * 10**9)
        divisor = lcm(*(price.denominator for price in nano))
        input_, output, read_, creation_, request = (int(price * divisor) for price in nano)
        return cls(divisor, input_, output, read_, creation_, request=request, limit=limit, longer=longer)

    @classmethod
    def of_units(cls, unit_usd: Decimal) -> Self:
        """Rates from USD per unit of the primitive."""
        unit = Fraction(unit_usd) * 10**6
        return cls(unit.denominator, unit=unit.numerator)

    def cost(
        self,
        input_tokens: int = 0,
        output_tokens: int = 0,
        cache_read_input_tokens: int = 0,
        cache_creation_input_tokens: int = 0,
        quantity: int = 0,
        requests: int = 1,
        most: float = MAX_COST,
    ) -> int:
        """The cost of one event in nano-dollars, rounded once, half to even.

        Counts are those of a valid UsageEvent: cached tokens are part of the input tokens and are
        charged at their own rate instead. `quantity` is in thousandths of the primitive's unit.
        Raises CostOutOfRange above `most`. (`requests` and `most` are others for `cost_of_sums` only.)
        """
        if self.longer is not None and input_tokens > self.limit:
            return self.longer.cost(
                input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens
            )
        cost = input_tokens * self.input + output_tokens * self.output + quantity * self.unit
        cost += requests * self.request
        if cache_read_input_tokens or cache_creation_input_tokens:
            cost += cache_read_input_tokens * (self.cache_read - self.input)
            cost += cache_creation_input_tokens * (self.cache_creation - self.input)
        if self.divisor != 1:
            cost = _rounded(cost, self.divisor)
        if cost > most:
            raise CostOutOfRange(f"cost_usd: {cost} nano-dollars is above {most}")
        return cost

    @property
    def is_linear(self) -> bool:
        """Whether `cost_of_sums` is the sum of the costs: no longer context costs more, none is rounded."""
        return self.longer is None and self.divisor == 1

    def cost_of_sums(
        self,
        requests: int,
        input_tokens: int,
        output_tokens: int,
        cache_read_input_tokens: int,
        cache_creation_input_tokens: int,
        quantity: int,
    ) -> int:
        """The cost of events that are known by their sums only, all at the base tier, rounded once."""
        counts = (
            input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens, quantity,
        )  # fmt: skip
        return replace(self, longer=None).cost(*counts, requests=requests, most=inf)


def _rounded(exact: int, divisor: int) -> int:
    """The quotient, half to even."""
    cost = exact // divisor
    twice = 2 * (exact - cost * divisor)
    return cost + (twice > divisor or (twice == divisor and cost & 1))
