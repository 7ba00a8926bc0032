"""The exports over HTTP: whole views, as files, with the numbers of the JSON to the byte."""

import csv
import gzip
import json
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
import pytest_asyncio

from local.stack import OPERATOR_KEY
from shared.views import VIEWS
from tests.stack import Api, Customer, ago

FILES = (*VIEWS, "summary", "quota", "quota-history", "focus", "events")


@pytest_asyncio.fixture(scope="module")
async def customer(api: Api) -> Customer:
    """A tenant of 60 users with one request each, of which some are unpriced."""
    one = await api.customer(name='Contoso, "Ltd"', time_zone="America/New_York")
    events = [
        one.event(
            user={"id": f"user-{n:02}", "name": "=1+1" if n % 2 else "Ümit, A."},
            feature=("ticket-suggest", "playground", "enrichment")[n % 3],
            time=ago(hours=n),
            cost_usd=None if n % 7 == 0 else f"0.{n:09}",
            model="none-knows-this",
        )
        for n in range(60)
    ]
    answer = await one.post(*events)
    assert answer.json["accepted"] == 60
    return one


def rows(text: bytes) -> list[dict[str, str]]:
    """The rows of a file by the names of their columns."""
    return list(csv.DictReader(StringIO(text.decode(), newline=""), strict=True))


def plain(value: object) -> str:
    """The cell of a value of the JSON, of which every number is read as its text."""
    if isinstance(value, list):
        return "; ".join(one["feature"] for one in value)
    return "'=1+1" if value == "=1+1" else "" if value is None else str(value)


@pytest.mark.parametrize(
    "given",
    [{}, {"period": "7d", "sort": "-cost_usd", "feature": "playground"}, {"q": "1", "compare": "previous"}],
    ids=str,
)
@pytest.mark.parametrize("view", [*VIEWS, "events"])
async def test_a_file_is_the_whole_view(customer: Customer, view: str, given: dict[str, str]) -> None:
    """Every row of every page and every column, in order, whatever filters and sort the view has."""
    if view == "events":
        given = {name: value for name, value in given.items() if name in ("period", "feature")}
    page = json.loads((await customer.ask(view, limit=1000, **given)).raw, parse_float=str, parse_int=str)
    found = rows((await customer.ask(f"export/{view}.csv", **given)).raw)
    assert found == [{name: plain(value) for name, value in row.items()} for row in page["data"]]


async def test_single_rows_have_the_numbers_of_the_json(customer: Customer) -> None:
    """The summary and the quota, nested ones under joined names, with the totals."""
    for view, nested in (("summary", "billing_period"), ("quota", "tokens_this_month")):
        answer = json.loads((await customer.ask(view)).raw, parse_float=str, parse_int=str)
        (row,) = rows((await customer.ask(f"export/{view}.csv")).raw)
        for name, value in answer["totals"].items():
            assert row[name] == plain(value)
        for name, value in answer["data"][nested].items():
            assert row[f"{nested}_{name}"] == plain(value)


async def test_the_history_of_the_quota_is_a_row_a_snapshot(api: Api, customer: Customer) -> None:
    """With the cells of the JSON, once a snapshot has been taken."""
    await api.run_timer("snapshot_quotas")
    answer = json.loads((await customer.ask("quota/history")).raw, parse_float=str, parse_int=str)
    found = rows((await customer.ask("export/quota-history.csv")).raw)
    assert len(found) == 1
    assert found == [{name: plain(value) for name, value in row.items()} for row in answer["data"]]


async def test_focus_rows_add_up_to_the_summary(customer: Customer) -> None:
    """To the nano-dollar, with what is unpriced counted beside."""
    totals = (await customer.get("summary"))["totals"]
    found = rows((await customer.ask("export/focus.csv")).raw)
    assert sum(int(row["x_Requests"]) for row in found) == totals["requests"] == 60
    assert sum(int(row["x_UnpricedRequests"]) for row in found) == totals["unpriced_requests"] == 9
    assert sum(Decimal(row["BilledCost"] or 0) for row in found) == totals["cost_usd"]
    assert [row for row in found if row["BilledCost"] == "" and row["x_UnpricedRequests"] == "0"] == []
    assert {row["SubAccountName"] for row in found} == {'Contoso, "Ltd"'}


@pytest.mark.parametrize("view", FILES)
async def test_a_file_has_a_name_and_a_type(customer: Customer, view: str) -> None:
    """To download under the view and its days; CRLF throughout; columns also where there are no rows."""
    answer = await customer.ask(f"export/{view}.csv", **({} if view == "quota" else {"period": "7d"}))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    name = answer.headers["Content-Disposition"]
    if view != "quota":
        today = datetime.fromisoformat((await customer.get("summary"))["period"]["to"])
        days = f"{today - timedelta(days=6):%Y-%m-%d}-{today:%Y-%m-%d}"
        assert name == f'attachment; filename="usage-{view}-{days}.csv"'
    assert answer.raw.count(b"\r\n") == answer.raw.count(b"\n") > 0
    assert answer.raw.endswith(b"\r\n")


@pytest.mark.parametrize("view", ["by-user", "events", "focus"])
async def test_an_unchanged_file_is_not_sent_again(api: Api, customer: Customer, view: str) -> None:
    """Its ETag gives 304; HEAD has the headers without the file; gzip holds the same bytes."""
    path, plainly = f"usage/export/{view}.csv", {"Accept-Encoding": "identity"}
    first = await api.ask("GET", path, customer.key, headers=plainly)
    known = {"If-None-Match": first.headers["ETag"]}
    assert (await api.ask("GET", path, customer.key, headers=known)).status == 304
    head = await api.ask("HEAD", path, customer.key, headers=plainly)
    assert (head.status, head.raw, head.headers["ETag"]) == (200, b"", first.headers["ETag"])
    assert head.headers["Content-Disposition"] == first.headers["Content-Disposition"]
    packed = await api.ask("GET", path, customer.key, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert (packed.raw, len(gzip.compress(first.raw)) < len(first.raw)) == (first.raw, True)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("by-user.csv?limit=10", "limit"),
        ("by-user.csv?sort=colour", "sort"),
        ("summary.csv?sort=tokens", "sort"),
        ("quota.csv?period=7d", "period"),
        ("focus.csv?q=x", "q"),
        ("events.csv?period=3m", "period"),
        ("events.csv?from=2026-01-01&to=2026-02-01", "from"),
        ("events.csv?offset=1", "offset"),
    ],
)
async def test_a_bad_parameter_is_named(customer: Customer, path: str, field: str) -> None:
    """400 with problem details, no half a file."""
    answer = await customer.api.ask("GET", f"usage/export/{path}", customer.key)
    assert (answer.status, answer.fields) == (400, [field])
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("view", FILES)
async def test_a_file_needs_a_key_that_may_read(api: Api, customer: Customer, view: str) -> None:
    """Without one 401, with one that may only ingest 403; files of what is no view do not exist."""
    path = f"usage/export/{view}.csv"
    assert (await api.ask("GET", path)).status == 401
    assert (await api.ask("GET", path, OPERATOR_KEY)).status == 401
    ingests = await api.new_key(customer.id, "ingest")
    assert (await api.ask("GET", path, ingests)).status == 403
    assert (await api.ask("GET", f"usage/export/x{view}.csv", customer.key)).status == 404
