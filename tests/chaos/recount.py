"""What a plan adds up to, counted in plain Python: no code of the service takes part."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shared.catalogue import FEATURES
from tests.chaos.plan import Event, Plan

PRICES = (
    {"primitive": "ai.chat", "model": "priced", "input_usd": "0.25", "output_usd": "1.25"},
    {"primitive": "ai.embed", "model": "priced", "input_usd": "0.02"},
    {"primitive": "phone.sms", "unit_usd": "0.0075"},
)  # in nano-dollars: 250 and 1250 a token, 20 a token, 7500 a thousandth

TOKENS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "reasoning_output_tokens")


class Numbers(NamedTuple):
    """The figures of some events."""

    requests: int
    tokens: tuple[int, ...]
    cost: Decimal | None
    unpriced: int


@dataclass(slots=True)
class Recount:
    """What the service has to have made of a plan.

    `rejects` has the field at fault by batch and index; `again` are events of batches that came again
    byte for byte: those count nowhere.
    """

    sent: int = 0
    again: int = 0
    accepted: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    duplicates: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    rejects: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def claims(self) -> set[tuple[str, str]]:
        """The keys of all claims: one for each accepted event."""
        return {claim(one) for some in self.accepted.values() for one in some}


def recount(plan: Plan) -> Recount:
    """Counts a plan, message by message."""
    found, batches, names = Recount(), set[str](), set[tuple[str, str, str]]()
    for message in plan.messages:
        found.sent += message.events
        if message.id in batches:
            found.again += message.events
            continue
        batches.add(message.id)
        for one in message.good:
            name = (one["tenant_id"], one["source"], one["id"])
            if name in names:
                found.duplicates[name[0]] += 1
            else:
                names.add(name)
                found.accepted[name[0]].append(one)
        for bad in message.bad:
            place = "message" if bad.index is None else str(bad.index)
            found.rejects[message.id, place] = bad.field
            if bad.tenant_id:
                found.rejected[bad.tenant_id] += 1
    return found


def claim(one: Event) -> tuple[str, str]:
    """Partition and row of an event's claim."""
    day = datetime.fromisoformat(one["time"]).astimezone(UTC).date()
    name = f"{one['source']}\0{one['id']}".encode()
    return f"{one['tenant_id']}|{day}", hashlib.sha256(name).hexdigest()[:32]


def numbers(some: Iterable[Event]) -> Numbers:
    """The figures of some events."""
    some = list(some)
    costs = [cost(one) for one in some]
    priced = [one for one in costs if one is not None]
    tokens = tuple(sum(one.get(name, 0) for one in some) for name in TOKENS)
    total = sum(priced, Decimal()) if priced or not some else None
    return Numbers(len(some), tokens, total, len(some) - len(priced))


def cost(one: Event) -> Decimal | None:
    """USD of one event; None where there is no price."""
    if "cost_usd" in one:
        return Decimal(one["cost_usd"])
    if one["primitive"] == "phone.sms":
        nano = Decimal(one["quantity"]) * 7_500_000
        return nano.scaleb(-9)
    if one["model"] != "priced":
        return None
    if one["primitive"] == "ai.embed":
        return Decimal(one["input_tokens"] * 20).scaleb(-9)
    return Decimal(one["input_tokens"] * 250 + one["output_tokens"] * 1250).scaleb(-9)


def day_of(one: Event, zone: ZoneInfo) -> str:
    """The tenant's calendar day of an event."""
    return str(datetime.fromisoformat(one["time"]).astimezone(zone).date())


type Key = tuple[str | None, ...]

KEYS: dict[str, tuple[tuple[str, ...], Callable[[Event, ZoneInfo], Key]]] = {
    "by-feature": (("feature",), lambda one, _: (one["feature"],)),
    "by-user": (("user_id",), lambda one, _: (one.get("user", {}).get("id"),)),
    "by-product": (("product",), lambda one, _: (FEATURES[one["feature"]],)),
    "by-model": (("model", "provider"), lambda one, _: (one["model"], one.get("provider"))),
    "by-provider": (("provider",), lambda one, _: (one.get("provider"),)),
    "primitives": (("primitive",), lambda one, _: (one["primitive"],)),
    "daily": (("day",), lambda one, zone: (day_of(one, zone),)),
}
"""Of each view: the columns that name a row, and how an event has them."""


def rows(view: str, some: Iterable[Event], zone: ZoneInfo) -> dict[Key, Numbers]:
    """The rows of a view."""
    groups: dict[Key, list[Event]] = defaultdict(list)
    for one in some:
        groups[KEYS[view][1](one, zone)].append(one)
    return {key: numbers(group) for key, group in groups.items()}
