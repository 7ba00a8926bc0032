"""How the page loads, and what it shows while the service is slow, wrong or away."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.dashboard.cast import Known
from tests.dashboard.conftest import Site, Visitor
from tests.dashboard.visit import TABS, Visit

# When questions to the API began, and when the first answer was there.
ROUND = """() => {
  const asked = performance.getEntriesByType("resource").filter((one) => one.name.includes("/api/"));
  return {count: asked.length, last: Math.max(...asked.map((one) => one.startTime)),
          first: Math.min(...asked.map((one) => one.responseStart))};
}"""


async def held(visit: Visit, pattern: str) -> Callable[[], None]:
    """Holds requests of that kind back until the function that it gives is called."""
    gate = asyncio.Event()

    async def wait(route: Route) -> None:
        await gate.wait()
        await route.continue_()

    await visit.page.route(pattern, wait)
    return gate.set


@pytest.mark.parametrize("tab", TABS)
async def test_a_tab_asks_once(visit: Visit, tab: str) -> None:
    """All questions of the first view are asked before the first answer comes: one round, no chain."""
    await visit.open(tab)
    asked = await visit.page.evaluate(ROUND)
    assert asked["count"]
    assert asked["last"] < asked["first"]


async def test_the_page_says_that_it_loads(visit: Visit) -> None:
    """Grey shapes stand where numbers will be, for as long as the answers are awaited."""
    answer = await held(visit, "**/api/**")
    await visit.page.goto(visit.site)
    await expect(visit.content).to_have_attribute("aria-busy", "true")
    await expect(visit.content.locator(".skeleton")).to_be_visible()
    await expect(visit.content.locator(".card")).to_have_count(6)
    assert await visit.flaws() == []
    answer()
    await visit.ready()
    await expect(visit.content.locator(".skeleton")).to_have_count(0)


async def test_a_late_answer_does_not_replace_a_newer_one(visit: Visit, known: Known) -> None:
    """Who goes on before the answer came sees the new tab, and only that."""
    answer = await held(visit, "**/api/usage/by-feature?*")
    await visit.page.goto(f"{visit.site}/?tab=by-feature")
    await expect(visit.content).to_have_attribute("aria-busy", "true")
    await visit.page.locator("#tab-by-user").click()
    await visit.ready()
    answer()
    await visit.page.unroute_all(behavior="wait")
    rows, _ = await visit.table()
    assert len(rows) == len((await known.customer.get("by-user"))["data"])


@pytest.mark.parametrize("tab", ["overview", "by-user", "quota", "alerts"])
async def test_an_error_is_said_and_can_be_retried(visit: Visit, tab: str) -> None:
    """The title and the reason of the API's problem, and a button that asks again."""
    problem = {"type": "about:blank", "title": "Too busy", "status": 503, "detail": "Try again in a minute."}

    async def refuse(route: Route) -> None:
        await route.fulfill(status=503, content_type="application/problem+json", json=problem)

    visit.forgive("status of 503")
    await visit.page.route("**/api/**", refuse)
    await visit.open(tab)
    alert = visit.content.get_by_role("alert")
    await expect(alert).to_contain_text("Too busy")
    await expect(alert).to_contain_text("Try again in a minute.")
    await visit.page.unroute_all(behavior="wait")
    await visit.page.locator("#retry").click()
    await expect(alert).to_have_count(0)
    await visit.ready()


async def test_the_service_dies_and_comes_back(visitor: Visitor, site: Site, known: Known) -> None:
    """The page keeps its numbers and says that they are old; what it never saw is an error."""
    visit = await visitor()
    visit.forgive("ERR_CONNECTION|Failed to load|net::ERR")
    await visit.page.clock.install()
    await visit.open("by-feature")
    before = await visit.table()
    await site.process.kill()
    try:
        await visit.page.clock.fast_forward(61_000)
        notice = visit.page.locator("#notices")
        await expect(notice).to_contain_text("These are the numbers from before.")
        assert await visit.table() == before
        assert await visit.flaws() == []
        await visit.page.locator("#tab-by-user").click()
        await expect(visit.content.get_by_role("alert")).to_contain_text("The service cannot be reached")
        assert await visit.flaws() == []
        await visit.page.locator("#tab-by-feature").click()
        await expect(notice).to_contain_text("These are the numbers from before.")
    finally:
        await site.restart()
    await visit.page.locator("#retry").click()
    await visit.ready()
    await expect(notice).to_be_empty()
    answer: Any = await known.customer.get("by-feature")
    rows, _ = await visit.table()
    assert [int(row["Tokens"]) for row in rows] == [row["tokens"] for row in answer["data"]]


async def test_new_usage_appears_by_itself(visitor: Visitor, known: Known) -> None:
    """Each minute, without a click."""
    customer = await known.customer.api.customer()
    visit = await visitor(customer.key)
    await visit.page.clock.install()
    await visit.open("by-feature")
    await expect(visit.content).to_contain_text("No usage in this period")
    assert (await customer.post(customer.event())).json["accepted"] == 1
    await visit.page.clock.fast_forward(61_000)
    await expect(visit.content.locator("tbody")).to_contain_text("ticket-suggest")


async def test_offline_is_said(visitor: Visitor) -> None:
    """Without a network the page says that it is the device; it goes on when there is one."""
    visit = await visitor()
    visit.forgive("ERR_INTERNET_DISCONNECTED")
    await visit.open("by-feature")
    await visit.page.context.set_offline(True)
    await visit.page.locator("#tab-by-user").click()
    await expect(visit.content.get_by_role("alert")).to_contain_text("You are offline")
    await visit.page.context.set_offline(False)
    await expect(visit.content.locator("tbody")).not_to_be_empty()


async def test_the_policy_is_strict(visit: Visit) -> None:
    """Script that somebody slipped into the page does not run: the browser refuses it."""
    await visit.open("overview")
    visit.forgive("Content Security Policy")
    await visit.page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'owned'";
          document.body.append(script);
        }"""
    )
    await expect(visit.page).not_to_have_title("owned")
    assert [one for one in visit.complaints if "script-src" in one]
