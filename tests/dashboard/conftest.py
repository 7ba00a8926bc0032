"""Fixtures of the browser tests: one browser, one host that serves the page, one tenant that is known."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, expect

from dashboard.build import build
from local.stack import Process, Stack, port_of
from tests.dashboard import cast
from tests.dashboard.browser import NoBrowser, chromium, is_ci
from tests.dashboard.cast import Known
from tests.dashboard.visit import STORED, Visit
from tests.stack import Api

PORTAL = "http://portal.example"  # may embed the page
SLOW = 15_000  # milliseconds: generous, as only a failing test waits for it

type Visitor = Callable[..., Awaitable[Visit]]


@dataclass
class Site:
    """A host of its own, so that a test may kill it."""

    stack: Stack
    dist: Path
    process: Process

    @classmethod
    async def start(cls, stack: Stack, dist: Path, port: int = 0) -> "Site":
        """Serves the page and the API."""
        arguments = (".", "--port", str(port), "--static", str(dist))
        process = await Process.start("The host", "local.host", *arguments, environment=stack.environment)
        return cls(stack, dist, process)

    @property
    def url(self) -> str:
        """Where it is."""
        return self.process.url

    async def restart(self) -> None:
        """Starts it again, at its place."""
        again = await Site.start(self.stack, self.dist, port_of(self.url))
        self.process = again.process


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    expect.set_options(timeout=SLOW)
    try:
        async with chromium() as running:
            yield running
    except NoBrowser as error:
        (pytest.fail if is_ci() else pytest.skip)(str(error))


@pytest_asyncio.fixture(scope="package")
async def site(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The page as it is built now, and the API of the stack."""
    dist = build(tmp_path_factory.mktemp("page"), parents=[PORTAL])
    running = await Site.start(stack, dist)
    yield running
    await running.process.stop()


@pytest_asyncio.fixture(scope="session")
async def known(api: Api) -> Known:
    """The tenant. Tests only read it."""
    return await cast.known(api)


async def context_of(browser: Browser, key: str, **given: Any) -> BrowserContext:  # noqa: ANN401
    """A browser of somebody; with a key every page of it is signed in."""
    settings = {"locale": "en-GB", "timezone_id": "UTC", "reduced_motion": "reduce", **given}
    context = await browser.new_context(**settings)
    if key:
        await context.add_init_script(f"sessionStorage.setItem('{STORED}', '{key}')")
    return context


@pytest_asyncio.fixture(scope="package")
async def desk(browser: Browser, site: Site, known: Known) -> AsyncIterator[BrowserContext]:
    """The browser that most visits share: it has the page in its cache."""
    context = await context_of(browser, known.key)
    yield context
    await context.close()


@pytest_asyncio.fixture
async def visit(desk: BrowserContext, site: Site, known: Known) -> AsyncIterator[Visit]:
    """A visit of somebody who is signed in, on a desk. At the end the browser may not have complained."""
    visit = Visit(await desk.new_page(), site.url, known.key)
    yield visit
    await visit.page.close()
    visit.check()


@pytest_asyncio.fixture
async def visitor(browser: Browser, site: Site, known: Known) -> AsyncIterator[Visitor]:
    """Makes a visit with a new browser, signed in with the key unless that is empty.

    What is given besides is how this browser is set.
    """
    visits: list[Visit] = []

    async def come(key: str = known.key, **given: Any) -> Visit:  # noqa: ANN401 - settings of Playwright
        context = await context_of(browser, key, **given)
        visits.append(Visit(await context.new_page(), site.url, key or known.key))
        return visits[-1]

    yield come
    for visit in visits:
        await visit.page.context.close()
        visit.check()
