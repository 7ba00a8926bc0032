"""The import's rules: an event is stored once whatever file it comes in, and no row stops the others."""

import csv
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from shared.days import Period
from shared.event import UsageEvent
from shared.history import BLOCK, BadFile, Import, Report, blocks, read_rows
from shared.ingest import ingest
from shared.ports import Document
from tests.events import CONTOSO, Event, body, cloud, counted, event, recount, usage
from tests.fake_usage import MAX_DOCUMENT, FakeUsage
from tests.fakes import NOW, Cloud, Process, Stopped

OLD, RECENT = NOW - timedelta(days=100), NOW - timedelta(days=10)
ALL = Period(date(2025, 11, 1), NOW.date())


def events(first: int, last: int) -> list[Event]:
    """One event a number, every other one on a day that the queue still reaches."""
    return [event(f"e{n}", time=(RECENT if n % 2 else OLD).isoformat()) for n in range(first, last)]


async def load(one: Cloud, rows: Sequence[object], process: Process | None = None, size: int = 3) -> Report:
    """An import in blocks of a few rows."""
    stores = one.stores(process)
    job = Import(stores, CONTOSO, await stores.prices.book(), one.now)
    lines = list(enumerate(rows, 1))
    for start in range(0, len(lines), size):
        await job.add(lines[start : start + size])
    await job.finish()
    return job.report


async def check(one: Cloud, expected: Sequence[Event]) -> None:
    """What is read is what these events add up to, each once."""
    assert counted(await usage(one.stores(), "contoso", ALL)) == recount(expected, CONTOSO.zone)


async def test_a_second_run_counts_and_writes_nothing() -> None:
    """Every row is a duplicate, and the documents stay as they are."""
    one, rows = cloud(), events(0, 10)
    first = await load(one, rows)
    assert (first.accepted, first.duplicates) == (10, 0)
    before = dict(one.documents)
    again = await load(one, rows)
    assert (again.accepted, again.duplicates, again.rejected) == (0, 10, [])
    assert one.documents == before
    await check(one, rows)


@pytest.mark.parametrize("size", [3, 4])
async def test_a_corrected_file_adds_only_what_is_new(size: int) -> None:
    """Whatever its rows are now, and wherever its blocks begin; also after years."""
    one, rows = cloud(), events(0, 12)
    await load(one, rows[:8])
    one.wait(400 * 86_400)
    corrected = [rows[9], *({**row, "input_tokens": 999} for row in rows[:8]), *rows[8:]]
    report = await load(one, corrected, size=size)
    assert (report.accepted, report.duplicates, report.rejected) == (4, 9, [])
    await check(one, rows)


async def test_overlapping_files_count_once() -> None:
    """What both of them have, and what the queue has delivered."""
    one, rows = cloud(), events(0, 12)
    await ingest(one.stores(), body(rows[1], rows[3]), NOW)
    assert (await load(one, rows[:8])).duplicates == 2
    assert (await load(one, rows[4:])).duplicates == 4
    await check(one, rows)
    assert all(segment["event_ids"] for segment in one.kind("segment"))


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("corrected", [True, False])
async def test_an_import_stopped_anywhere_is_completed(after: bool, corrected: bool) -> None:
    """By the same file, and by one that was corrected meanwhile."""
    rows = events(0, 6)
    following = [event("new", time=RECENT.isoformat()), *rows] if corrected else rows
    stop_at, stopped = 0, True
    while stopped:
        stop_at += 1
        one, process = cloud(), Process(stop_at, after=after)
        with suppress(Stopped, ExceptionGroup):
            await load(one, rows, process)
        stopped = process.steps >= stop_at
        report = await load(one, following)
        assert report.accepted + report.duplicates == len(following)
        await check(one, following)
        await load(one, following)
        await check(one, following)
    assert stop_at > 20


class Asked(FakeUsage):
    """Counts how often the names of a day are read."""

    days: list[date]

    async def names(self, tenant_id: str, day: date) -> list[Document]:
        """What names the events of each segment."""
        self.days.append(day)
        return await super().names(tenant_id, day)


async def test_the_names_of_a_day_are_read_once() -> None:
    """However many blocks have events of the day."""
    one = cloud()
    asked = Asked(one, Process())
    asked.days = []
    job = Import(replace(one.stores(), usage=asked), CONTOSO, one.book, NOW)
    for number in range(5):
        await job.add([(n, row) for n, row in enumerate(events(4 * number, 4 * number + 4))])
    assert sorted(asked.days) == [OLD.date(), RECENT.date()]


async def test_a_block_of_long_rows_fits_documents() -> None:
    """The longest rows that are valid, as the client escapes them; a second run still knows them all."""
    one = cloud()
    rows = [
        event(f"{n:04}" + "\U0001f600" * 124, source="\U0001f600" * 100 + f"{n}", time=OLD.isoformat(),
              user={"id": f"{n}", "name": "\U0001f600" * 256, "email": "\U0001f600" * 256})
        for n in range(BLOCK)
    ]  # fmt: skip
    UsageEvent.model_validate_json(json.dumps(rows[0]))
    job = Import(one.stores(), CONTOSO, one.book, NOW)
    await job.add(enumerate(rows, 1))
    segments = one.kind("segment")
    assert max(len(json.dumps(segment)) for segment in segments) < MAX_DOCUMENT
    assert sum(segment["cube"]["rows"] for segment in segments) == job.report.accepted == BLOCK
    again = Import(one.stores(), CONTOSO, one.book, NOW)
    await again.add(enumerate(rows, 1))
    assert (again.report.duplicates, len(one.kind("segment"))) == (BLOCK, len(segments))


NESTED = "[" * 400 + "]" * 400
BAD_ROWS = [
    (NESTED, "event: must be an object"),
    (f'{{"id": {NESTED}}}', "event: is nested too deeply"),
    ('{"tenant_id": "another"}', "tenant_id: is another tenant"),
    ('{"tenant_id": 7}', "tenant_id: is another tenant"),
]


@pytest.mark.parametrize(("text", "error"), BAD_ROWS, ids=range(len(BAD_ROWS)))
async def test_a_bad_line_is_rejected_and_the_others_are_stored(
    tmp_path: Path, text: str, error: str
) -> None:
    """With its reason in the words of a file, in which nobody has an API key."""
    file = tmp_path / "history.jsonl"
    good = json.dumps(event("good", time=OLD.isoformat()))
    file.write_text(f"{text}\n{good}\n")
    one = cloud()
    job = Import(one.stores(), CONTOSO, one.book, NOW)
    for block in blocks(read_rows(file)):
        await job.add(block)
    ((line, bad),) = job.report.rejected
    assert (line, [str(one) for one in bad.errors], job.report.accepted) == (1, [error], 1)


def comma_separated(folder: Path, *rows: str) -> Path:
    """A CSV file of embeddings, whose last column is their tokens."""
    file = folder / "history.csv"
    columns = "id,source,time,feature,primitive,quantity,input_tokens"
    file.write_text("\n".join([columns, *rows]))
    return file


CELLS = f"a,{OLD.isoformat()},enrichment,ai.embed,1"


@pytest.mark.parametrize(
    ("row", "error"),
    [
        (f"1,{CELLS},7,8", "row: has more cells than columns"),
        (f"1,{CELLS},{'9' * 30}", "input_tokens: Input should be"),
        (f"1,{CELLS},{'9' * 5000}", "input_tokens: "),
    ],
    ids=["more cells", "a long number", "a very long number"],
)
async def test_a_bad_row_is_rejected_and_the_others_are_stored(tmp_path: Path, row: str, error: str) -> None:
    """With what is wrong with it."""
    file = comma_separated(tmp_path, row, f"2,{CELLS},7")
    one = cloud()
    job = Import(one.stores(), CONTOSO, one.book, NOW)
    await job.add(read_rows(file))
    ((line, bad),) = job.report.rejected
    assert (line, len(bad.errors), job.report.accepted) == (2, 1, 1)
    assert str(bad.errors[0]).startswith(error)


def test_a_file_that_cannot_be_read_names_the_line(tmp_path: Path) -> None:
    """A cell beyond the limit of the format's reader ends the file before anything is stored."""
    file = comma_separated(tmp_path, f"1,{CELLS},7", "x" * (csv.field_size_limit() + 1))
    with pytest.raises(BadFile, match=r"line 3: field larger than field limit"):
        list(read_rows(file))
    file.write_bytes(b"id\n1\n\xff\n")
    with pytest.raises(BadFile, match="not UTF-8 text"):
        list(read_rows(file))
