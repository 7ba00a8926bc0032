"""Columns of rows as JSON: dictionary-encoded dimensions and integer measures.

Segments are stored this way. A column whose rows are all alike shrinks to one value, and a measure that is
all zero is left out. Cosmos numbers are doubles: none that an event has passes 2**53, but sums do (see
`packing`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

SUMS = (
    "requests",
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "reasoning_output_tokens",
    "quantity",  # thousandths of the primitive's unit
    "cost",  # nano-dollars of the priced requests
    "unpriced",  # requests without a known price
)
LAST_USED = "last_used"  # milliseconds since 1970; the newest one wins when rows are merged
MEASURES = (*SUMS, LAST_USED)
DIMENSIONS = ("feature", "product", "provider", "model", "primitive")
USER, DAY = "user", "day"  # further dimensions: of the documents with users, and of months
COST_SOURCE = "cost_source"  # `BY_EVENT` where the event came with its cost, else `BY_PRICES`
BY_EVENT, BY_PRICES = "event", "prices"
KEYS = (USER, *DIMENSIONS, COST_SOURCE)
"""What tells the rows of segments and of the users of a day from each other."""

type Value = str | None


def encode_dimension(values: Sequence[Value]) -> dict[str, Any]:
    """The distinct values in order of appearance, and each row's index among them."""
    if _are_alike(values):
        return {"values": [values[0]], "codes": 0}
    named, codes = distinct(values)
    return {"values": named, "codes": codes}


def distinct[T](values: Iterable[T]) -> tuple[list[T], list[int]]:
    """The distinct values in order of appearance, and the number of each value among them."""
    numbers: dict[T, int] = defaultdict(count().__next__)
    codes = list(map(numbers.__getitem__, values))
    return [*numbers], codes


def encode_measure(numbers: Sequence[int | None]) -> Any:  # noqa: ANN401 - a JSON value
    """One integer a row; a single one when all rows are alike."""
    return numbers[0] if _are_alike(numbers) else [*numbers]


def _are_alike(column: Sequence[object]) -> bool:
    return bool(column) and column[0] == column[-1] and column.count(column[0]) == len(column)


def decode_measure(stored: list[int] | int | None, rows: int) -> list[int]:
    """The integers of a stored measure; zeros where it was left out."""
    return stored if isinstance(stored, list) else [stored or 0] * rows


def decode_codes(stored: Sequence[int] | int, rows: int) -> Sequence[int]:
    """The row indexes of a stored dimension."""
    return [stored] * rows if isinstance(stored, int) else stored


def decode_dimension(stored: Mapping[str, Any], rows: int) -> list[Value]:
    """The value of each row of a stored dimension."""
    values = stored["values"]
    return [values[code] for code in decode_codes(stored["codes"], rows)]
