"""CSV: the cells of the JSON, text that no spreadsheet runs, and every row whatever it holds."""

import csv
import json
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import export
from shared.days import Period
from shared.errors import InvalidInput
from shared.export import Sheet, cell, check_rows, record_sheet, summary_sheet, to_csv, view_sheet
from shared.ingest import ingest
from shared.money import to_json
from shared.query import ExportQuery, SummaryQuery, ViewQuery
from shared.summary import summary
from shared.table import Question, list_view
from shared.views import VIEWS, query_of
from tests.events import CONTOSO, body, cloud, event
from tests.fakes import NOW, Cloud

WEEK = Period(NOW.date().replace(day=4), NOW.date())
WHOLE = Question(CONTOSO, WEEK, NOW)
EXAMPLE = [
    event("1", user={"id": "ann", "name": 'Ann "A", Ü', "email": "ann@x"}, cost_usd="0.5"),
    event("2", user={"id": "=cmd()"}, feature="call-recap", input_tokens=90, provider="anthropic"),
    event("3", user={"id": "-5"}, cost_usd="0.000000001", input_tokens=20, cache_read_input_tokens=5),
    event("4", user=None, feature="rca-generation", time="2026-03-04T00:00:00+01:00", cost_usd=0),
    event("5", user=None, time="2026-03-01T12:00:00+01:00", cost_usd="0.7", input_tokens=1_000_000),
    event("6", user={"id": "cy"}, feature="sms-reminders", primitive="phone.sms", quantity="2.5",
          provider=None, model=None, input_tokens=None, output_tokens=None),
]  # fmt: skip
QUERIES: list[dict[str, Any]] = [
    {},
    {"sort": "-cost_usd"},
    {"sort": "requests", "compare": "previous"},
    {"q": "a"},
    {"feature": ["ticket-suggest"], "user": ["ann", "-5"]},
    {"model": ["nothing"]},
]


async def example() -> Cloud:
    """The example, stored."""
    one = cloud()
    await ingest(one.stores(), body(*EXAMPLE), NOW)
    return one


def table(text: bytes) -> list[list[str]]:
    """The cells of a file."""
    return list(csv.reader(StringIO(text.decode(), newline=""), strict=True))


def told(answer: object) -> Any:  # noqa: ANN401 - JSON
    """An answer as clients read it, with every number as the text that stands there."""
    return json.loads(to_json(answer), parse_float=str, parse_int=str)


def plain(value: object) -> str:
    """The cell of a JSON value, computed apart from the code."""
    if isinstance(value, list):
        return "; ".join(one["feature"] for one in value)
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in {"=", "+", "@"} or text == "-5" else text


async def test_a_view_is_exact() -> None:
    """The literal file: CRLF, a header, unknown cost empty, amounts to the nano-dollar."""
    sheet = await view_sheet("by-feature", (await example()).stores(), WHOLE, ExportQuery())
    assert to_csv(sheet).decode() == (
        "feature,average_tokens,provider,requests,tokens,input_tokens,output_tokens,"
        "cache_read_input_tokens,cache_creation_input_tokens,reasoning_output_tokens,"
        "cost_usd,unpriced_requests\r\n"
        "call-recap,93,anthropic,1,93,90,3,0,0,0,,1\r\n"
        "ticket-suggest,16.5,azure.ai.openai,2,33,27,6,5,0,0,0.500000001,0\r\n"
        "rca-generation,10,azure.ai.openai,1,10,7,3,0,0,0,0,0\r\n"
        "sms-reminders,0,,1,0,0,0,0,0,0,,1\r\n"
    )


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("query", QUERIES, ids=str)
async def test_a_file_has_the_rows_of_the_json(name: str, query: dict[str, Any]) -> None:
    """Each row and column of all pages, in the same order, each number with the same text."""
    stores = (await example()).stores()
    answer = told(await list_view(stores, name, WHOLE, ViewQuery(**query, limit=1000)))
    header, *rows = table(to_csv(await view_sheet(name, stores, WHOLE, ExportQuery(**query))))
    assert rows == [[plain(row[column]) for column in header] for row in answer["data"]]
    assert all(set(header) == row.keys() for row in answer["data"])
    assert ("previous_requests" in header) == ("compare" in query)


async def test_months_are_exported_as_months() -> None:
    """The bucket of the view daily holds for its file."""
    stores = (await example()).stores()
    sheet = await view_sheet(
        "daily", stores, WHOLE, query_of("daily", ExportQuery).model_validate({"bucket": "month"})
    )
    assert [row[:2] for row in table(to_csv(sheet))] == [["day", "requests"], ["2026-03", "5"]]


async def test_features_of_a_product_are_one_cell() -> None:
    """As text; products without any have an empty one."""
    stores = (await example()).stores()
    header, *rows = table(to_csv(await view_sheet("by-product", stores, WHOLE, ExportQuery())))
    found = {row[header.index("product")]: row[header.index("features")] for row in rows}
    assert found["psa"] == "ticket-suggest; rca-generation"
    assert found["books"] == ""


async def test_the_summary_is_one_row() -> None:
    """Its key metrics and the totals of the period, nested ones under joined names."""
    stores = (await example()).stores()
    header, row = table(to_csv(await summary_sheet(stores, WHOLE, SummaryQuery())))
    answer = told(await summary(stores, WHOLE, SummaryQuery()))
    found = dict(zip(header, row, strict=True))
    assert found["billing_period_from"] == "2026-03-01"
    assert found["providers"] == "azure.ai.openai 80%; anthropic 20%; azure.ai.inference 0%"
    for name in ("tokens_this_month", "cost_this_month_usd", "requests_today", "top_feature"):
        assert found[name] == answer["data"][name]
    for name, value in answer["totals"].items():
        assert found[name] == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1+1", "'-1+1"), ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"), ("\r=1", "'\r=1"), ("\n=1", "'\n=1"), ("a=1", "a=1"), (" =1", " =1"), ("", ""),
        (-5, "-5"), (Decimal("-0.5"), "-0.5"), (Decimal("1E+3"), "1000"), (Decimal("1E-9"), "0.000000001"),
        (True, "true"), (False, "false"), (None, ""), (2**70, "1180591620717411303424"),
    ],
)  # fmt: skip
def test_text_is_defused_and_numbers_stay(value: object, text: str) -> None:
    """Formulas become text; numbers, also negative ones, have the digits of the JSON."""
    assert cell(value) == text


def test_what_has_no_cell_is_an_error() -> None:
    """A float would not be exact."""
    with pytest.raises(TypeError, match="float"):
        cell(0.1)


def test_nested_objects_become_columns() -> None:
    """However deep; lists are named."""
    sheet = record_sheet(
        {"a": {"b": {"c": 1}, "d": None}, "e": [{"name": "x", "percent": Decimal("1.5")}, "y"]}
    )
    assert table(to_csv(sheet)) == [["a_b_c", "a_d", "e"], ["1", "", "x 1.5%; y"]]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2)))
def test_any_text_comes_back(rows: list[list[str]]) -> None:
    """Commas, quotes, line ends and every script: parsed again, the cells are those that were written."""
    text = to_csv(Sheet(("a", "b"), rows))
    assert table(text) == [["a", "b"], *([cell(value) for value in row] for row in rows)]
    for value in (value for row in rows for value in row):
        assert cell(value) in (value, f"'{value}")
        assert not cell(value).startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.integers() | st.decimals(allow_nan=False, allow_infinity=False, places=9))
def test_numbers_are_those_of_the_json(number: int | Decimal) -> None:
    """Byte for byte, wherever JSON can tell them."""
    if isinstance(number, Decimal) or abs(number) < 2**63:
        assert cell(number).encode() == to_json(number)


def test_a_file_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than the bound are refused, with the parameter that makes them fewer."""
    monkeypatch.setattr(export, "MAX_ROWS", 2)
    check_rows(2)
    with pytest.raises(InvalidInput) as caught:
        check_rows(3)
    assert [one.field for one in caught.value.errors] == ["from"]
