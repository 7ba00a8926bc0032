"""CSV of the views: RFC 4180, UTF-8, a header row, every column and every row that was found.

Numbers have the same text as in the JSON, an unknown one is an empty cell, and no cell is run by a
spreadsheet as a formula. The sheet of a view has as many rows as the view has groups (users,
features, …); sheets whose rows follow the traffic end at `MAX_ROWS`.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import StringIO
from typing import Any

from shared.errors import InvalidInput
from shared.money import digits
from shared.ports import Stores
from shared.query import ExportQuery, SummaryQuery
from shared.summary import summary
from shared.table import Question, Table, find

MAX_ROWS = 100_000
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # with these a spreadsheet's formula begins


@dataclass(frozen=True, slots=True)
class Sheet:
    """The names of the columns, and the cells of each row in their order."""

    columns: Sequence[str]
    rows: Iterable[Sequence[object]]


async def view_sheet(name: str, stores: Stores, question: Question, query: ExportQuery) -> Sheet:
    """All rows of a list view that the query asks for, in its order."""

    def sheet(table: Table, _: object) -> Sheet:
        rows = [list(flat(row).values()) for row in table.rows(0, len(table.numbers))]
        return Sheet([*table.view.columns, *table.totals()], rows)

    return await find(stores, name, question, query, sheet)


async def summary_sheet(stores: Stores, question: Question, query: SummaryQuery) -> Sheet:
    """One row: the key metrics, then the totals of the period."""
    answer = await summary(stores, question, query)
    return record_sheet({**answer["data"], **answer["totals"]})


def record_sheet(record: Mapping[str, object]) -> Sheet:
    """A single object of the JSON as a single row."""
    row = flat(record)
    return Sheet(list(row), [list(row.values())])


def flat(record: Mapping[str, object]) -> dict[str, object]:
    """An object of the JSON as cells: `a: {b: …}` becomes `a_b`, and a list a text of what it names."""
    return dict(_cells(record))


def to_csv(sheet: Sheet) -> bytes:
    """The file. Text that a spreadsheet would run as a formula gets an apostrophe in front."""
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(sheet.columns)
    writer.writerows(map(cell, row) for row in sheet.rows)
    return text.getvalue().encode()


def cell(value: object) -> str:
    """The text of a JSON value: that of the JSON for a number, empty for null."""
    match value:
        case str():
            return f"'{value}" if value.startswith(FORMULA) else value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return digits(value)
    raise TypeError(f"no cell for {type(value).__name__}")


def check_rows(rows: int) -> None:
    """Raises InvalidInput for more rows than one file may have."""
    if rows > MAX_ROWS:
        reason = f"{rows} rows were found, and a file has {MAX_ROWS} at most: ask for fewer days"
        raise InvalidInput.of("from", reason)


def _cells(record: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}_{inner}", one) for inner, one in _cells(value))
        elif isinstance(value, list):
            yield name, "; ".join(map(_item, value))
        else:
            yield name, value


def _item(one: Any) -> str:  # noqa: ANN401 - an element of a list of the JSON
    """Its name, and its share where it has one."""
    if not isinstance(one, Mapping):
        return str(one)
    name, share = next(iter(one.values())), one.get("percent")
    return str(name) if share is None else f"{name} {cell(share)}%"
