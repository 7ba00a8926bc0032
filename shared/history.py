"""The import of history: what a tenant used before it came here, loaded in bulk and sealed at once.

The file is taken in blocks of rows. A block's events become one segment a day whose id follows from
the block, so that a rerun, also of an interrupted import, changes nothing. Claims are written only
for days that the queue can still reach; imported segments never expire.
"""

import asyncio
import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import batched
from pathlib import Path
from typing import Any

import orjson

from shared.days import day_of
from shared.errors import FieldError
from shared.event import UsageEvent
from shared.ingest import LATEST, Group, bad_event, claim, claim_key, price
from shared.message import BadEvent, read_event
from shared.ports import Mark, Stores
from shared.pricing import PriceBook
from shared.seal import Sealed, seal_marked
from shared.segment import NEVER, make_segment
from shared.tenants import Tenant

BLOCK = 2_000
AT_ONCE = 8
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
    days: set[date] = field(default_factory=set)

    async def add(self, rows: Iterable[Row]) -> None:
        """Stores one block of rows."""
        block, groups = hashlib.sha256(), dict[date, Group]()
        for line, raw in rows:
            block.update(orjson.dumps([line, raw]))
            event = self._read(line, raw)
            if event and self._is_new(event):
                self._group(line, event, groups)
        stored = [self._store(block.hexdigest()[:32], group) for group in groups.values()]
        for some in batched(stored, AT_ONCE, strict=False):
            await asyncio.gather(*some)

    async def finish(self) -> Sealed:
        """Seals the days of the import that have ended, folds the others, and merges months."""
        return await seal_marked(self.stores, self.now, self._is_own)

    def _is_own(self, mark: Mark) -> bool:
        return mark.tenant_id == self.tenant.id and (mark.month or mark.day in self.days)

    def _read(self, line: int, raw: object) -> UsageEvent | None:
        event = read_event(line, raw, self.tenant.id)
        if isinstance(event, UsageEvent):
            return event
        self.report.rejected.append((line, event))
        return None

    def _is_new(self, event: UsageEvent) -> bool:
        key = bytes.fromhex(claim_key(event))
        if key in self.seen:
            self.report.duplicates += 1
            return False
        self.seen.add(key)
        return True

    def _group(self, line: int, event: UsageEvent, groups: dict[date, Group]) -> None:
        on_arrival = min(self.now, event.time)  # history may be old, but not lie in the future
        priced = price(event, self.tenant, self.prices, on_arrival)
        if event.time < OLDEST:
            priced = FieldError("time", f"is before {OLDEST.year}")
        if isinstance(priced, FieldError):
            self.report.rejected.append((line, bad_event(line, event, priced)))
            return
        day = day_of(event.time, self.tenant.zone)
        groups.setdefault(day, Group(self.tenant, day)).events.append(priced)

    async def _store(self, block_id: str, group: Group) -> None:
        reachable = (self.now - LATEST).date()
        events = group.events
        if any(one.event.time.astimezone(UTC).date() >= reachable for one in events):
            events = await claim(self.stores, block_id, group)
        self.report.accepted += len(events)
        self.report.duplicates += len(group.events) - len(events)
        segment = make_segment(self.tenant.id, group.day, block_id, events, ttl=NEVER)
        await self.stores.usage.add_segment(segment)
        await self.stores.marks.mark(self.tenant.id, group.day)
        self.days.add(group.day)


def blocks(rows: Iterable[Row]) -> Iterator[tuple[Row, ...]]:
    """The rows in blocks; the same file has the same ones."""
    return batched(rows, BLOCK, strict=False)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a JSON Lines or (by the name's ending) CSV file."""
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
        reader = csv.DictReader(lines)
        for row in reader:
            yield reader.line_num, _event_of(row)


def _event_of(row: dict[str, Any]) -> dict[str, Any]:
    filled = {name: text for name, text in row.items() if text}
    user = {name.removeprefix(USER): text for name, text in filled.items() if str(name).startswith(USER)}
    event = {str(name): text for name, text in filled.items() if not str(name).startswith(USER)}
    for name in NUMBERS:
        text = event.get(name, "")
        if text.isascii() and text.isdigit():
            event[name] = int(text)
    return event | ({"user": user} if user else {})
