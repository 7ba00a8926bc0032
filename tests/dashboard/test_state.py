"""The controls change what is shown, and the URL says all of it."""

import re
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import expect

from tests.dashboard.cast import Known
from tests.dashboard.conftest import Visitor
from tests.dashboard.visit import Visit

FEATURE, PRODUCT = "playground", "ai-platform"


def state_of(visit: Visit) -> dict[str, str]:
    """What the URL says."""
    return {name: " ".join(values) for name, values in parse_qs(urlsplit(visit.page.url).query).items()}


async def shows(visit: Visit, known: Known, view: str, **asked: object) -> None:
    """The table has the requests, row by row, and the totals of that question to the API."""
    await visit.ready()
    answer: Any = await known.customer.get(view, limit=50, **asked)
    rows, totals = await visit.table()
    assert [int(row["Requests"]) for row in rows] == [row["requests"] for row in answer["data"]]
    assert int(totals["Requests"]) == answer["totals"]["requests"]


async def choose(visit: Visit, control: str, *items: str) -> None:
    """Opens a menu of the toolbar and clicks through its items."""
    await visit.page.locator(f"#{control}").click()
    for item in items:
        await visit.page.locator(f"#{control}-panel").get_by_text(item, exact=True).click()


async def today_of(known: Known) -> date:
    """The tenant's day."""
    return date.fromisoformat((await known.customer.get("summary"))["period"]["to"])


@pytest.mark.parametrize(
    ("period", "words"),
    [("7d", "Last 7 days"), ("3m", "Last 3 months"), ("12m", "Last 12 months"), ("30d", "Last 30 days")],
)
async def test_a_period_is_chosen(visit: Visit, known: Known, period: str, words: str) -> None:
    """Each of the periods; the default one is not in the URL."""
    await visit.open("by-feature", period="7d" if period == "30d" else "30d")
    await choose(visit, "period", words)
    await shows(visit, known, "by-feature", period=period)
    assert state_of(visit).get("period", "30d") == period
    await expect(visit.page.locator("#period")).to_contain_text(words)


async def test_a_custom_range(visit: Visit, known: Known) -> None:
    """Two days typed in; the wrong way round they are refused in words, and nothing changes."""
    today = await today_of(known)
    first, last = str(today - timedelta(days=9)), str(today - timedelta(days=4))
    await visit.open("by-product")
    await visit.page.locator("#period").click()
    await visit.page.locator("#custom-from").fill(last)
    await visit.page.locator("#custom-to").fill(first)
    await visit.page.get_by_role("button", name="Apply").click()
    await expect(visit.page.locator("#period-panel")).to_contain_text("The first day is after the last.")
    assert "from" not in state_of(visit)
    await visit.page.locator("#custom-from").fill(first)
    await visit.page.locator("#custom-to").fill(last)
    await visit.page.get_by_role("button", name="Apply").click()
    await shows(visit, known, "by-product", first=first, last=last)
    assert state_of(visit) == {"tab": "by-product", "from": first, "to": last}


async def test_a_click_on_a_name_filters_every_tab(visit: Visit, known: Known) -> None:
    """The filter is a chip and goes along to the other tabs; a click on the chip takes it away."""
    await visit.open("by-feature")
    await visit.content.get_by_role("button", name=FEATURE).click()
    await shows(visit, known, "by-feature", feature=FEATURE)
    await visit.page.locator("#tab-by-user").click()
    await shows(visit, known, "by-user", feature=FEATURE)
    assert state_of(visit) == {"tab": "by-user", "feature": FEATURE}
    await visit.page.locator(".chip").click()
    await shows(visit, known, "by-user")
    await expect(visit.page.locator(".chip")).to_have_count(0)


async def test_filters_of_the_menu_combine(visit: Visit, known: Known) -> None:
    """A dimension, then one of the values that the API has; several filters hold together."""
    await visit.open("by-feature")
    await choose(visit, "add-filter", "Product", "PSA")
    await visit.ready()
    await choose(visit, "add-filter", "Model", "gpt-4o-mini")
    await shows(visit, known, "by-feature", product="psa", model="gpt-4o-mini")
    assert state_of(visit) == {"tab": "by-feature", "product": "psa", "model": "gpt-4o-mini"}
    await visit.page.get_by_role("button", name="Clear all").click()
    await shows(visit, known, "by-feature")


async def test_columns_sort_both_ways(visit: Visit, known: Known) -> None:
    """A click sorts, numbers from the top; a second one turns it round; the heading says so."""
    await visit.open("by-feature")
    for sort, said in (("-requests", "descending"), ("requests", "ascending")):
        await visit.page.locator("#sort-requests").click()
        await shows(visit, known, "by-feature", sort=sort)
        heading = visit.content.locator("th", has=visit.page.locator("#sort-requests"))
        await expect(heading).to_have_attribute("aria-sort", said)
        assert state_of(visit)["sort"] == sort


async def test_search_and_pages(visit: Visit, known: Known) -> None:
    """Fifty rows a page, the rest on the next one; a search looks at all of them and starts on page one."""
    await visit.open("by-user")
    await visit.page.locator("#page-chevron-right").click()
    await shows(visit, known, "by-user", offset=50)
    await expect(visit.content.locator(".pager")).to_contain_text("57 of 57")
    await visit.page.locator("#search").fill("person")
    await expect(visit.page).to_have_url(re.compile("q=person"))
    await shows(visit, known, "by-user", q="person")
    assert state_of(visit) == {"tab": "by-user", "q": "person"}
    await visit.page.locator("#search").fill("nobody is called like this")
    await expect(visit.content).to_contain_text("Nothing has")


async def test_a_product_unfolds_into_its_features(visit: Visit, known: Known) -> None:
    """With the numbers that the features have; the URL remembers it."""
    await visit.open("by-product")
    await visit.page.locator("#unfold-voice").click()
    row = visit.content.locator("tr.inner")
    await expect(row).to_contain_text("call-recap")
    wanted = known.sums("feature")["call-recap"][0]
    assert await row.locator("data").first.get_attribute("value") == str(wanted)
    assert state_of(visit)["open"] == "voice"


async def test_a_comparison_tells_how_numbers_moved(visit: Visit, known: Known) -> None:
    """Each number has its change against the period before, as the API has it."""
    await visit.open("by-feature", period="7d")
    await visit.page.locator("#compare").click()
    await shows(visit, known, "by-feature", period="7d", compare="previous")
    answer: Any = await known.customer.get("by-feature", period="7d", compare="previous")
    moved = abs(answer["totals"]["tokens_change_percent"]).quantize(Decimal("0.1"), ROUND_HALF_UP)
    shown = visit.content.locator("tfoot .delta").nth(1)
    await expect(shown).to_contain_text(f"{moved}".removesuffix(".0"))
    await expect(visit.page.locator("#compare")).to_have_attribute("aria-pressed", "true")


async def test_a_link_shows_the_same(visit: Visit, visitor: Visitor) -> None:
    """Opened by a colleague, the URL brings back the tab, the period, the filters, the order and the page."""
    asked = {"period": "3m", "compare": "previous", "product": "psa", "sort": "name", "q": "person"}
    await visit.open("by-user", **asked)
    colleague = await visitor()
    await colleague.page.goto(visit.page.url)
    await colleague.ready()
    assert await colleague.table() == await visit.table()
    await expect(colleague.page.locator("#search")).to_have_value("person")
    await expect(colleague.page.locator(".chip")).to_contain_text("PSA")
    await expect(colleague.page.locator("#tab-by-user")).to_have_attribute("aria-current", "page")


async def test_back_goes_back(visit: Visit, known: Known) -> None:
    """Through tabs, periods and filters, one step each; forward again, too."""
    await visit.open("overview")
    await visit.page.locator("#tab-by-feature").click()
    await visit.ready()
    await choose(visit, "period", "Last 7 days")
    await visit.ready()
    await visit.content.get_by_role("button", name=FEATURE).click()
    await shows(visit, known, "by-feature", period="7d", feature=FEATURE)
    await visit.page.go_back()
    await shows(visit, known, "by-feature", period="7d")
    await visit.page.go_back()
    await shows(visit, known, "by-feature")
    await visit.page.go_back()
    await expect(visit.page.locator("#tab-overview")).to_have_attribute("aria-current", "page")
    await visit.page.go_forward()
    await shows(visit, known, "by-feature")


async def test_nonsense_in_the_url_does_no_harm(visit: Visit, known: Known) -> None:
    """An unknown tab, period or page is the default one; what the API refuses is said with its reason."""
    await visit.open("nowhere", period="a year", page="-3", **{"from": "tomorrow"})
    await expect(visit.page.locator("#tab-overview")).to_have_attribute("aria-current", "page")
    visit.forgive("status of 400")
    await visit.open("by-feature", sort="colour")
    await expect(visit.content.get_by_role("alert")).to_contain_text("sort")
    await visit.page.get_by_role("button", name="Start over").click()
    await shows(visit, known, "by-feature")
