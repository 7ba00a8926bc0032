"""`make screenshots`: every tab with the demo's data, at three widths, in both themes; one goes to docs/."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.async_api import Browser, expect

from dashboard.build import build
from local.demo import TENANT_ID
from local.run import Demo
from local.stack import Stack
from tests.dashboard.browser import NoBrowser, chromium
from tests.dashboard.visit import STORED, TABS, Visit
from tests.stack import Api, Customer, api_of

FOLDER = Path(".local/screenshots")
SHOWN = Path("docs/dashboard.png")
WIDTHS = {390: 844, 1024: 768, 1600: 1000}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@asynccontextmanager
async def demo() -> AsyncIterator[Customer]:
    """The demo's tenant, as `make run` has it, on a stack of its own."""
    with TemporaryDirectory() as folder:
        async with Stack() as stack, api_of(stack) as api:
            demonstration = Demo(stack, Path(folder))
            await demonstration.prepare()
            await demonstration.load_history()
            await demonstration.set_alerts()
            customer = Customer(api, TENANT_ID, demonstration.key)
            trickle = asyncio.create_task(demonstration.trickle())
            await settled(api, customer)
            for timer in ("snapshot_quotas", "evaluate_alerts"):
                await api.run_timer(timer)
            yield customer
            trickle.cancel()


async def settled(api: Api, customer: Customer) -> None:
    """Waits until the newest days have come through the queue; the extra pulses of the demo go on."""
    before = now = 0
    while not now or now - before > 1 or await api.waiting():
        await asyncio.sleep(2)
        before, now = now, (await customer.get("summary"))["data"]["requests_today"]


async def shoot(browser: Browser, customer: Customer, width: int, theme: Literal["light", "dark"]) -> None:
    """A picture of each tab."""
    viewport = {"width": width, "height": WIDTHS[width]}
    context = await browser.new_context(viewport=viewport, color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    await context.add_init_script(f"sessionStorage.setItem('{STORED}', '{customer.key}')")
    visit = Visit(await context.new_page(), customer.api.stack.url, customer.key)
    for tab in TABS:
        await visit.open(tab)
        await visit.page.screenshot(path=FOLDER / f"{tab}-{width}-{theme}.png", full_page=True)
        if (tab, width, theme) == ("overview", 1600, "light"):
            await visit.page.screenshot(path=SHOWN)
    await context.close()
    visit.check()


async def main() -> None:
    """The command."""
    expect.set_options(timeout=30_000)
    build()
    async with chromium() as browser, demo() as customer:
        for width in WIDTHS:
            for theme in THEMES:
                await shoot(browser, customer, width, theme)
    print(f"{len(WIDTHS) * len(THEMES) * len(TABS)} pictures in {FOLDER}/, and {SHOWN}")  # noqa: T201


if __name__ == "__main__":
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        asyncio.run(main())
    except NoBrowser as error:
        sys.exit(str(error))
