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
    encode_measure,
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
    return {
        "id": segment_id(day, batch_id),
        "tenantId": tenant_id,
        "kind": "segment",
        "day": str(day),
        "duplicates": duplicates,
        "rejected": rejected,
        "cube": {"rows": len(events), "dimensions": _dimensions(events), "measures": _measures(events)},
        "event_ids": events.ids,
        "sources": _dimension(events.kinds.sources, events.kind),
        "people": _people(events),
        "ttl": ttl,
    }


def names_of(segment: Mapping[str, Any]) -> set[tuple[str | None, str]]:
    """What names the events of a stored segment: source and id of each."""
    ids = segment["event_ids"]
    return set(zip(decode_dimension(segment["sources"], len(ids)), ids, strict=True))


def _dimensions(events: EventColumns) -> dict[str, Any]:
    """The form of `columns.encode_dimension` for each of `columns.KEYS`."""
    kinds, kind = events.kinds, events.kind
    return {
        USER: encode_dimension([user.id if user else None for user in events.users]),
        "feature": _dimension(kinds.features, kind),
        "product": _dimension(kinds.products, kind),
        "provider": _dimension(kinds.providers, kind),
        "model": _dimension(kinds.models, kind),
        "primitive": _dimension(kinds.primitives, kind),
        COST_SOURCE: _dimension([BY_EVENT if own else BY_PRICES for own in kinds.with_cost], kind),
    }


def _dimension(values: Sequence[Value], kind: Sequence[int]) -> dict[str, Any]:
    """Of events, of whose kinds these are the values: the kinds are in the order of the events."""
    stored = encode_dimension(values)
    if codes := stored["codes"]:
        stored["codes"] = [*map(codes.__getitem__, kind)]
    return stored


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
    return {name: encode_measure(column) for name, column in measures.items() if any(column)}


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
