"""The Quota tab in situations that the known tenant is not in: what it says, and what it draws."""

import json
from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.dashboard.visit import Visit

NOTHING = "–"  # noqa: RUF001 - as the page writes it
MONTH = {"from": "2026-11-01", "to": "2026-11-30", "time_zone": "UTC"}
BASIS = {"method": "linear", "elapsed_fraction": 0.5, "as_of": "2026-11-16T00:00:00.000+00:00"}


def gauge(used: float | None, limit: float | None, reached: str | None, unit: str = "") -> dict[str, Any]:
    """One limit as the API tells it."""
    left = None if limit is None or used is None else max(limit - used, 0)
    part = None if limit is None or used is None else round(100 * used / limit, 2)
    return {f"used{unit}": used, f"limit{unit}": limit, f"remaining{unit}": left, "percent": part} | {
        "reached_on": reached,
        "resets_at": "2026-12-01T00:00:00+00:00",
        "unpriced_requests": 0,
    }


def answers(**case: Any) -> dict[str, Any]:  # noqa: ANN401 - numbers, days and None
    """What the API says on 15 November, when 1,500 tokens and 3 dollars have been used on two days."""
    case = {"limit": 4_000, "reached": None, "projected": 3_000, "spent": 3.0, "cost": 1.5} | case
    spend = gauge(case["spent"], 10.0, None, "_usd")
    data = {
        "billing_period": MONTH,
        "tier": "business",
        "days_remaining": 16,
        "tokens_today": gauge(500, None, None),
        "tokens_this_month": gauge(1_500, case["limit"], case["reached"]),
        "spend_this_month": spend,
        "projection": {"tokens": case["projected"], "spend_usd": case["spent"] and 6.0, "basis": BASIS},
    }
    days = [("2026-10-31", 9_000), ("2026-11-03", 1_000), ("2026-11-15", 500)]
    return {
        "quota": {"data": data},
        "quota/history": {"data": []},
        "daily": {"data": [{"day": day, "tokens": used, "cost_usd": case["cost"]} for day, used in days]},
    }


async def look(visit: Visit, said: dict[str, Any], **state: str) -> None:
    """Opens the tab over these answers."""

    async def tell(route: Route) -> None:
        path = route.request.url.split("/usage/")[1].split("?")[0]
        await route.fulfill(content_type="application/json", body=json.dumps(said[path]))

    await visit.page.route("**/api/usage/**", tell)
    await visit.open("quota", **state)


@pytest.mark.parametrize(
    ("case", "badge", "words"),
    [
        (
            {"limit": 2_000, "reached": "2026-11-27"},
            "Limit in sight",
            "27 November, 3 days before the month ends",
        ),
        (
            {"limit": 3_000, "reached": "2026-11-30"},
            "Limit in sight",
            "30 November, the last day of the billing",
        ),
        (
            {"limit": 1_000, "reached": "2026-11-03"},
            "Limit reached",
            "was reached on 3 November, 27 days before",
        ),
        (
            {"limit": 4_000},
            "On track",
            "75% of the monthly token limit is used when the month ends on 30 Nov",
        ),
        (
            {"limit": None},
            "No limit",
            "No monthly token limit is set. At this rate the month ends with 3k on",
        ),
        ({"projected": None}, "Too early to tell", "Not enough data yet"),
    ],
)
async def test_the_outlook_is_said_in_words(
    visit: Visit, case: dict[str, Any], badge: str, words: str
) -> None:
    """Whether the limit will hold, and else when it is reached."""
    await look(visit, answers(**case))
    await expect(visit.content.locator(".verdict")).to_contain_text(badge)
    await expect(visit.content.locator(".verdict")).to_contain_text(words)


async def test_unknown_spend_is_not_zero(visit: Visit) -> None:
    """Without prices nothing is drawn, and no number stands for the spend."""
    await look(visit, answers(spent=None, cost=None), measure="spend")
    await expect(visit.content.locator(".verdict")).to_contain_text("No price is known")
    await expect(visit.content.locator("usage-plot")).to_have_count(0)
    await expect(visit.content.locator(".limit", has_text="Monthly spend")).to_contain_text("unpriced")


async def test_the_months_course_adds_up(visit: Visit) -> None:
    """Sums of this month's days until today, and from then on the line that ends at the projection."""
    await look(visit, answers(), **{"as": "table"})
    rows = await visit.content.locator("#outlook-scroll tbody tr").all()
    cells = [await one.locator("td").all_inner_texts() for one in rows]
    assert len(cells) == 30
    assert cells[2] == ["1,000", "1,000", NOTHING]
    assert cells[14] == ["500", "1,500", NOTHING]
    assert cells[15] == [NOTHING, NOTHING, "1,600"]
    assert cells[29] == [NOTHING, NOTHING, "3,000"]
