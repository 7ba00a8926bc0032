"""Every tab shows what the API says, and what the tenant really used."""

from decimal import Decimal
from typing import Any

import pytest
from playwright.async_api import expect

from shared.catalogue import PRODUCT_NAMES
from tests.dashboard.cast import EVIL_MODEL, HOSTILE, Known
from tests.dashboard.conftest import Visitor
from tests.dashboard.visit import Visit

BREAKDOWNS = {"by-feature": "feature", "by-user": "user", "by-product": "product", "primitives": "primitive"}
COLUMNS = {
    "Requests": "requests",
    "Tokens": "tokens",
    "Quantity": "quantity",
    "Avg tokens/request": "average_tokens",
}


def cost(row: dict[str, str]) -> Decimal | None:
    """The cost of a row as the page shows it."""
    text = row["Cost (USD)"] if "Cost (USD)" in row else row["Cost"]
    return None if text == "unpriced" else Decimal(text)


async def test_overview_has_the_numbers_of_the_summary(visit: Visit, known: Known) -> None:
    """Six cards, and the sums of the period beside the charts."""
    await visit.open("overview")
    answer = await known.customer.get("summary")
    data, totals = answer["data"], answer["totals"]
    cards = visit.content.locator(".card")
    titles = ["Tokens used", "AI cost this month", "Requests today", "Active users", "Top feature"]
    assert await cards.locator("h2").all_inner_texts() == [*titles, "Provider breakdown"]
    shown = [await cards.nth(index).locator("data").first.get_attribute("value") for index in range(4)]
    names = ("tokens_this_month", "cost_this_month_usd", "requests_today", "active_users_this_month")
    assert [Decimal(str(one)) for one in shown] == [data[name] for name in names]
    await expect(cards.nth(4)).to_contain_text(data["top_feature"])
    shares = await cards.nth(5).locator("data").evaluate_all("all => all.map((one) => one.value)")
    assert [Decimal(one) for one in shares] == [one["percent"] for one in data["providers"]]
    plots = await visit.content.locator("data.plot-total").evaluate_all("all => all.map((one) => one.value)")
    assert [Decimal(one) for one in plots] == [totals["tokens"], totals["cost_usd"]]


async def test_overview_as_a_table_has_every_day(visit: Visit, known: Known) -> None:
    """The last 30 days with tokens and cost side by side."""
    await visit.open("overview", **{"as": "table"})
    rows, totals = await visit.table()
    answer = await known.customer.get("daily", limit=100)
    assert len(rows) == 30
    days = [(row["requests"], row["tokens"], row["cost_usd"]) for row in reversed(answer["data"])]
    shown = [(int(row["Requests"]), int(row["Tokens"]), cost(row)) for row in rows]
    assert shown == days
    assert int(totals["Tokens"]) == answer["totals"]["tokens"]


@pytest.mark.parametrize("tab", BREAKDOWNS)
async def test_a_breakdown_has_the_rows_of_the_api(visit: Visit, known: Known, tab: str) -> None:
    """Each number, in the API's order; the totals are those of all rows, also of those on other pages."""
    await visit.open(tab)
    rows, totals = await visit.table()
    answer = await known.customer.get(tab, limit=50)
    assert len(rows) == len(answer["data"])
    for shown, row in zip([*rows, totals], [*answer["data"], answer["totals"]], strict=True):
        assert cost(shown) == row["cost_usd"]
        for title, name in COLUMNS.items():
            if title in shown and name in row and shown[title]:
                assert Decimal(shown[title]) == row[name], (title, shown)


@pytest.mark.parametrize("tab", BREAKDOWNS)
async def test_a_breakdown_has_what_was_used(visit: Visit, known: Known, tab: str) -> None:
    """Requests, tokens and cost of each row, as counted by hand; what has no price is never a zero."""
    await visit.open(tab)
    rows, _ = await visit.table()
    first = next(iter(rows[0]))
    wanted = {PRODUCT_NAMES.get(name, name): sums for name, sums in known.sums(BREAKDOWNS[tab]).items()}
    used = [row for row in rows if int(row["Requests"])]
    assert len(used) == min(50, len(wanted))
    for row in used:
        requests, tokens, paid = wanted[row[first]]
        assert int(row["Requests"]) == requests
        assert cost(row) == paid
        if row.get("Tokens"):
            assert int(row["Tokens"]) == tokens


async def test_quota_has_the_numbers_of_the_quota(visit: Visit, known: Known) -> None:
    """Use and limits of today and of the month, the days that remain, and the projection."""
    await visit.open("quota")
    data: Any = (await known.customer.get("quota"))["data"]
    shown = set(await visit.content.locator("data").evaluate_all("all => all.map((one) => one.value)"))
    exact = {Decimal(one) for one in shown if one}
    for name in ("tokens_today", "tokens_this_month"):
        assert {data[name]["used"], data[name]["limit"]} <= exact, name
    assert {data["spend_this_month"]["used_usd"], data["spend_this_month"]["limit_usd"]} <= exact
    assert data["days_remaining"] in exact
    for title in ("Tokens used today", "Monthly spend", "Days remaining", "Projected month-end usage"):
        await expect(visit.content).to_contain_text(title)


async def test_names_are_text(visit: Visit) -> None:
    """Markup in the names of users and models is shown as it was sent, and does nothing."""
    await visit.open("by-user", q="<img")
    await expect(visit.content.get_by_role("button", name=HOSTILE)).to_be_visible()
    await visit.open("by-user", model=EVIL_MODEL)
    await expect(visit.page.locator(".chip")).to_contain_text(EVIL_MODEL)
    await visit.open("overview")
    await expect(visit.content.get_by_role("button", name=EVIL_MODEL).first).to_be_visible()
    await visit.open("quota")
    assert await visit.content.locator("img, script").count() == 0
    assert "owned" not in await visit.page.title()


async def test_the_footer_tells_what_is_missing(visit: Visit, known: Known) -> None:
    """How many requests have no price, and through when the numbers are complete."""
    await visit.open("by-feature")
    fresh = (await known.customer.get("by-feature"))["freshness"]
    await expect(visit.page.locator("#freshness")).to_contain_text(f"{fresh['unpriced']} requests unpriced")
    await expect(visit.page.locator("#freshness")).to_contain_text("Complete through")


async def test_a_tenant_without_usage_is_told_what_to_do(visitor: Visitor, known: Known) -> None:
    """Nothing was used yet: words, not empty tables; the cards say zero."""
    nobody = await known.customer.api.customer()
    visit = await visitor(nobody.key)
    for tab in ("overview", "by-feature", "primitives"):
        await visit.open(tab)
        await expect(visit.content).to_contain_text("No usage in this period")


async def test_the_browser_writes_the_numbers(visitor: Visitor, known: Known) -> None:
    """A German browser gets German numbers, and dollars stay dollars."""
    visit = await visitor(locale="de-DE")
    await visit.open("by-feature")
    total = (await known.customer.get("by-feature"))["totals"]["tokens"]
    await expect(visit.content.locator("tfoot")).to_contain_text(f"{total:,}".replace(",", "."))
    await expect(visit.content.locator("tfoot")).to_contain_text("$")
