"""The segment: an immutable batch of one tenant-day's events, priced and stored in columns."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from shared.columns import (
    BY_EVENT,
    BY_PRICES,
    COST_SOURCE,
    LAST_USED,
    USER,
    Value,
    decode_dimension,
    encode,
    encode_dimension,
)
from shared.event import EPOCH, MILLISECOND, Event

DAY_SECONDS = 86_400
TTL = 40 * DAY_SECONDS  # longer than the accepted lateness, so that a late event finds its day whole
NEVER = -1


class Priced(Struct, gc=False):
    """An event with its cost in nano-dollars; None where no price is known."""

    event: Event
    cost: int | None


def segment_id(day: date, batch_id: str) -> str:
    """Derived from the message, so that a second write of the same batch is refused as existing."""
    return f"seg|{day}|{batch_id}"


def make_segment(
    tenant_id: str,
    day: date,
    batch_id: str,
    events: Sequence[Priced],
    *,
    duplicates: int = 0,
    rejected: int = 0,
    ttl: int = TTL,
) -> dict[str, Any]:
    """The document of a batch; it also counts the events that the batch did not add."""
    plain = [one.event for one in events]
    measures = _measures(plain, [one.cost for one in events])
    return {
        "id": segment_id(day, batch_id),
        "tenantId": tenant_id,
        "kind": "segment",
        "day": str(day),
        "duplicates": duplicates,
        "rejected": rejected,
        "cube": encode(len(events), _dimensions(plain), measures),
        "event_ids": [event.id for event in plain],
        "sources": encode_dimension([event.source for event in plain]),
        "people": _people(plain, measures[LAST_USED]),
        "ttl": ttl,
    }


def names_of(segment: Mapping[str, Any]) -> set[tuple[str | None, str]]:
    """What names the events of a stored segment: source and id of each."""
    ids = segment["event_ids"]
    return set(zip(decode_dimension(segment["sources"], len(ids)), ids, strict=True))


def _dimensions(events: Sequence[Event]) -> dict[str, list[Value]]:
    """A column for each of `columns.KEYS`."""
    return {
        USER: [event.user.id if event.user else None for event in events],
        "feature": [event.feature for event in events],
        "product": [event.known_product for event in events],
        "provider": [event.provider for event in events],
        "model": [event.model for event in events],
        "primitive": [event.primitive for event in events],
        COST_SOURCE: [BY_PRICES if event.cost_usd is None else BY_EVENT for event in events],
    }


def quantity_of(event: Event) -> int:
    """Thousandths of the primitive's unit; the unit of ai.chat is the token."""
    if event.quantity is None:
        return (event.input_tokens + event.output_tokens) * 1000
    return int(event.quantity.scaleb(3))


def _measures(events: Sequence[Event], costs: Sequence[int | None]) -> dict[str, list[int]]:
    """A column for each of `columns.MEASURES`."""
    return {
        "requests": [1] * len(events),
        "input_tokens": [event.input_tokens for event in events],
        "output_tokens": [event.output_tokens for event in events],
        "cache_read_input_tokens": [event.cache_read_input_tokens for event in events],
        "cache_creation_input_tokens": [event.cache_creation_input_tokens for event in events],
        "reasoning_output_tokens": [event.reasoning_output_tokens for event in events],
        "quantity": [quantity_of(event) for event in events],
        "cost": [cost or 0 for cost in costs],
        "unpriced": [int(cost is None) for cost in costs],
        LAST_USED: [(event.time - EPOCH) // MILLISECOND for event in events],
    }


def _people(events: Sequence[Event], times: Sequence[int]) -> dict[str, dict[str, Any]]:
    """The newest name and email of each user of the batch that came with one."""
    people: dict[str, dict[str, Any]] = {}
    for event, seen in zip(events, times, strict=True):
        user = event.user
        if user and (user.name or user.email):
            known = people.get(user.id)
            if known is None:
                people[user.id] = {"name": user.name, "email": user.email, "seen": seen}
            elif seen < known["seen"]:
                known["name"], known["email"] = known["name"] or user.name, known["email"] or user.email
            else:
                known["name"], known["email"] = user.name or known["name"], user.email or known["email"]
                known["seen"] = seen
    return people
