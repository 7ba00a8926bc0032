"""The quick way into a message: all of its events at once, where every one of them is plainly good.

Whatever is not plainly good is left to `message.py`, which alone says what is wrong with it. An event
that is taken here would be taken there too, with the same values.
"""

import re
from collections.abc import Iterable
from decimal import Decimal
from operator import add, gt
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.json import Decoder

from shared.catalogue import FEATURES
from shared.event import (
    ABSENT,
    MAX_QUANTITY,
    MAX_USD,
    QUANTITY_PLACES,
    SLUG,
    TENANT_ID,
    USD_PLACES,
    Event,
    Text128,
)
from shared.event_columns import EventColumns, Kinds, Sent, arranged, transposed


class Envelope(Struct, forbid_unknown_fields=True):
    """Many events in one message."""

    events: Annotated[list[Event], Meta(min_length=1)]
    batch_id: Text128 | None = None


DECODER = Decoder(Envelope)
IS_TENANT, IS_SLUG = re.compile(TENANT_ID).fullmatch, re.compile(SLUG).fullmatch
DELETE = b"\x7f"
CONTROL = re.compile(rb"\x7f|\\(?:[bfnrt]|u00(?:[01]|7[Ff]))")  # JSON has the others as escapes only


def read_good(text: bytes) -> EventColumns | None:
    """The events of an envelope; None where one of them, or the envelope, is not plainly good."""
    if (b"\\" in text or DELETE in text) and CONTROL.search(text):
        return None
    try:
        sent = transposed(DECODER.decode(text).events)
        events = arranged(sent) if has_counts(sent) and is_in_bounds(sent) else None
    except (ValueError, ArithmeticError, TypeError):  # a signalling NaN has no hash
        return None
    return events if events and is_well_spelt(events.kinds) and are_parts(events) else None


def has_counts(sent: Sent) -> bool:
    """Whether all have the counts that their primitive needs, and no other."""
    for primitive, read, written, quantity in zip(
        sent.primitive, sent.input_tokens, sent.output_tokens, sent.quantity, strict=True
    ):
        if primitive == "ai.chat":
            good = read != ABSENT and written != ABSENT and quantity is None
        else:
            good = written <= 0 and quantity is not None
            good &= read != ABSENT if primitive == "ai.embed" else read <= 0
        if not good:
            return False
    return True


def is_in_bounds(sent: Sent) -> bool:
    """Whether all decimals have the size and the places of their field."""
    quantities, costs = {*sent.quantity}, {*sent.cost_usd}
    return all(
        one is None or (0 < one <= MAX_QUANTITY and _is_exact(one, QUANTITY_PLACES)) for one in quantities
    ) and all(one is None or (0 <= one <= MAX_USD and _is_exact(one, USD_PLACES)) for one in costs)


def is_well_spelt(kinds: Kinds) -> bool:
    """Whether all names fit their patterns and all products are known."""
    slugs = {*kinds.features, *filter(None, kinds.providers)}
    products = zip(kinds.named_products, kinds.features, strict=True)
    return (
        all(map(IS_TENANT, {*kinds.tenant_ids}))
        and all(map(IS_SLUG, slugs))
        and all(product or feature in FEATURES for product, feature in products)
    )


def are_parts(events: EventColumns) -> bool:
    """Whether the cached tokens are part of the input, and the reasoning ones of the output."""
    cached: Iterable[int] = events.cache_read_input_tokens
    if any(events.cache_creation_input_tokens):
        cached = map(add, cached, events.cache_creation_input_tokens)
    return not (
        any(map(gt, cached, events.input_tokens))
        or any(map(gt, events.reasoning_output_tokens, events.output_tokens))
    )


def _is_exact(number: int | Decimal, places: int) -> bool:
    if isinstance(number, int):
        return True
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -places
