"""Ingest: from a message to the store, exactly once, however often it is delivered.

Read top-down: a batch is sorted into tenant-days; what cannot be counted becomes a reject; then each
tenant-day is claimed, stored and marked, in this order. Killed anywhere, the message comes back, and
the same steps give the same result.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from shared.days import day_of
from shared.errors import FieldError, TooLarge, Undecodable
from shared.event_columns import EventColumns, date_of
from shared.message import BadEvent, Batch, batch_id_of, read_batch, sent_events
from shared.ports import Stores
from shared.pricing import PriceBook
from shared.rejects import Reject
from shared.segment import make_segment, names_of, segment_id
from shared.sorting import Group, Groups, Window, grouped, priced
from shared.tenants import Tenant

LATEST = timedelta(days=35)  # claims are kept at least this long
EARLIEST = timedelta(minutes=5)
TOO_OLD = f"is more than {LATEST.days} days ago; older usage goes through the import"

type Tally = Counter[tuple[str, str]]
"""Events by outcome (accepted, those of them that are unpriced, duplicate) and primitive."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a message's events; each is in exactly one of the three."""

    accepted: int
    duplicates: int
    rejects: list[Reject]
    batch_id: str = ""
    tenant_ids: Sequence[str] = ()
    tally: Tally = field(default_factory=Counter)


async def ingest_message(stores: Stores, body: bytes, received: datetime) -> Receipt:
    """Takes a queue message: whatever it holds is counted or kept as a reject, and nothing raises for it."""
    try:
        return await ingest(stores, body, received)
    except (Undecodable, TooLarge) as error:
        reject = await reject_message(stores, body, received, str(error))
        return Receipt(0, 0, [reject], reject.batch_id)


async def ingest(stores: Stores, body: bytes, received: datetime, tenant_id: str | None = None) -> Receipt:
    """Counts the events of a message; those of an API client all belong to its `tenant_id`.

    `received` is when the message first arrived, the same on each delivery.
    Raises Undecodable or TooLarge when the message holds no events to speak of.
    """
    batch = read_batch(body, tenant_id)
    groups, rejects = await sort(stores, batch, received)
    await stores.rejects.add(rejects)
    stored = await asyncio.gather(*(store(stores, batch.id, group) for group in groups))
    return receipt(batch, groups, stored, rejects)


def receipt(batch: Batch, groups: Iterable[Group], stored: Iterable[Tally], rejects: list[Reject]) -> Receipt:
    """What became of a batch, from what became of its tenant-days."""
    tally = sum(stored, Counter[tuple[str, str]]())
    count = Counter[str]()
    for (outcome, _), events in tally.items():
        count[outcome] += events
    tenant_ids = sorted({group.tenant.id for group in groups})
    return Receipt(count["accepted"], count["duplicate"], rejects, batch.id, tenant_ids, tally)


async def sort(
    stores: Stores, batch: Batch, received: datetime, arrived: datetime | None = None
) -> tuple[list[Group], list[Reject]]:
    """The batch by tenant-day, and what cannot be counted, with every reason.

    Times are held against `received`; what is rejected is so on the day on which it first `arrived`.
    """
    tenants = await _tenants(stores, batch)
    groups, bad = by_day(batch, tenants, await stores.prices.book(), received)
    arrived = arrived or received
    if bad:  # the sender may have got no answer, and the same bytes are the same rejects
        arrived = await stores.rejects.first_arrival(batch.rejects_id, arrived)
    for one in bad:  # counted on the day of arrival: a bad event may have no day of its own
        if tenant := tenants.get(one.tenant_id or ""):
            day = day_of(arrived, tenant.zone)
            groups.setdefault((tenant.id, day), Group(tenant, day)).rejected += 1
    rejects = [_reject(batch.rejects_id, arrived, one, counted=one.tenant_id in tenants) for one in bad]
    return [*groups.values()], rejects


def by_day(
    batch: Batch, tenants: Mapping[str, Tenant], prices: PriceBook, received: datetime
) -> tuple[Groups, list[BadEvent]]:
    """The good events, priced, by tenant-day; and all events that are bad."""
    window = Window(received - LATEST, received + EARLIEST, TOO_OLD)
    events, refused = priced(batch.events, tenants, prices, window)
    sent = sent_events(batch.text) if refused else []
    bad = list(batch.bad)
    for row, error in refused.items():
        place, tenant_id = batch.places[row], events.name(row)[0]
        bad.append(BadEvent(place, bytes(sent[place]), [error], tenant_id))
    return grouped(events, tenants, refused), bad


async def store(stores: Stores, batch_id: str, group: Group) -> Tally:
    """Claims, stores and marks one tenant-day; gives what became of its events."""
    own = await claim(stores, batch_id, group)
    duplicates = len(group.events) - len(own)
    segment = make_segment(
        group.tenant.id, group.day, batch_id, own, duplicates=duplicates, rejected=group.rejected
    )
    if not await stores.usage.add_segment(segment):
        await complete(stores, batch_id, group, own)
    await stores.marks.mark(group.tenant.id, group.day)
    return tally_of(group.events, own)


def tally_of(events: EventColumns, own: EventColumns) -> Tally:
    """What became of the events of which these are the batch's own."""
    accepted = Counter(own.of_kind(own.kinds.primitives))
    others = Counter(events.of_kind(events.kinds.primitives)) - accepted
    primitives = zip(own.of_kind(own.kinds.primitives), own.costs, strict=True)
    unpriced = Counter(primitive for primitive, cost in primitives if cost is None)
    outcomes = {"accepted": accepted, "duplicate": others, "unpriced": unpriced}
    return Counter({(name, key): n for name, counts in outcomes.items() for key, n in counts.items()})


async def complete(stores: Stores, batch_id: str, group: Group, own: EventColumns) -> None:
    """Stores what an earlier delivery of the batch left out: an event that was too new then, say."""
    tenant_id, part = group.tenant.id, batch_id
    for number in count(1):
        stored = await stores.usage.find(tenant_id, segment_id(group.day, part))
        known = names_of(stored) if stored is not None else set()
        own = own.take([row for row, name in enumerate(own.names()) if name not in known])
        part = f"{batch_id}.{number}"
        if not own or await stores.usage.add_segment(make_segment(tenant_id, group.day, part, own)):
            return


async def claim(stores: Stores, owner: str, group: Group) -> EventColumns:
    """The events that are this batch's own: the first of equals in it, and owned by no other batch."""
    events = group.events
    own: dict[tuple[int, str], int] = {}
    for row, (day, name) in enumerate(zip(events.of_kind(events.kinds.days), events.names(), strict=True)):
        own.setdefault((day, claim_key(*name)), row)
    for day in {day for day, _ in own}:
        keys = [key for on, key in own if on == day]
        for lost in await stores.claims.claim(group.tenant.id, date_of(day), keys, owner):
            del own[day, lost]
    return events.take([*own.values()])


def claim_key(source: str, name: str) -> str:
    """What names an event: its source and its id in it, hashed to a safe and short key."""
    return hashlib.sha256(f"{source}\0{name}".encode()).hexdigest()[:32]


async def reject_message(stores: Stores, body: bytes, received: datetime, reason: str) -> Reject:
    """Keeps a whole message as a reject."""
    arrived = await stores.rejects.first_arrival(batch_id_of(body), received)
    reject = message_reject(body, arrived, reason)
    await stores.rejects.add([reject])
    return reject


def message_reject(body: bytes, received: datetime, reason: str) -> Reject:
    """The reject of a whole message."""
    return Reject(batch_id_of(body), None, received, body, [FieldError("message", reason)])


async def _tenants(stores: Stores, batch: Batch) -> dict[str, Tenant]:
    named = {*batch.events.kinds.tenant_ids} | {one.tenant_id or "" for one in batch.bad}
    found = await asyncio.gather(*(stores.tenants.find(tenant_id) for tenant_id in named - {""}))
    return {tenant.id: tenant for tenant in found if tenant}


def _reject(batch_id: str, received: datetime, bad: BadEvent, *, counted: bool) -> Reject:
    return Reject(batch_id, bad.index, received, bad.payload, bad.errors, bad.tenant_id, counted=counted)


def bad_fields(rejects: Sequence[Reject]) -> list[FieldError]:
    """Every bad field of a batch, named by the event's index in it."""
    return [
        FieldError(f"events[{reject.index}].{error.field}", error.reason)
        for reject in rejects
        for error in reject.errors
    ]
