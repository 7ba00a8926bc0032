"""The figures of the views: sums of measures as a reader sees them. Additive, so that totals are sums too."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.answers import Figures
from shared.columns import USER, Value
from shared.cube import Cube, Integers
from shared.money import usd

NAMES = tuple(Figures.__annotations__)
TOKENS = ("input_tokens", "output_tokens")

type Key = tuple[Value, ...]


def figures(measures: Mapping[str, int]) -> Figures:
    """What every row and every total says. Cost is null where no request has a known price."""
    return {
        "requests": measures["requests"],
        "tokens": measures["input_tokens"] + measures["output_tokens"],
        "input_tokens": measures["input_tokens"],
        "output_tokens": measures["output_tokens"],
        "cache_read_input_tokens": measures["cache_read_input_tokens"],
        "cache_creation_input_tokens": measures["cache_creation_input_tokens"],
        "reasoning_output_tokens": measures["reasoning_output_tokens"],
        "cost_usd": cost(measures),
        "unpriced_requests": measures["unpriced"],
    }


def of_rows(cube: Cube) -> dict[str, Sequence[Any]]:
    """The figures of all rows, as columns."""
    measures = {name: column.tolist() for name, column in cube.measures.items()}
    return {
        "requests": measures["requests"],
        "tokens": tokens(cube),
        "input_tokens": measures["input_tokens"],
        "output_tokens": measures["output_tokens"],
        "cache_read_input_tokens": measures["cache_read_input_tokens"],
        "cache_creation_input_tokens": measures["cache_creation_input_tokens"],
        "reasoning_output_tokens": measures["reasoning_output_tokens"],
        "cost_usd": [
            None if unknown else usd(nano)
            for nano, unknown in zip(measures["cost"], without_cost(cube).tolist(), strict=True)
        ],
        "unpriced_requests": measures["unpriced"],
    }


def cost(measures: Mapping[str, int]) -> Decimal | None:
    """US dollars of the priced requests; None where there are requests and none is priced."""
    if measures["unpriced"] and measures["unpriced"] == measures["requests"]:
        return None
    return usd(measures["cost"])


def without_cost(cube: Cube) -> NDArray[np.bool_]:
    """Which rows have no cost, as `cost` says."""
    unpriced = cube.measures["unpriced"]
    unknown: NDArray[np.bool_] = (unpriced != 0) & (unpriced == cube.measures["requests"])
    return unknown


def amounts(cube: Cube, name: str) -> Integers:
    """A measure, or the tokens, of each row."""
    if name == "tokens":
        return cube.measures["input_tokens"] + cube.measures["output_tokens"]
    return cube.measures[name]


def tokens(cube: Cube) -> list[int]:
    """The tokens of each row."""
    total: list[int] = amounts(cube, "tokens").tolist()
    return total


def keys(cube: Cube, names: Sequence[str]) -> list[Key]:
    """The values of these dimensions in each row."""
    return list(zip(*(cube.dimensions[name].column() for name in names), strict=True))


def among(cube: Cube, names: Sequence[str], wanted: Collection[Key]) -> Cube:
    """The rows that have one of these keys."""
    near = cube.filter(dict(zip(names, zip(*wanted, strict=True), strict=False)))
    sought = frozenset(wanted)
    return near.take(np.flatnonzero([key in sought for key in keys(near, names)]))


def top(cube: Cube, of: Sequence[str], name: str, measure: str) -> dict[Key, Value]:
    """The value of a dimension that has the most of a measure, for each combination of others."""
    needed = TOKENS if measure == "tokens" else (measure,)
    pairs = cube.measured(*needed).group_by(*of, name)  # the rows of each owner stand together
    sums, other = amounts(pairs, measure), pairs.dimensions[name]
    named = np.array([value is not None for value in other.values], dtype=bool)
    rows = np.flatnonzero((sums > 0) & named[other.codes])
    starts = np.zeros(len(rows), dtype=bool)
    starts[:1] = True
    for one in of:
        starts[1:] |= np.diff(pairs.dimensions[one].codes[rows]) != 0
    by_name = sorted(range(len(other.values)), key=lambda code: str(other.values[code]))
    ranks = np.argsort(by_name)
    best_first = np.lexsort((ranks[other.codes[rows]], -sums[rows], np.cumsum(starts)))
    best = pairs.take(rows[best_first[starts]])
    owners = keys(best, of) if of else [()] * best.rows
    return dict(zip(owners, best.dimensions[name].column(), strict=True))


def distinct_users(cube: Cube) -> int:
    """How many users made a request."""
    users = cube.dimensions[USER].used()
    return len(users) - users.count(None)


def percent(part: int | Decimal, whole: int | Decimal) -> Decimal | None:
    """Part of whole in per cent, to two places; None of nothing."""
    return round(Decimal(100 * part) / Decimal(whole), 2).normalize() if whole else None


def change(now: int | Decimal | None, then: int | Decimal | None) -> Decimal | None:
    """By how many per cent it has grown; None where one of the two is unknown or there was nothing."""
    return None if now is None or not then else percent(now - then, then)
