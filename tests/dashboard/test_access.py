"""The page for everybody: axe finds nothing, the keyboard is enough, and it fits a phone."""

import pytest
from playwright.async_api import Locator, expect

from tests.dashboard.cast import EVIL_MODEL, Known
from tests.dashboard.conftest import Visitor
from tests.dashboard.visit import TABS, Visit
from tests.stack import Api

STATES = {
    "by-feature": {"compare": "previous", "columns": "all", "model": EVIL_MODEL},
    "by-user": {"q": "person", "compare": "previous"},
    "by-product": {"open": "psa"},
}
PHONE = {"width": 390, "height": 844}
DARK = "() => getComputedStyle(document.body).backgroundColor"


async def test_flaws_are_found(visit: Visit) -> None:
    """The check itself sees a flaw that is made for it."""
    await visit.open("by-feature")
    await visit.page.evaluate(
        "() => document.querySelector('#content').append(document.createElement('button'))"
    )
    assert any("button-name" in flaw for flaw in await visit.flaws())


@pytest.mark.parametrize("tab", TABS)
async def test_a_tab_has_no_flaw(visit: Visit, tab: str) -> None:
    """In both themes."""
    await visit.open(tab, **STATES.get(tab, {}))
    for theme in ("light", "dark"):
        await visit.page.emulate_media(color_scheme=theme)
        assert await visit.flaws() == [], theme


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_what_is_seldom_seen_has_no_flaw(visitor: Visitor, api: Api, theme: str) -> None:
    """The sign-in, the empty state, an error, open menus, charts as a table, and the form of an alert."""
    customer = await api.customer()
    key = await api.new_key(customer.id, "read", "alerts")
    visit = await visitor(key="", color_scheme=theme)
    visit.forgive("status of 40[01]")
    await visit.page.goto(visit.site)
    await visit.page.get_by_role("button", name="Sign in").click()
    assert await visit.flaws() == []
    await visit.page.locator("#key").fill(key)
    await visit.page.get_by_role("button", name="Sign in").click()
    await visit.ready()
    assert await visit.flaws() == [], "empty"
    await visit.page.locator("#period").click()
    assert await visit.flaws() == [], "period"
    await visit.page.keyboard.press("Escape")
    await visit.page.locator("#add-filter").click()
    assert await visit.flaws() == [], "filter"
    await visit.open("by-feature", sort="colour")
    assert await visit.flaws() == [], "error"
    await visit.open("alerts", id="new")
    await visit.page.locator("#add-webhook").click()
    await visit.page.locator("#save").click()
    assert await visit.flaws() == [], "form"
    await visit.open("alerts", id="default")
    assert await visit.flaws() == [], "rule"


async def test_charts_have_words_and_a_table(visit: Visit) -> None:
    """A chart says what is to be seen, and the same numbers are there as a table, without a flaw."""
    await visit.open("overview")
    words = visit.content.get_by_role("img", name="most on")
    await expect(words).to_have_count(2)
    await visit.page.locator("#as-table").click()
    await visit.ready()
    assert await visit.flaws() == []


@pytest.mark.parametrize("tab", TABS)
async def test_a_tab_fits_a_phone(visitor: Visitor, tab: str) -> None:
    """Nothing makes the page wider than the screen, though names are long: tables scroll by themselves."""
    visit = await visitor(viewport=PHONE, has_touch=True, is_mobile=True)
    await visit.open(tab)
    assert await visit.too_wide() <= 0
    if tab.startswith("by-"):
        await visit.open(tab, compare="previous", columns="all", user="user-02")
        assert await visit.too_wide() <= 0


async def test_menus_and_forms_fit_a_phone(visitor: Visitor) -> None:
    """The menu of periods is on the screen whole, and the form of an alert is no wider than it."""
    visit = await visitor(viewport=PHONE, has_touch=True, is_mobile=True)
    await visit.open("overview")
    await visit.page.locator("#period").tap()
    box = await visit.page.locator("#period-panel").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    assert box["y"] + box["height"] <= PHONE["height"]
    await visit.open("alerts", id="new")
    await visit.page.locator("#add-webhook").tap()
    assert await visit.too_wide() <= 0


async def test_the_theme_follows_the_system_and_the_button(visitor: Visitor) -> None:
    """Dark where the system is; the button overrules it, and a reload keeps that."""
    visit = await visitor(color_scheme="dark")
    await visit.open("overview")
    dark = await visit.page.evaluate(DARK)
    assert sum(int(part) for part in dark.strip("rgb()").split(",")) < 3 * 60
    await visit.page.locator("#theme").click()
    await expect(visit.page.locator("html")).to_have_attribute("data-theme", "light")
    assert await visit.page.evaluate(DARK) != dark
    await visit.page.reload()
    await expect(visit.page.locator("html")).to_have_attribute("data-theme", "light")


class Keyboard:
    """Somebody without a mouse."""

    def __init__(self, visit: Visit) -> None:
        self.visit, self.keys = visit, visit.page.keyboard

    async def reach(self, target: Locator) -> None:
        """Presses Tab until the focus is there, and sees it."""
        await expect(target).to_be_visible()
        for _ in range(150):
            if await target.evaluate("one => one === document.activeElement"):
                break
            await self.keys.press("Tab")
        await expect(target).to_be_focused()
        outline = "one => [getComputedStyle(one).outlineStyle, getComputedStyle(one).boxShadow].join()"
        assert await target.evaluate(outline) != "none,none"

    async def press(self, target: Locator, key: str = "Enter") -> None:
        """Goes there and presses a key."""
        await self.reach(target)
        await self.keys.press(key)


async def test_the_keyboard_is_enough(visitor: Visitor, known: Known) -> None:
    """From signing in through tabs, period, filter and export: no mouse, and the focus is always seen."""
    visit = await visitor(key="")
    hand, page = Keyboard(visit), visit.page
    await page.goto(visit.site)
    await expect(page.locator("#key")).to_be_focused()
    await hand.keys.type(known.key)
    await hand.keys.press("Enter")
    await visit.ready()
    await hand.press(page.locator("#tab-by-feature"))
    await visit.ready()
    await hand.press(page.locator("#period"))
    await expect(page.get_by_role("radio", name="Last 30 days")).to_be_focused()
    await hand.keys.press("ArrowUp")
    await hand.keys.press("Enter")
    await visit.ready()
    await expect(page.locator("#period")).to_be_focused()
    await hand.press(page.locator("#sort-requests"))
    await visit.ready()
    await expect(page.locator("#sort-requests")).to_be_focused()
    await hand.press(visit.content.get_by_role("button", name="playground"))
    await visit.ready()
    await expect(page.locator(".chip")).to_contain_text("playground")
    async with page.expect_download() as starting:
        await hand.press(page.locator("#export"))
    assert await (await starting.value).path()


async def test_an_alert_is_made_with_the_keyboard(visitor: Visitor, api: Api) -> None:
    """The whole form, its menu and its buttons."""
    customer = await api.customer()
    visit = await visitor(await api.new_key(customer.id, "read", "alerts"))
    hand, page = Keyboard(visit), visit.page
    await visit.open("overview")
    await hand.press(page.locator("#alerts"))
    await visit.ready()
    await hand.press(page.locator("#new-alert"))
    await visit.ready()
    await hand.reach(page.get_by_label("Metric"))
    await hand.keys.type("Monthly spend")
    await hand.reach(page.get_by_label("Threshold").first)
    await hand.keys.type("7")
    await hand.press(page.locator("#add-email"))
    await expect(page.get_by_label("Email addresses").last).to_be_focused()
    await hand.keys.type("ann@contoso.example")
    await hand.press(page.locator("#save"))
    await expect(page.locator("#test")).to_be_visible()


async def test_the_skip_link_skips(visit: Visit) -> None:
    """The first Tab of the page offers to go to the content."""
    await visit.open("by-feature")
    await visit.page.keyboard.press("Tab")
    await expect(visit.page.get_by_role("link", name="Skip to content")).to_be_focused()
    await visit.page.keyboard.press("Enter")
    await expect(visit.content).to_be_focused()
