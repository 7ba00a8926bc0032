"""The figures of the views: what is shown of a cube. All of them are group_by and the same columns."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from shared.columns import LAST_USED, USER, Value
from shared.cube import Cube
from shared.directory import People
from shared.event import EPOCH
from shared.money import usd
from shared.table import Table

SHOWN: Mapping[str, Callable[[Any], Any]] = {
    "cost_usd": lambda nano: None if nano is None else usd(nano),
    "last_active": lambda moment: (EPOCH + timedelta(milliseconds=moment)).isoformat(timespec="milliseconds"),
}


def figures(measures: Mapping[str, int]) -> dict[str, Any]:
    """What every view says of its totals. Cost is null where no request has a known price."""
    columns = figure_columns({name: [value] for name, value in measures.items()})
    return Table(columns, SHOWN).rows([0])[0]


def figure_columns(measures: Mapping[str, list[int]]) -> dict[str, list[Any]]:
    """The figures of many rows at once; costs stay integers until they are shown."""
    tokens = [sum(pair) for pair in zip(measures["input_tokens"], measures["output_tokens"], strict=True)]
    return {
        "requests": measures["requests"],
        "tokens": tokens,
        "input_tokens": measures["input_tokens"],
        "output_tokens": measures["output_tokens"],
        "cache_read_input_tokens": measures["cache_read_input_tokens"],
        "cache_creation_input_tokens": measures["cache_creation_input_tokens"],
        "reasoning_output_tokens": measures["reasoning_output_tokens"],
        "cost_usd": [
            None if unpriced and unpriced == requests else cost
            for cost, unpriced, requests in zip(
                measures["cost"], measures["unpriced"], measures["requests"], strict=True
            )
        ],
        "unpriced_requests": measures["unpriced"],
    }


def by_feature(cube: Cube) -> Table:
    """One row a feature."""
    groups, columns = _grouped(cube, "feature")
    providers = top(cube, "feature", "provider", "requests")
    averages = [
        _ratio(tokens, requests)
        for tokens, requests in zip(columns["tokens"], columns["requests"], strict=True)
    ]
    return Table(
        {
            "feature": groups,
            **columns,
            "average_tokens": averages,
            "provider": [providers.get(group) for group in groups],
        },
        SHOWN,
    )


def by_user(cube: Cube, people: People) -> Table:
    """One row a user; unattended work stands under no user."""
    groups, columns = _grouped(cube, USER)
    features = top(cube, USER, "feature", "tokens")
    found = [people.get(group or "") for group in groups]
    grouped = cube.group_by(USER)
    return Table(
        {
            "user_id": groups,
            "name": [person.name if person else None for person in found],
            "email": [person.email if person else None for person in found],
            **columns,
            "top_feature": [features.get(group) for group in groups],
            "last_active": grouped.measures[LAST_USED].tolist(),
        },
        SHOWN,
    )


def providers(cube: Cube, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The share of requests of each provider, of those that have one; the named ones always stand there."""
    grouped = cube.group_by("provider")
    counts: dict[Value, int] = dict.fromkeys(names, 0)
    requests = grouped.measures["requests"].tolist()
    counts |= dict(zip(grouped.dimensions["provider"].column(), requests, strict=True))
    counts.pop(None, None)
    whole = sum(counts.values())
    return [
        {
            "provider": provider,
            "name": names.get(provider or "", provider),
            "requests": count,
            "percent": percent(count, whole),
        }
        for provider, count in sorted(counts.items(), key=lambda one: (-one[1], str(one[0])))
    ]


def top(cube: Cube, of: str | tuple[()], name: str, measure: str) -> dict[Any, Value]:
    """The value of a dimension that has the most of a measure, for each value of another.

    With `()` in the other's place: over all rows, under the key `()`.
    """
    pairs = cube.group_by(*([of] if of else []), name)
    owners = pairs.dimensions[of].column() if of else [()] * pairs.rows
    others, amounts = pairs.dimensions[name].column(), _amounts(pairs, measure)
    ranked = sorted(zip(amounts, others, owners, strict=True), key=lambda one: (one[0], str(one[1])))
    return {owner: other for _, other, owner in ranked if other is not None}


def distinct_users(cube: Cube) -> int:
    """How many users made a request."""
    users = cube.dimensions[USER]
    return sum(users.values[code] is not None for code in np.unique(users.codes))


def percent(part: int, whole: int) -> Decimal | None:
    """Part of whole in per cent, to two places; None of nothing."""
    return round(Decimal(100 * part) / whole, 2).normalize() if whole else None


def _grouped(cube: Cube, name: str) -> tuple[list[Value], dict[str, list[Any]]]:
    grouped = cube.group_by(name)
    measures = {measure: column.tolist() for measure, column in grouped.measures.items()}
    return grouped.dimensions[name].column(), figure_columns(measures)


def _amounts(cube: Cube, measure: str) -> list[int]:
    if measure == "tokens":
        total = cube.measures["input_tokens"] + cube.measures["output_tokens"]
        return [int(amount) for amount in total.tolist()]
    return [int(amount) for amount in cube.measures[measure].tolist()]


def _ratio(tokens: int, requests: int) -> Decimal | None:
    return round(Decimal(tokens) / requests, 1).normalize() if requests else None
