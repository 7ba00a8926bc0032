"""Export saves what is shown: the API's own file, to the byte."""

import csv
from io import StringIO

import pytest

from tests.dashboard.cast import Known
from tests.dashboard.visit import Visit

FILES = {
    "overview": "daily",
    "by-feature": "by-feature",
    "by-user": "by-user",
    "by-product": "by-product",
    "primitives": "primitives",
}


async def file_of(known: Known, name: str, **asked: object) -> bytes:
    """The file as the API has it."""
    answer = await known.customer.ask(f"export/{name}.csv", **asked)
    assert answer.status == 200
    return answer.raw


@pytest.mark.parametrize("tab", FILES)
async def test_a_tab_is_saved(visit: Visit, known: Known, tab: str) -> None:
    """Every row of the view, as the API exports it."""
    await visit.open(tab)
    name, content = await visit.saved()
    assert name.endswith(".csv")
    assert FILES[tab] in name
    assert content == await file_of(known, FILES[tab], period="30d")


async def test_the_saved_file_is_what_is_shown(visit: Visit, known: Known) -> None:
    """The same period, filters, search, order and comparison; and all pages."""
    asked = {"period": "7d", "product": "psa", "sort": "-cost_usd", "q": "person", "compare": "previous"}
    await visit.open("by-user", **asked)
    _, content = await visit.saved()
    assert content == await file_of(known, "by-user", **asked)
    rows = list(csv.DictReader(StringIO(content.decode())))
    shown, _ = await visit.table()
    assert 0 < len(rows) < 10
    assert [row["requests"] for row in rows] == [row["Requests"] for row in shown]


async def test_months_are_saved_as_months(visit: Visit, known: Known) -> None:
    """The overview of a year shows months, and so does its file."""
    await visit.open("overview", period="12m")
    _, content = await visit.saved()
    assert content == await file_of(known, "daily", period="12m", bucket="month")


async def test_the_quota_is_saved(visit: Visit, known: Known) -> None:
    """The limits, and what is used of them; the projection moves with the clock."""
    await visit.open("quota")
    _, content = await visit.saved()
    saved, now = (
        [*csv.DictReader(StringIO(one.decode()))] for one in (content, await file_of(known, "quota"))
    )
    assert saved[0].keys() == now[0].keys()
    data = (await known.customer.get("quota"))["data"]
    assert str(data["tokens_this_month"]["used"]) in content.decode()


async def test_alerts_are_saved(visit: Visit) -> None:
    """The list, as it is shown."""
    await visit.open("alerts")
    _, content = await visit.saved()
    names = [row["Name"] for row in csv.DictReader(StringIO(content.decode("utf-8-sig")))]
    assert names == await visit.content.locator(".alert h3 bdi").all_inner_texts()
