"""Events priced and sorted into tenant-days, many at a time."""

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from shared.days import day_of, start_of
from shared.errors import FieldError
from shared.event import EPOCH, milliseconds
from shared.event_columns import NONE, EventColumns, Name, date_of
from shared.pricing import PriceBook
from shared.rates import CostOutOfRange, Rates
from shared.tenants import Tenant

ONE_DAY = timedelta(days=1)

type Refused = dict[int, FieldError]
"""What is wrong with the events of these rows."""


@dataclass(frozen=True, slots=True)
class Window:
    """The times that are taken, to the millisecond, and what is said of those before."""

    first: datetime
    last: datetime
    too_old: str


@dataclass(slots=True)
class Group:
    """What there is for one tenant-day: events to store, and how many were refused."""

    tenant: Tenant
    day: date
    events: EventColumns = NONE
    rejected: int = 0


type Groups = dict[tuple[str, date], Group]
"""Groups by tenant and day."""


def priced(
    events: EventColumns, tenants: Mapping[str, Tenant], prices: PriceBook, window: Window
) -> tuple[EventColumns, Refused]:
    """The events with what they cost, and which of them cannot be counted, in order."""
    refused = _refused(events, tenants, window)
    good = [kind for row, kind in enumerate(events.kind) if row not in refused] if refused else events.kind
    rates = _rates(events, prices, {*good})
    try:
        costs = _costs(events, rates)
    except CostOutOfRange:
        costs = _costs_one_by_one(events, rates, refused)
    return replace(events, costs=costs), dict(sorted(refused.items()))


def _refused(events: EventColumns, tenants: Mapping[str, Tenant], window: Window) -> Refused:
    """The events of no tenant, and those outside of the window."""
    refused: Refused = {}
    if unknown := {*events.kinds.tenant_ids} - tenants.keys():
        names = enumerate(events.of_kind(events.kinds.tenant_ids))
        refused = {row: FieldError("tenant_id", "is no tenant") for row, name in names if name in unknown}
    first, last = milliseconds(window.first), milliseconds(window.last)
    if events.earliest < first or events.latest > last:
        for row, time in enumerate(events.times):
            if not first <= time <= last:
                reason = window.too_old if time < first else "lies in the future"
                refused.setdefault(row, FieldError("time", reason))
    return refused


def _rates(events: EventColumns, prices: PriceBook, wanted: Container[int]) -> list[Rates | None]:
    """What applies to each kind; None where nothing does, and where its events came with their cost."""
    kinds = events.kinds
    dates = {day: date_of(day) for day in set(kinds.days)}
    rows = zip(
        kinds.tenant_ids, kinds.primitives, kinds.providers, kinds.models, kinds.days, kinds.with_cost,
        strict=True,
    )  # fmt: skip
    return [
        None
        if with_cost or kind not in wanted
        else prices.rates(tenant_id, primitive, provider, model, dates[day])
        for kind, (tenant_id, primitive, provider, model, day, with_cost) in enumerate(rows)
    ]


def _costs(events: EventColumns, rates: Sequence[Rates | None]) -> list[int | None]:
    """Nano-dollars: at these rates of their kinds, else the event's own; None where no price is known.

    Raises CostOutOfRange.
    """
    return [
        cost(read, written, cached, created, quantity) if cost else own
        for cost, own, read, written, cached, created, quantity in _costed(events, rates)
    ]


def _costs_one_by_one(
    events: EventColumns, rates: Sequence[Rates | None], refused: Refused
) -> list[int | None]:
    """The same, where some cost too much: these are refused."""
    costs: list[int | None] = []
    for row, (cost, own, *counts) in enumerate(_costed(events, rates)):
        try:
            costs.append(cost(*counts) if cost else own)
        except CostOutOfRange as error:
            costs.append(None)
            refused.setdefault(row, FieldError("cost_usd", str(error).removeprefix("cost_usd: ")))
    return costs


def _costed(events: EventColumns, rates: Sequence[Rates | None]) -> Iterator[tuple[Any, ...]]:
    """What the cost of each event follows from: `Rates.cost` if there is one, its own, and its counts."""
    return zip(
        events.of_kind([one and one.cost for one in rates]), events.costs,
        events.input_tokens, events.output_tokens,
        events.cache_read_input_tokens, events.cache_creation_input_tokens, events.quantities, strict=True,
    )  # fmt: skip


def grouped(events: EventColumns, tenants: Mapping[str, Tenant], refused: Refused) -> Groups:
    """The events that are not refused, by tenant-day."""
    groups: Groups = {}
    for tenant_id, rows in _by_tenant(events, refused).items():
        tenant = tenants[tenant_id]
        for day, some in _by_day(events, rows, tenant).items():
            groups[tenant_id, day] = Group(tenant, day, events.take(some))
    return groups


def _by_tenant(events: EventColumns, refused: Refused) -> Mapping[str, Sequence[int]]:
    tenant_ids = events.kinds.tenant_ids
    if not refused and len({*tenant_ids}) == 1:
        return {tenant_ids[0]: range(len(events))}
    found = defaultdict[str, list[int]](list)
    for row, tenant_id in enumerate(events.of_kind(tenant_ids)):
        if row not in refused:
            found[tenant_id].append(row)
    return found


def _by_day(events: EventColumns, rows: Sequence[int], tenant: Tenant) -> Mapping[date, Sequence[int]]:
    """The rows of a tenant by its days. An event that is there twice stays on the first one's day."""
    day, start, end = _day_at(events.times[rows[0]], tenant.zone)
    if start <= events.earliest and events.latest < end:
        return {day: rows}
    days, places = defaultdict[date, list[int]](list), dict[Name, list[int]]()
    place = days[day]
    twice = len({*map(events.ids.__getitem__, rows)}) < len(rows)
    for row in rows:
        time = events.times[row]
        if not start <= time < end:
            day, start, end = _day_at(time, tenant.zone)
            place = days[day]
        (places.setdefault(events.name(row), place) if twice else place).append(row)
    return {day: some for day, some in days.items() if some}


def _day_at(time: int, zone: ZoneInfo) -> tuple[date, int, int]:
    """The tenant's day on which the time falls, and when it begins and ends."""
    day = day_of(EPOCH + timedelta(milliseconds=time), zone)
    return day, *_bounds(day, zone)


@lru_cache(1_024)
def _bounds(day: date, zone: ZoneInfo) -> tuple[int, int]:
    return milliseconds(start_of(day, zone)), milliseconds(start_of(day + ONE_DAY, zone))
