"""Signing in and out; where the key is, and where it is not; and the portal that hands over a token."""

import json

import pytest
from playwright.async_api import FrameLocator, Route, expect

from tests.dashboard.cast import Known
from tests.dashboard.conftest import PORTAL, Visitor
from tests.dashboard.visit import STORED, Visit

STRANGER = "http://stranger.example"
KEPT = "() => JSON.stringify([{...localStorage}, document.cookie, location.href, history.state])"


async def sign_in(visit: Visit, key: str) -> None:
    """Types a key into the form."""
    await visit.page.locator("#key").fill(key)
    await visit.page.get_by_role("button", name="Sign in").click()


async def test_a_key_opens_the_page_and_stays_in_the_session(visitor: Visitor, known: Known) -> None:
    """It is in sessionStorage, and in no URL, cookie or local storage; a reload does not ask again."""
    visit = await visitor(key="")
    await visit.page.goto(f"{visit.site}/?tab=by-feature&period=7d")
    await expect(visit.page.locator("#key")).to_be_focused()
    await sign_in(visit, known.key)
    await visit.ready()
    await expect(visit.page.locator("#tab-by-feature")).to_have_attribute("aria-current", "page")
    await visit.page.reload()
    await visit.ready()
    assert await visit.page.evaluate(f"() => sessionStorage['{STORED}']") == known.key
    assert known.key not in await visit.page.evaluate(KEPT)
    assert known.key not in await visit.page.content()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("oneai_nobody_has_this_one", "This key is not accepted."),
        ("", "Enter your API key."),
        ("two words", "This is no API key"),
    ],
)
async def test_a_wrong_key_is_refused_in_words(visitor: Visitor, key: str, said: str) -> None:
    """The form says so, keeps the focus in the field, and nothing is kept."""
    visit = await visitor(key="")
    visit.forgive("status of 401")
    await visit.page.goto(visit.site)
    await sign_in(visit, key)
    await expect(visit.page.get_by_role("alert")).to_contain_text(said)
    await expect(visit.page.locator("#key")).to_have_attribute("aria-invalid", "true")
    await expect(visit.page.locator("#dashboard")).to_be_hidden()
    assert await visit.page.evaluate(f"() => sessionStorage.getItem('{STORED}')") is None


async def test_sign_out_forgets_everything(visitor: Visitor, known: Known) -> None:
    """No number is left on the page, Back does not bring one, and the key is gone."""
    visit = await visitor(key="")
    await visit.page.goto(f"{visit.site}/?tab=by-feature")
    await sign_in(visit, known.key)
    await visit.ready()
    await visit.page.locator("#tab-by-user").click()
    await visit.ready()
    await visit.page.locator("#sign-out").click()
    await expect(visit.page.locator("#key")).to_be_visible()
    await visit.page.go_back()
    await expect(visit.page.locator("#dashboard")).to_be_hidden()
    assert "ticket-suggest" not in await visit.page.content()
    assert await visit.page.evaluate("() => sessionStorage.length") == 0


async def test_a_key_that_ends_leads_back_to_the_form(visit: Visit) -> None:
    """The next question is answered with 401: the form comes, and says why."""
    visit.forgive("status of 401")
    await visit.open("by-feature")
    await visit.page.evaluate(f"() => sessionStorage.setItem('{STORED}', 'oneai_revoked')")
    await visit.page.locator("#tab-by-user").click()
    await expect(visit.page.locator("#key")).to_be_visible()
    await expect(visit.page.get_by_role("alert")).not_to_be_empty()
    await expect(visit.page.locator("#dashboard")).to_be_hidden()


async def embed(visit: Visit, origin: str, token: str, sender: str = "parent") -> FrameLocator:
    """A portal of that origin, which embeds the page and answers with a token when it is ready.

    The answer comes from the portal itself (`parent`), or from another frame that it embeds.
    """
    give = json.dumps({"type": "usage-analytics:token", "token": token})
    answer = f"source.postMessage({give}, '*')"
    script = f"""addEventListener("message", ({{source, data}}) => {{
        if (data.type !== "usage-analytics:ready") return;
        document.body.dataset.isAsked = "yes";
        {answer if sender == "parent" else ""}
    }})"""
    other = f"setInterval(() => parent.frames[0].postMessage({give}, '*'), 50)"
    frames = f"<iframe id=page width=1200 height=900 src='{visit.site}/'></iframe>"
    if sender == "frame":
        frames += f"<iframe src='{STRANGER}/other'></iframe>"
    pages = {
        f"{origin}/": f"<!doctype html><script>{script}</script>{frames}",
        f"{STRANGER}/other": f"<!doctype html><script>{other}</script>",
    }

    async def serve(route: Route) -> None:
        await route.fulfill(content_type="text/html", body=pages.get(route.request.url, ""))

    await visit.page.context.route(lambda url: url.startswith((PORTAL, STRANGER)), serve)
    visit.forgive(r"request to (portal|stranger)\.example$")
    await visit.page.goto(f"{origin}/")
    return visit.page.frame_locator("#page")


async def test_the_portal_hands_over_a_token(visitor: Visitor, known: Known) -> None:
    """Embedded by an allowed origin, the page asks for a token, takes it, and shows the numbers."""
    visit = await visitor(key="")
    frame = await embed(visit, PORTAL, known.key)
    await expect(frame.locator(".card").first).to_be_visible()
    await expect(frame.locator("#content")).not_to_have_attribute("aria-busy", "true")
    await expect(frame.locator("#key")).to_be_hidden()


async def test_only_the_parent_is_believed(visitor: Visitor, known: Known) -> None:
    """Another frame in the portal has a good token, too, and is ignored: the page asks for a key."""
    visit = await visitor(key="")
    await visit.page.clock.install()
    frame = await embed(visit, PORTAL, known.key, sender="frame")
    await expect(visit.page.locator("body")).to_have_attribute("data-is-asked", "yes")
    await visit.page.clock.run_for(6_000)
    await expect(frame.locator("#key")).to_be_visible()
    await expect(frame.locator("#dashboard")).to_be_hidden()


async def test_a_stranger_cannot_embed_the_page(visitor: Visitor, known: Known) -> None:
    """The policy of the page forbids it, and nobody is asked for a token."""
    visit = await visitor(key="")
    visit.forgive("frame-ancestors")
    visit.forgive("chrome-error")
    frame = await embed(visit, STRANGER, known.key)
    await expect(frame.locator("#sign-in")).to_have_count(0)
    await expect(visit.page.locator("body")).not_to_have_attribute("data-is-asked", "yes")
    assert [one for one in visit.complaints if "frame-ancestors" in one]
