"""Exact decimal numbers of stored integers. Amounts leave the service as decimals, never as floats."""

from decimal import Decimal

import orjson
from pydantic import BaseModel


def usd(nano: int) -> Decimal:
    """US dollars of nano-dollars."""
    return shortest(nano, 9)


def units(thousandths: int) -> Decimal:
    """Units of a primitive of thousandths."""
    return shortest(thousandths, 3)


def nano(amount: Decimal) -> int:
    """Nano-dollars of US dollars."""
    return int(amount.scaleb(9))


def ratio(part: int, whole: int) -> Decimal | None:
    """Part by whole, to one place; None of nothing."""
    return round(Decimal(part) / whole, 1).normalize() if whole else None


def digits(amount: Decimal) -> str:
    """The digits of a decimal, never an exponent: the same in JSON and CSV."""
    return f"{amount:f}"


def shortest(number: int, places: int) -> Decimal:
    """The number with as few decimals as it needs, so that JSON and CSV show the same text."""
    whole, rest = divmod(number, 10**places)
    if not rest:
        return Decimal(whole)
    return Decimal(f"{number}e-{places}").normalize()


def to_json(body: object) -> bytes:
    """JSON in which decimals stand as exact numbers, digit for digit."""
    return orjson.dumps(body, default=_exact)


def _exact(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(digits(value))
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"no JSON for {type(value).__name__}")
