"""The segment: an immutable batch of one tenant-day's events, priced and stored in columns."""

import sys
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from shared.columns import (
    BY_EVENT,
    BY_PRICES,
    COST_SOURCE,
    LAST_USED,
    USER,
    Value,
    decode_dimension,
    encode_dimension,
)
from shared.event_columns import EventColumns

DAY_SECONDS = 86_400
TTL = 40 * DAY_SECONDS  # longer than the accepted lateness, so that a late event finds its day whole
NEVER = -1
NOBODY = (-sys.maxsize, None, None)


def segment_id(day: date, batch_id: str) -> str:
    """Derived from the message, so that a second write of the same batch is refused as existing."""
    return f"seg|{day}|{batch_id}"


def make_segment(
    tenant_id: str,
    day: date,
    batch_id: str,
    events: EventColumns,
    *,
    duplicates: int = 0,
    rejected: int = 0,
    ttl: int = TTL,
) -> dict[str, Any]:
    """The document of a batch; it also counts the events that the batch did not add."""
    dimensions, sources = _dimensions(events)
    return {
        "id": segment_id(day, batch_id),
        "tenantId": tenant_id,
        "kind": "segment",
        "day": str(day),
        "duplicates": duplicates,
        "rejected": rejected,
        "cube": {"rows": len(events), "dimensions": dimensions, "measures": _measures(events)},
        "event_ids": events.ids,
        "sources": sources,
        "people": _people(events),
        "ttl": ttl,
    }


def names_of(segment: Mapping[str, Any]) -> set[tuple[str | None, str]]:
    """What names the events of a stored segment: source and id of each."""
    ids = segment["event_ids"]
    return set(zip(decode_dimension(segment["sources"], len(ids)), ids, strict=True))


def _dimensions(events: EventColumns) -> tuple[dict[str, Any], dict[str, Any]]:
    """The form of `columns.encode_dimension` for each of `columns.KEYS`, and for the sources."""
    kinds, users = events.kinds, [user.id if user else None for user in events.users]
    used = [*dict.fromkeys(events.kind)]  # the kinds of a batch are those of other tenants too
    codes = [0] * len(kinds.days)

    def of_kind(column: Sequence[Value]) -> dict[str, Any]:
        index: dict[Value, int] = {}
        for kind in used:
            codes[kind] = index.setdefault(column[kind], len(index))
        return {"values": [*index], "codes": [*map(codes.__getitem__, events.kind)] if len(index) > 1 else 0}

    return {
        USER: encode_dimension(users),
        "feature": of_kind(kinds.features),
        "product": of_kind(kinds.products),
        "provider": of_kind(kinds.providers),
        "model": of_kind(kinds.models),
        "primitive": of_kind(kinds.primitives),
        COST_SOURCE: of_kind([BY_EVENT if own else BY_PRICES for own in kinds.with_cost]),
    }, of_kind(kinds.sources)


def _measures(events: EventColumns) -> dict[str, Any]:
    """The form of `columns.encode_measure` for each of `columns.MEASURES`."""
    costs, unpriced = events.costs, list[int]()
    if None in costs:
        costs, unpriced = [cost or 0 for cost in costs], [int(cost is None) for cost in costs]
    measures = {
        "requests": [1] * len(events),
        "input_tokens": events.input_tokens,
        "output_tokens": events.output_tokens,
        "cache_read_input_tokens": events.cache_read_input_tokens,
        "cache_creation_input_tokens": events.cache_creation_input_tokens,
        "reasoning_output_tokens": events.reasoning_output_tokens,
        "quantity": events.quantities,
        "cost": costs,
        "unpriced": unpriced,
        LAST_USED: events.times,
    }
    return {name: _measure(column) for name, column in measures.items() if any(column)}


def _measure(numbers: Sequence[int | None]) -> Any:  # noqa: ANN401 - a JSON value
    """One integer an event; a single one when all are alike. None of an event's passes 2**53."""
    first = numbers[0]
    return first if first == numbers[-1] and numbers.count(first) == len(numbers) else [*numbers]


def _people(events: EventColumns) -> dict[str, dict[str, Any]]:
    """The newest name and email of each user of the batch that came with one."""
    people: dict[str, tuple[int, str | None, str | None]] = {}
    for user, seen in zip(events.users, events.times, strict=True):
        if user and (user.name or user.email):
            last, name, email = people.get(user.id, NOBODY)
            if seen >= last:
                people[user.id] = seen, user.name or name, user.email or email
            else:
                people[user.id] = last, name or user.name, email or user.email
    return {key: {"name": name, "email": email, "seen": seen} for key, (seen, name, email) in people.items()}
