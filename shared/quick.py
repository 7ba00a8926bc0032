"""The quick way into a message: all of its events at once, where every one of them is plainly good.

Whatever is not plainly good is left to `message.py`, which alone says what is wrong with it. An event
that is taken here would be taken there too, with the same values.
"""

import re
from collections.abc import Iterable
from datetime import UTC
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.json import Decoder

from shared.event import (
    MAX_QUANTITY,
    MAX_USD,
    QUANTITY_PLACES,
    SLUG,
    TENANT_ID,
    USD_PLACES,
    Event,
    Text128,
    check,
)


class Envelope(Struct, forbid_unknown_fields=True):
    """Many events in one message."""

    events: Annotated[list[Event], Meta(min_length=1)]
    batch_id: Text128 | None = None


DECODER = Decoder(Envelope)
IS_TENANT, IS_SLUG = re.compile(TENANT_ID).fullmatch, re.compile(SLUG).fullmatch
DELETE = b"\x7f"
CONTROL = re.compile(rb"\x7f|\\(?:[bfnrt]|u00(?:[01]|7[Ff]))")  # JSON has the others as escapes only


def read_good(text: bytes) -> list[Event] | None:
    """The events of an envelope; None where one of them, or the envelope, is not plainly good."""
    if (b"\\" in text or DELETE in text) and CONTROL.search(text):
        return None
    try:
        events = DECODER.decode(text).events
        complete(events)
        good = is_well_spelt(events) and is_in_bounds(events)
    except (ValueError, ArithmeticError, TypeError):  # a signalling NaN has no hash
        return None
    return events if good else None


def complete(events: Iterable[Event]) -> None:
    """Fills in what was not sent, times in UTC. Raises ValueError where fields are at odds."""
    for event in events:
        lacking = None
        if event.output_tokens < 0:
            lacking, event.output_tokens = "output_tokens", 0
        if event.input_tokens < 0:
            lacking, event.input_tokens = "input_tokens", 0
        check(event, lacking)
        event.time = event.time.astimezone(UTC)


def is_well_spelt(events: Iterable[Event]) -> bool:
    """Whether all names fit their patterns: they are few, however many the events."""
    tenants = {event.tenant_id for event in events}
    slugs = {event.feature for event in events} | {event.provider for event in events if event.provider}
    return all(map(IS_TENANT, tenants)) and all(map(IS_SLUG, slugs))


def is_in_bounds(events: Iterable[Event]) -> bool:
    """Whether all decimals have the size and the places of their field."""
    quantities = {event.quantity for event in events if event.quantity is not None}
    costs = {event.cost_usd for event in events if event.cost_usd is not None}
    return all(_is_exact(one, QUANTITY_PLACES) and 0 < one <= MAX_QUANTITY for one in quantities) and all(
        _is_exact(one, USD_PLACES) and 0 <= one <= MAX_USD for one in costs
    )


def _is_exact(number: Decimal, places: int) -> bool:
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -places
