"""A visit of the page in the browser, as tests make it."""

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from playwright.async_api import ConsoleMessage, Locator, Page, Request, expect

from dashboard.build import MODULES

TABS = ("overview", "by-feature", "by-user", "by-product", "quota", "primitives", "alerts")
STORED = "usage-analytics.token"
# Of each row what stands in it, by the headings: the exact value of a number, the text of anything else.
ROWS = """table => {
  const titles = [...table.tHead.rows[0].cells].map((cell) => cell.innerText.trim());
  const read = (cell) => cell.querySelector("data")?.value
    ?? (cell.querySelector(".cell-link, time, .badge") ?? cell).innerText.trim();
  const row = (one) => Object.fromEntries([...one.cells].map((cell, index) => [titles[index], read(cell)]));
  return {rows: [...table.tBodies[0].rows].map(row), totals: row(table.tFoot.rows[0])};
}"""
# The table is wider than a phone and scrolls in its own box; the page itself must not.
TOO_WIDE = "() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth"


@cache
def axe() -> str:
    """The checker, as script."""
    return (MODULES / "axe-core" / "axe.min.js").read_text()


def content_of(file: Path) -> bytes:
    """The bytes of a file that was saved."""
    return file.read_bytes()


@dataclass
class Visit:
    """A page of one browser context. `complaints` are what the browser found wrong on it."""

    page: Page
    site: str
    key: str
    complaints: list[str] = field(default_factory=list)
    forgiven: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", self._watch)
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    @property
    def content(self) -> Locator:
        """What the tab shows."""
        return self.page.locator("#content")

    async def open(self, tab: str = "overview", **state: str) -> None:
        """Goes to a tab, as somebody who is signed in, and waits for its numbers."""
        await self.page.goto(f"{self.site}/?{urlencode({'tab': tab, **state})}")
        await self.ready()

    async def ready(self) -> None:
        """Waits until everything is loaded."""
        await expect(self.page.locator("#dashboard")).to_be_visible()
        await expect(self.content).not_to_have_attribute("aria-busy", "true")

    async def table(self) -> tuple[list[dict[str, str]], dict[str, str]]:
        """The rows of the table, and its totals."""
        read = await self.content.locator("table").first.evaluate(ROWS)
        return read["rows"], read["totals"]

    async def column(self, title: str) -> list[str]:
        """One column of the table."""
        return [row[title] for row in (await self.table())[0]]

    async def saved(self) -> tuple[str, bytes]:
        """The name and the bytes of the file that Export saves."""
        async with self.page.expect_download() as starting:
            await self.page.locator("#export").click()
        download = await starting.value
        return download.suggested_filename, content_of(await download.path())

    async def too_wide(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(await self.page.evaluate(TOO_WIDE))

    async def flaws(self) -> list[str]:
        """What axe finds on the page as it is."""
        if not await self.page.evaluate("() => 'axe' in window"):
            await self.page.evaluate(axe())
        found = await self.page.evaluate("() => axe.run(document, {preload: false})")
        return [
            f"{one['id']}: {node['html'][:120]} ({node['failureSummary'][:200]})"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    def forgive(self, pattern: str) -> None:
        """Takes a complaint for granted, where a test provokes it."""
        self.forgiven.append(pattern)

    def check(self) -> None:
        """Raises AssertionError if the browser complained, which includes all that the policy refused."""
        left = [one for one in self.complaints if not any(re.search(p, one) for p in self.forgiven)]
        assert not left, left
        assert self.key not in self.page.url

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text}")

    def _watch(self, request: Request) -> None:
        there = urlsplit(request.url)
        if there.scheme in {"http", "https"} and there.netloc != urlsplit(self.site).netloc:
            self.complaints.append(f"request to {there.netloc}")
        if self.key in request.url:
            self.complaints.append("the key is in a URL")
