"""The import of history: what a tenant used before it came here, loaded in bulk and sealed at once.

The file is taken in blocks of rows, and a block's events become segments of their days. Imported
segments never expire: an event that one of them names is a duplicate, in a rerun as in a corrected file.
Claims are written only for days that the queue can still reach, by one owner for all imports; so what
an interrupted import has claimed and not stored is the next one's. A tenant has one import at a time.
"""

import asyncio
import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import batched
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import orjson

from shared.errors import FieldError, UsageError
from shared.event import Event
from shared.event_columns import EventColumns, date_of, in_columns
from shared.ingest import EARLIEST, LATEST, claim
from shared.message import BadEvent, read_event
from shared.ports import Document, Mark, Stores
from shared.pricing import PriceBook
from shared.seal import Sealed, seal_marked
from shared.segment import NEVER, make_segment, names_of
from shared.sorting import Group, Groups, Window, grouped, priced
from shared.tenants import Tenant

BLOCK = 2_000
AT_ONCE = 8
SEGMENT = 512 * 1024  # bytes of JSON as UTF-8; escaped, as the client sends it, it stays below 2 MB
OWNER = "import"
MAX_DIGITS = 18  # what a 64-bit integer holds
MORE_CELLS = "more cells than columns"
REASONS = {
    "tenant_id": FieldError("tenant_id", "is another tenant"),
    MORE_CELLS: FieldError("row", f"has {MORE_CELLS}"),
}
NUMBERS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "reasoning_output_tokens",
)
USER = "user_"

OLDEST = datetime(2015, 1, 1, tzinfo=UTC)

type Row = tuple[int, object]
"""A row's line in its file, and the event that it says."""


class BadFile(UsageError):
    """The file cannot be read to its end; the text names the line."""


@dataclass(slots=True)
class Report:
    """What became of the rows; each is in exactly one of the three."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[tuple[int, BadEvent]] = field(default_factory=list)


@dataclass(slots=True)
class Import:
    """One import: into which tenant, when, and which events it has seen so far."""

    stores: Stores
    tenant: Tenant
    prices: PriceBook
    now: datetime
    report: Report = field(default_factory=Report)
    seen: set[bytes] = field(default_factory=set)
    stored: dict[date, set[bytes]] = field(default_factory=dict)
    days: set[date] = field(default_factory=set)

    async def add(self, rows: Iterable[Row]) -> None:
        """Stores one block of rows."""
        events: dict[int, Event] = {}
        for line, raw in rows:
            event = self._read(line, raw)
            if event and self._is_new(event):
                events[line] = event
        stored = [self._store(group) for group in self._groups(events).values()]
        for some in batched(stored, AT_ONCE, strict=False):
            await asyncio.gather(*some)

    async def finish(self) -> Sealed:
        """Seals the days of the import that have ended, folds the others, and merges months."""
        self.report.rejected.sort(key=itemgetter(0))  # as the lines are in the file
        return await seal_marked(self.stores, self.now, self._is_own)

    def _is_own(self, mark: Mark) -> bool:
        return mark.tenant_id == self.tenant.id and (mark.month or mark.day in self.days)

    def _read(self, line: int, raw: object) -> Event | None:
        event = read_event(line, raw, self.tenant.id)
        if isinstance(event, Event):
            return event
        event.errors[:] = [REASONS.get(error.field, error) for error in event.errors]
        self.report.rejected.append((line, event))
        return None

    def _is_new(self, event: Event) -> bool:
        key = _key(event.source, event.id)
        if key in self.seen:
            self.report.duplicates += 1
            return False
        self.seen.add(key)
        return True

    def _groups(self, events: Mapping[int, Event]) -> Groups:
        """The events, by line, priced and sorted; those that cannot be counted are rejected."""
        tenants, lines = {self.tenant.id: self.tenant}, [*events]
        window = Window(OLDEST, self.now + EARLIEST, f"is before {OLDEST.year}")
        columns, refused = priced(in_columns([*events.values()]), tenants, self.prices, window)
        for row, error in refused.items():
            line = lines[row]
            payload = msgspec.json.encode(events[line])
            self.report.rejected.append((line, BadEvent(line, payload, [error], self.tenant.id)))
        return grouped(columns, tenants, refused)

    async def _store(self, group: Group) -> None:
        day, offered = group.day, len(group.events)
        known = await self._known(day)
        names = enumerate(group.events.names())
        group.events = group.events.take([row for row, name in names if _key(*name) not in known])
        reachable = (self.now - LATEST).date()
        if any(date_of(one) >= reachable for one in {*group.events.of_kind(group.events.kinds.days)}):
            group.events = await claim(self.stores, OWNER, group)
        for segment in _segments(group):
            await self.stores.usage.add_segment(segment)
        self.report.accepted += len(group.events)
        self.report.duplicates += offered - len(group.events)
        if group.events or day not in self.days:  # an interrupted import may have stored and not marked
            await self.stores.marks.mark(self.tenant.id, day)
        self.days.add(day)

    async def _known(self, day: date) -> set[bytes]:
        """The keys of the events that the day had when the import came to it."""
        if day not in self.stored:
            segments = await self.stores.usage.names(self.tenant.id, day)
            self.stored[day] = {_key(source, name) for one in segments for source, name in names_of(one)}
        return self.stored[day]


def _key(source: str | None, name: str) -> bytes:
    """What names an event, in few bytes: there is one of each row."""
    return hashlib.sha256(f"{source}\0{name}".encode()).digest()[:16]


def _segments(group: Group) -> Iterator[Document]:
    """The events in order, cut so that each segment fits a document."""
    if not group.events:
        return
    segment = make_segment(group.tenant.id, group.day, _id_of(group.events), group.events, ttl=NEVER)
    if len(orjson.dumps(segment)) <= SEGMENT or len(group.events) == 1:
        yield segment
        return
    rows, half = range(len(group.events)), len(group.events) // 2
    for some in (rows[:half], rows[half:]):
        yield from _segments(replace(group, events=group.events.take(some)))


def _id_of(events: EventColumns) -> str:
    """It follows from what the events are called: a segment that is written twice is refused as existing."""
    return hashlib.sha256(b"".join(_key(*name) for name in events.names())).hexdigest()[:32]


def blocks(rows: Iterable[Row]) -> Iterator[tuple[Row, ...]]:
    """The rows in blocks."""
    return batched(rows, BLOCK, strict=False)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a JSON Lines or (by the name's ending) CSV file. Raises BadFile and OSError."""
    return _read_csv(path) if path.suffix.lower() == ".csv" else _read_json_lines(path)


def _read_json_lines(path: Path) -> Iterator[Row]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield number, orjson.loads(line)
                except orjson.JSONDecodeError:
                    yield number, line.decode(errors="backslashreplace")


def _read_csv(path: Path) -> Iterator[Row]:
    """Columns are named as the event's fields, those of the user `user_id`, `user_name`, `user_email`."""
    with path.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines, restkey=MORE_CELLS)
        try:
            for row in reader:
                yield reader.line_num, _event_of(row)
        except csv.Error as error:
            raise BadFile(f"line {reader.reader.line_num}: {error}") from error
        except UnicodeDecodeError as error:
            raise BadFile(f"not UTF-8 text after line {reader.line_num}") from error


def _event_of(row: dict[str, Any]) -> dict[str, Any]:
    filled = {name: text for name, text in row.items() if text}
    user = {name.removeprefix(USER): text for name, text in filled.items() if name.startswith(USER)}
    event = {name: text for name, text in filled.items() if not name.startswith(USER)}
    for name in NUMBERS:
        text = event.get(name, "")
        if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
            event[name] = int(text)
    return event | ({"user": user} if user else {})
