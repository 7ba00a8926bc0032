"""The order of a view's rows: by one column, equal ones by key, empty ones last.

Every row is numbered, but only those of the page, and their equals, are told apart by key.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.columns import LAST_USED
from shared.cube import Integers
from shared.figures import NAMES, amounts, keys, without_cost
from shared.views import Groups, View

EMPTY = np.iinfo(np.int64).max
MEASURE = {
    "cost_usd": "cost",
    "unpriced_requests": "unpriced",
    "quantity": "quantity",
    "last_active": LAST_USED,
}
"""Columns that show a measure in other words."""


def numbered(view: View, groups: Groups, sort: str) -> Integers:
    """A number for each row, by which they stand in order: the smallest first, EMPTY last."""
    name, sign = sort.removeprefix("-"), -1 if sort.startswith("-") else 1
    if name not in NAMES and name not in MEASURE:
        return _of_values(view.columns[name](groups), sign)
    numbers = sign * amounts(groups.grouped, MEASURE.get(name, name))
    return np.where(without_cost(groups.grouped), EMPTY, numbers) if name == "cost_usd" else numbers


def page(view: View, groups: Groups, numbers: Integers, offset: int, limit: int) -> NDArray[np.intp]:
    """The rows that stand at these places in the order of their numbers."""
    last = min(offset + limit, len(numbers)) - 1
    if last < offset:
        return np.zeros(0, dtype=np.intp)
    low, high = np.partition(numbers, (offset, last))[[offset, last]]
    near = np.flatnonzero((numbers >= low) & (numbers <= high))
    names = [[part or "" for part in key] for key in keys(groups.grouped.measured().take(near), view.keys)]
    by_name = near[sorted(range(len(near)), key=names.__getitem__)]
    in_order = by_name[np.argsort(numbers[by_name], kind="stable")]
    start = offset - np.count_nonzero(numbers < low)
    return in_order[start : start + limit]


def _of_values(values: Sequence[Any], sign: int) -> Integers:
    """Numbers of texts, in any case, or of other values that can be compared."""
    alike = [value.casefold() if isinstance(value, str) else value for value in values]
    ranks = {value: rank for rank, value in enumerate(sorted(set(alike) - {None}))}
    return np.array([EMPTY if value is None else sign * ranks[value] for value in alike], dtype=np.int64)
