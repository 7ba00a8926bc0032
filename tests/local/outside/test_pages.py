"""The pages: what arrived can be read, and cannot do anything."""

import pytest

from tests.local.outside.conftest import Visitor, secret

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'"


@pytest.mark.parametrize("room", ["mails", "webhooks", "tickets"])
async def test_an_empty_room_says_so_and_looks_again(visitor: Visitor, room: str) -> None:
    """Someone who waits for the first alert needs to do nothing."""
    page = await visitor.page(f"/{room}")
    assert f"No {room} yet." in page
    assert '<meta http-equiv="refresh"' in page


async def test_the_first_page_shows_the_newest_mail(visitor: Visitor) -> None:
    """Its HTML is in a frame, its text and headers behind links; older ones are in the list."""
    await visitor.mail("Older")
    await visitor.mail("Newer", "Words.", "<p>Rich.</p>")
    page = await visitor.page("/")
    assert "<h1>Newer</h1>" in page
    assert "Older" in page
    assert 'src="/mails/2/html"' in page
    assert "Rich." in await visitor.page("/mails/2/html")
    assert "Words." in await visitor.page("/mails/2?tab=text")
    assert "multipart/alternative" in await visitor.page("/mails/2?tab=headers")
    assert "<h1>Older</h1>" in await visitor.page("/mails/1")


async def test_webhooks_and_tickets_are_shown(visitor: Visitor) -> None:
    """A call with its verdict and body; a ticket with its title, and how often it was sent."""
    await visitor.call(secret())
    page = await visitor.page("/webhooks")
    assert "Signature verified" in page
    assert "&#34;type&#34;: &#34;usage.alert.fired&#34;" in page
    for _ in range(2):
        await visitor.ticket("k", body={"title": "Quota reached", "description": "At 80 %."})
    page = await visitor.page("/tickets/2")
    assert ">At 80 %.</pre>" in page
    assert "<h1>Quota reached</h1>" in page
    assert "sent 2 times" in page


async def test_what_arrives_is_never_markup_of_a_page(visitor: Visitor) -> None:
    """Subjects, texts, bodies and headers are escaped, on each tab."""
    await visitor.mail(HOSTILE, HOSTILE)
    await visitor.ticket("k", body={"title": HOSTILE, "x": HOSTILE})
    pages = ["/mails/1?tab=text", "/mails/1?tab=headers", "/tickets/2?tab=body", "/tickets/2?tab=headers"]
    for path in pages:
        page = await visitor.page(path)
        assert "<script" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "html", ["<p>x</p>", "<html><HEAD lang=en><base href='//evil.example'></HEAD>x", "</iframe>x"]
)
async def test_a_mail_is_sandboxed(visitor: Visitor, html: str) -> None:
    """The frame and the document itself allow no script, no origin, no loading and no way to the top."""
    await visitor.mail("Hello", html=html)
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in await visitor.page("/")
    async with visitor.http.get("/mails/1/html") as response:
        document, policy = await response.text(), response.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; ")
    assert document.index('<base target="_blank">') < document.index("x")


async def test_every_page_has_a_strict_policy(visitor: Visitor) -> None:
    """No script, nothing from elsewhere, in no other page's frame."""
    async with visitor.http.get("/") as response:
        policy, sniffing = response.headers["Content-Security-Policy"], response.headers
    assert policy.startswith("default-src 'none'; style-src 'self';")
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert sniffing["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/mails/9", "/mails/9/html", "/tickets/x", "/nowhere", "/..%2farrivals.py"])
async def test_what_is_not_there_is_not_found(visitor: Visitor, path: str) -> None:
    """And that is all that happens."""
    async with visitor.http.get(path) as response:
        assert response.status == 404
