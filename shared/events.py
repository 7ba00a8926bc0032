"""The single events behind a number, as long as their segments live.

Days are read from the newest on, and the segments of a day from the one stored last. No event lies
further ahead of its segment's `_ts` than `AHEAD`: reading ends as soon as the page is full and all
segments that are left can hold older events only. How many events there are is known from the rollups,
by which whole days before the page are skipped. What is kept in memory is the page, what stands before
it on its day, and one answer of the store.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from shared import directory
from shared.answers import EventRow, EventsAnswer
from shared.catalogue import UNITS
from shared.columns import DAY, LAST_USED, USER, Value, decode_dimension, decode_measure
from shared.days import day_of
from shared.directory import People
from shared.errors import InvalidInput
from shared.export import MAX_ROWS, Sheet, check_rows
from shared.money import units, usd
from shared.ports import Document, Stores, Usage
from shared.query import EventPageQuery, EventsQuery
from shared.reading import Reading, read
from shared.rollup import find_rollup
from shared.segment import TTL
from shared.table import Question, compared, frame
from shared.views import NOBODY, moment

AHEAD = 600  # seconds: accepted are five minutes, and clocks differ
NAMED = (USER, "feature", "product", "provider", "model", "primitive")
MEASURED = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "reasoning_output_tokens",
    "quantity",
    "cost",
    "unpriced",
)


class Event(NamedTuple):
    """An event as its segment keeps it, the user as shown: time, name, then `NAMED` and `MEASURED`."""

    milliseconds: int
    source: str
    id: str
    user: Value
    feature: str
    product: str
    provider: Value
    model: Value
    primitive: str
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int
    reasoning_output_tokens: int
    quantity: int
    cost: int
    unpriced: int


async def list_events(stores: Stores, question: Question, query: EventPageQuery) -> EventsAnswer:
    """One page of the events, the newest first. Totals are those of all that were counted."""
    reading, search = await _search(stores, question, query)
    events = await search.page(_counts(reading), query.offset, query.limit)
    totals = compared(reading.cube.totals(), None)
    people = search.people()
    return {
        "data": [_row(event, people) for event in events],
        "pagination": {"limit": query.limit, "offset": query.offset, "total": totals["requests"]},
        **frame(question, reading, totals),
        "complete_from": str(complete_from(question)),
    }


async def events_sheet(stores: Stores, question: Question, query: EventsQuery) -> Sheet:
    """All events, the newest first.

    Raises InvalidInput where they are more than a file may have, or some are there no more.
    """
    reading, search = await _search(stores, question, query)
    counts = _counts(reading)
    check_rows(sum(counts.values()))
    events = await search.page(counts, 0, MAX_ROWS)
    if len(events) < sum(counts.values()):
        first = complete_from(question)
        raise InvalidInput.of("from", f"some of these events are kept no longer; from {first} on all are")
    people = search.people()
    return Sheet(tuple(EventRow.__annotations__), (list(_row(one, people).values()) for one in events))


def complete_from(question: Question) -> date:
    """The first day of which no segment can have expired."""
    expired = question.now - timedelta(seconds=TTL - AHEAD)
    return day_of(expired, question.tenant.zone) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Search:
    """Looks for events with the wanted values in the segments of a tenant.

    `shards` are its directory, `shown` tells what stands for a user, `named` are the segments with hits.
    """

    usage: Usage
    tenant_id: str
    wanted: Mapping[str, Collection[Value]]
    shards: Sequence[Document]
    shown: Callable[[Value], Value]
    named: list[Document] = field(default_factory=list)

    async def page(self, counts: Mapping[date, int], offset: int, limit: int) -> list[Event]:
        """The newest events after `offset` of them, `limit` at most; `counts` has how many each day has.

        Those that are there no more keep their place, so that no other event is on two pages.
        """
        found: list[Event] = []
        for day in sorted(counts, reverse=True):
            if counts[day] <= offset:
                offset -= counts[day]
            elif limit > 0:
                events = (await self._newest(day, offset + limit))[offset:]
                found += events
                limit -= max(len(events), min(counts[day] - offset, limit))
                offset = 0
        return found

    def people(self) -> People:
        """Who the users of the events are."""
        return directory.people(self.shards, directory.of_segments(self.named))

    async def _newest(self, day: date, most: int) -> list[Event]:
        tariff = (await find_rollup(self.usage, self.tenant_id, day)).tariff
        found: list[Event] = []
        async for segments in self.usage.newest_segments(self.tenant_id, day):
            since = found[-1].milliseconds if len(found) == most else 0
            for segment in segments:
                found += self._matching(tariff.applied(segment) if tariff else segment, since)
            found = sorted(found, key=_newest_first)[:most]
            latest = (segments[-1]["_ts"] + AHEAD) * 1_000
            if len(found) == most and found[-1].milliseconds > latest:
                break
        return found

    def _matching(self, segment: Document, since: int) -> list[Event]:
        """The wanted events of a segment since then."""
        cube, rows = segment["cube"], segment["cube"]["rows"]
        times = decode_measure(cube["measures"].get(LAST_USED), rows)
        keys = {name: decode_dimension(cube["dimensions"][name], rows) for name in NAMED}
        keys[USER] = list(map(self.shown, keys[USER]))
        picked = [
            row
            for row in range(rows)
            if times[row] >= since and all(keys[name][row] in values for name, values in self.wanted.items())
        ]
        if not picked:
            return []
        self.named.append({"people": segment["people"]})
        sources = decode_dimension(segment["sources"], rows)
        numbers = [decode_measure(cube["measures"].get(name), rows) for name in MEASURED]
        columns: list[Sequence[object]] = [times, sources, segment["event_ids"], *keys.values(), *numbers]
        return [Event._make(column[row] for column in columns) for row in picked]


async def _search(stores: Stores, question: Question, query: EventsQuery) -> tuple[Reading, Search]:
    tenant_id, filters = question.tenant.id, query.filters()
    reading = await read(stores, tenant_id, question.period, (DAY, *filters))
    shards = await stores.usage.directory(tenant_id)
    search = Search(stores.usage, tenant_id, filters, shards, directory.pseudonyms(shards))
    return reading.filter(filters), search


def _counts(reading: Reading) -> dict[date, int]:
    """How many events were counted on each day that has any."""
    daily = reading.cube.group_by(DAY)
    requests: list[int] = daily.measures["requests"].tolist()
    days = daily.dimensions[DAY].column()
    return {date.fromisoformat(str(day)): count for day, count in zip(days, requests, strict=True)}


def _newest_first(event: Event) -> tuple[int, str, str]:
    return -event.milliseconds, event.source, event.id


def _row(event: Event, people: People) -> EventRow:
    person = people.get(event.user or "", NOBODY)
    return {
        "time": moment(event.milliseconds),
        "id": event.id,
        "source": event.source,
        "user_id": event.user,
        "name": person.name,
        "email": person.email,
        "feature": event.feature,
        "product": event.product,
        "provider": event.provider,
        "model": event.model,
        "primitive": event.primitive,
        "unit": UNITS[event.primitive],
        "quantity": units(event.quantity),
        "input_tokens": event.input_tokens,
        "output_tokens": event.output_tokens,
        "cache_read_input_tokens": event.cache_read_input_tokens,
        "cache_creation_input_tokens": event.cache_creation_input_tokens,
        "reasoning_output_tokens": event.reasoning_output_tokens,
        "cost_usd": None if event.unpriced else usd(event.cost),
    }
