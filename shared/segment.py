"""The segment: an immutable batch of one tenant-day's events, priced and stored in columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import Any

from shared.columns import (
    BY_EVENT,
    BY_PRICES,
    KEYS,
    MEASURES,
    decode_dimension,
    encode,
    encode_dimension,
    transpose,
)
from shared.event import UsageEvent, milliseconds

DAY_SECONDS = 86_400
TTL = 40 * DAY_SECONDS  # longer than the accepted lateness, so that a late event finds its day whole
NEVER = -1


@dataclass(frozen=True, slots=True)
class Priced:
    """An event with its cost in nano-dollars; None where no price is known."""

    event: UsageEvent
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
    keys = transpose((_keys(one.event) for one in events), len(KEYS))
    numbers = transpose((_numbers(one) for one in events), len(MEASURES))
    return {
        "id": segment_id(day, batch_id),
        "tenantId": tenant_id,
        "kind": "segment",
        "day": str(day),
        "duplicates": duplicates,
        "rejected": rejected,
        "cube": encode(
            len(events),
            dict(zip(KEYS, keys, strict=True)),
            dict(zip(MEASURES, numbers, strict=True)),
        ),
        "event_ids": [one.event.id for one in events],
        "sources": encode_dimension([one.event.source for one in events]),
        "people": _people(one.event for one in events),
        "ttl": ttl,
    }


def names_of(segment: Mapping[str, Any]) -> set[tuple[str | None, str]]:
    """What names the events of a stored segment: source and id of each."""
    ids = segment["event_ids"]
    return set(zip(decode_dimension(segment["sources"], len(ids)), ids, strict=True))


def _keys(event: UsageEvent) -> tuple[str | None, ...]:
    return (
        event.user.id if event.user else None,
        event.feature,
        event.known_product,
        event.provider,
        event.model,
        event.primitive,
        BY_PRICES if event.cost_usd is None else BY_EVENT,
    )


def quantity_of(event: UsageEvent) -> int:
    """Thousandths of the primitive's unit; the unit of ai.chat is the token."""
    if event.quantity is None:
        return (event.input_tokens + event.output_tokens) * 1000
    return int(event.quantity.scaleb(3))


def _numbers(one: Priced) -> tuple[int, ...]:
    event = one.event
    return (
        1,
        event.input_tokens,
        event.output_tokens,
        event.cache_read_input_tokens,
        event.cache_creation_input_tokens,
        event.reasoning_output_tokens,
        quantity_of(event),
        one.cost or 0,
        int(one.cost is None),
        milliseconds(event.time),
    )


def _people(events: Iterable[UsageEvent]) -> dict[str, dict[str, Any]]:
    """The newest name and email of each user of the batch that came with one."""
    people: dict[str, dict[str, Any]] = {}
    for event in events:
        user, seen = event.user, milliseconds(event.time)
        if user and (user.name or user.email):
            person = {"name": user.name, "email": user.email, "seen": seen}
            older, newer = sorted((people.get(user.id, person), person), key=itemgetter("seen"))
            people[user.id] = {key: newer[key] or older[key] for key in person}
    return people
