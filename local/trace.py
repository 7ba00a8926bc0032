"""A trace of LLM requests (CSV) as usage events. Pure but for reading the file and remembering its shift.

Columns TIMESTAMP, ContextTokens and GeneratedTokens are needed; user, feature, product, provider and model
are taken where present. Names of columns ignore case.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from shared.catalogue import FEATURES
from shared.event import UsageEvent
from shared.message import field_errors

NEEDED = {"timestamp": "TIMESTAMP", "contexttokens": "ContextTokens", "generatedtokens": "GeneratedTokens"}
FEATURE, PRODUCT = "code-completion", "ai-platform"
MODEL, PROVIDER = "gpt-4o", "azure.ai.openai"
USERS = 12  # whom requests are spread over where the file names nobody
MAX_DIGITS = 18  # what a 64-bit count holds
REACH = timedelta(days=34)  # ingest takes events of the last 35 days

type Event = dict[str, Any]


class BadTrace(ValueError):
    """The file is no trace; the text names the line."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What the file and the usage API must agree on."""

    requests: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Trace:
    """The requests of a file: their times as recorded, and events that still lack time and tenant.

    `digest` stands for the file's name and content; the ids of its events derive from it.
    """

    digest: str
    times: list[datetime]
    events: list[Event]

    @property
    def sums(self) -> Sums:
        """The file's own totals."""
        tokens = [(event["input_tokens"], event["output_tokens"]) for event in self.events]
        return Sums(len(tokens), sum(i for i, _ in tokens), sum(o for _, o in tokens))

    @property
    def span(self) -> timedelta:
        """From the earliest request to the latest; the rows may be in any order."""
        return max(self.times) - min(self.times)

    def ending(self, end: datetime, tenant_id: str) -> Iterator[Event]:
        """The events as if the latest request had been made at `end`."""
        shift = end - max(self.times)
        for moment, event in zip(self.times, self.events, strict=True):
            yield {**event, "time": (moment + shift).isoformat(), "tenant_id": tenant_id}


def read_trace(path: Path) -> Trace:
    """Reads a trace. Raises BadTrace for what cannot be counted exactly; OSError if it is unreadable."""
    content = path.read_bytes()
    digest = hashlib.sha256(path.name.encode() + b"\0" + content).hexdigest()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadTrace(f"not UTF-8 text: {error.reason} at byte {error.start}") from error
    trace = Trace(digest, [], [])
    for line, row in _rows(text):
        moment = _time(line, row["timestamp"])
        event = {
            "id": f"{digest[:16]}-{len(trace.events) + 1}",
            "source": f"replay/{path.name}",
            **_event(line, row, len(trace.events)),
        }
        _check(line, {**event, "time": moment.isoformat(), "tenant_id": "replay"})
        trace.times.append(moment)
        trace.events.append(event)
    if not trace.events:
        raise BadTrace("the file has no requests")
    return trace


def remembered_end(trace: Trace, folder: Path, now: datetime) -> datetime:
    """When the trace ends in its replays: `now` the first time, and then the same again.

    An event's time is part of what ingest knows it by, so a repeated replay must not move it. Once the first
    request is too old for ingest a new replay begins, which ends `now`. Raises BadTrace where the trace
    spans more than ingest's window.
    """
    if trace.span > REACH:
        raise BadTrace(
            f"the requests span {trace.span.days} days; the queue takes {REACH.days} (make import)"
        )
    note = folder / f"{trace.digest}.json"
    if note.exists():
        end = datetime.fromisoformat(json.loads(note.read_text())["ends"])
        if now - REACH <= end - trace.span and end <= now:
            return end
    folder.mkdir(parents=True, exist_ok=True)
    draft = note.with_suffix(".new")
    draft.write_text(json.dumps({"ends": now.isoformat()}))
    draft.replace(note)
    return now


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row by its lower-case column names, with the line that it ends on."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        _check_columns(columns)
        for values in reader:
            if not values:
                continue
            if len(values) != len(columns):
                raise BadTrace(f"line {reader.line_num}: {len(values)} values for {len(columns)} columns")
            yield reader.line_num, dict(zip(columns, map(str.strip, values), strict=True))
    except csv.Error as error:
        raise BadTrace(f"line {reader.line_num}: {error}") from error


def _check_columns(columns: Iterable[str]) -> None:
    if missing := [name for key, name in NEEDED.items() if key not in columns]:
        raise BadTrace(f"line 1: the file lacks the column {', '.join(missing)}")


def _event(line: int, row: dict[str, str], number: int) -> Event:
    event: Event = {
        "feature": row.get("feature") or FEATURE,
        "primitive": "ai.chat",
        "user": {"id": row.get("user") or f"developer-{number % USERS + 1:02}"},
        "input_tokens": _count(line, "ContextTokens", row["contexttokens"]),
        "output_tokens": _count(line, "GeneratedTokens", row["generatedtokens"]),
    }
    if row.get("product") or event["feature"] not in FEATURES:
        event["product"] = row.get("product") or PRODUCT
    event["model"] = row.get("model") or MODEL
    if row.get("provider"):
        event["provider"] = row["provider"]
    elif event["model"] == MODEL:  # whoever serves another model is not ours to guess
        event["provider"] = PROVIDER
    return event


def _time(line: int, text: str) -> datetime:
    """RFC 3339 or the like, with any number of fractional digits; UTC where no offset is given."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadTrace(f"line {line}: TIMESTAMP {text!r} is no date and time") from error


def _count(line: int, column: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        raise BadTrace(f"line {line}: {column} {text!r} is not a whole number")
    return int(text)


def _check(line: int, event: Event) -> None:
    try:
        UsageEvent.model_validate_json(orjson.dumps(event))
    except ValidationError as error:
        raise BadTrace(f"line {line}: {next(field_errors(error))}") from error
