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
from datetime import date, datetime, timedelta
from itertools import count

from shared.days import day_of, start_of
from shared.errors import FieldError, TooLarge, Undecodable
from shared.event import EPOCH, Event
from shared.message import BadEvent, Batch, batch_id_of, read_batch
from shared.money import nano
from shared.ports import Stores
from shared.pricing import PriceBook
from shared.rates import CostOutOfRange
from shared.rejects import Reject
from shared.segment import Priced, make_segment, names_of, quantity_of, segment_id
from shared.tenants import Tenant

LATEST = timedelta(days=35)  # claims are kept at least this long
EARLIEST = timedelta(minutes=5)
TOO_OLD = f"is more than {LATEST.days} days ago; older usage goes through the import"
ONE_DAY = timedelta(days=1)

type Name = tuple[str, date, str, str]
"""What tells the events of a batch apart: tenant, UTC date, source and id."""
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


@dataclass(slots=True)
class Group:
    """What a batch has for one tenant-day: events to store, and how many were refused."""

    tenant: Tenant
    day: date
    events: list[Priced] = field(default_factory=list)
    rejected: int = 0


class Calendar:
    """The groups of one tenant by its days. Its time zone is asked only where the day changes."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.groups: dict[date, Group] = {}
        self._start = self._end = EPOCH

    def group(self, moment: datetime) -> Group:
        """That of the day on which the moment falls."""
        if not self._start <= moment < self._end:
            self._turn_to(day_of(moment, self.tenant.zone))
        return self._group

    def _turn_to(self, day: date) -> None:
        self._start, self._end = start_of(day, self.tenant.zone), start_of(day + ONE_DAY, self.tenant.zone)
        self._group = self.groups.setdefault(day, Group(self.tenant, day))


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
    calendars, bad = by_day(batch, tenants, await stores.prices.book(), received)
    arrived = arrived or received
    if bad:  # the sender may have got no answer, and the same bytes are the same rejects
        arrived = await stores.rejects.first_arrival(batch.rejects_id, arrived)
    for one in bad:  # counted on the day of arrival: a bad event may have no day of its own
        if calendar := calendars.get(one.tenant_id or ""):
            calendar.group(arrived).rejected += 1
    groups = [group for calendar in calendars.values() for group in calendar.groups.values()]
    groups = [group for group in groups if group.events or group.rejected]
    rejects = [_reject(batch.rejects_id, arrived, one, counted=one.tenant_id in tenants) for one in bad]
    return groups, rejects


def by_day(
    batch: Batch, tenants: Mapping[str, Tenant], prices: PriceBook, received: datetime
) -> tuple[dict[str, Calendar], list[BadEvent]]:
    """The calendar of each tenant with its good events, priced; and all events that are bad."""
    calendars = {tenant.id: Calendar(tenant) for tenant in tenants.values()}
    refused: list[tuple[int, Event, FieldError]] = []
    groups: dict[Name, Group] = {}  # sent twice in the batch, an event stays on its first day
    first, last = received - LATEST, received + EARLIEST
    for index, event in batch.events:
        calendar = calendars.get(event.tenant_id)
        outcome = price(event, prices, first, last) if calendar else FieldError("tenant_id", "is no tenant")
        if isinstance(outcome, FieldError):
            refused.append((index, event, outcome))
        elif calendar:
            groups.setdefault(name_of(event), calendar.group(event.time)).events.append(outcome)
    sent = batch.sent() if refused else []
    bad = [BadEvent(index, bytes(sent[index]), [error], event.tenant_id) for index, event, error in refused]
    return calendars, batch.bad + bad


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


def tally_of(events: Iterable[Priced], own: Sequence[Priced]) -> Tally:
    """What became of the events of which these are the batch's own."""
    accepted = Counter(one.event.primitive for one in own)
    others = Counter(one.event.primitive for one in events) - accepted
    unpriced = Counter(one.event.primitive for one in own if one.cost is None)
    outcomes = {"accepted": accepted, "duplicate": others, "unpriced": unpriced}
    return Counter({(name, key): n for name, counts in outcomes.items() for key, n in counts.items()})


async def complete(stores: Stores, batch_id: str, group: Group, own: Sequence[Priced]) -> None:
    """Stores what an earlier delivery of the batch left out: an event that was too new then, say."""
    tenant_id, part = group.tenant.id, batch_id
    for number in count(1):
        stored = await stores.usage.find(tenant_id, segment_id(group.day, part))
        known = names_of(stored) if stored is not None else set()
        own = [one for one in own if (one.event.source, one.event.id) not in known]
        part = f"{batch_id}.{number}"
        if not own or await stores.usage.add_segment(make_segment(tenant_id, group.day, part, own)):
            return


async def claim(stores: Stores, owner: str, group: Group) -> list[Priced]:
    """The events that are this batch's own: the first of equals in it, and owned by no other batch."""
    own: dict[tuple[date, str], Priced] = {}
    for one in group.events:
        own.setdefault(claim_of(one.event), one)
    for day in {day for day, _ in own}:
        keys = [key for on, key in own if on == day]
        for lost in await stores.claims.claim(group.tenant.id, day, keys, owner):
            del own[day, lost]
    return list(own.values())


def claim_of(event: Event) -> tuple[date, str]:
    """The UTC date and the key under which an event is claimed."""
    return event.time.date(), claim_key(event)


def name_of(event: Event) -> Name:
    """An event is claimed once a UTC date, so that it is named by it too."""
    return event.tenant_id, event.time.date(), event.source, event.id


def claim_key(event: Event) -> str:
    """What names an event: its source and its id in it, hashed to a safe and short key."""
    return hashlib.sha256(f"{event.source}\0{event.id}".encode()).hexdigest()[:32]


def price(event: Event, prices: PriceBook, first: datetime, last: datetime) -> Priced | FieldError:
    """The event with its cost, unless its time lies outside of `first` to `last` or its cost is too high."""
    if not first <= event.time <= last:
        return FieldError("time", TOO_OLD if event.time < first else "lies in the future")
    try:
        return Priced(event, cost_of(event, prices))
    except CostOutOfRange as error:
        return FieldError("cost_usd", str(error).removeprefix("cost_usd: "))


def cost_of(event: Event, prices: PriceBook) -> int | None:
    """Nano-dollars: the event's own cost, else that of the price list; None where no price is known."""
    if event.cost_usd is not None:
        return nano(event.cost_usd)
    rates = prices.rates(event.tenant_id, event.primitive, event.provider, event.model, event.time.date())
    if rates is None:
        return None
    return rates.cost(
        event.input_tokens,
        event.output_tokens,
        event.cache_read_input_tokens,
        event.cache_creation_input_tokens,
        quantity_of(event) if rates.unit else 0,
    )


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
    named = {event.tenant_id for _, event in batch.events} | {one.tenant_id or "" for one in batch.bad}
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
