"""The Chromium of the browser tests. `python -m tests.dashboard.browser` installs one where there is none.

A fresh machine may have none. As root on Debian it is one `apt-get`; elsewhere a line says what to do,
and the tests are skipped, but for CI (`CI=true`), where a missing browser is a failure.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ADVICE = "No Chromium: install the package `chromium`, or run `.venv/bin/playwright install chromium`."
FLAGS = (
    "--no-sandbox",  # containers: tests run as root there
    "--disable-dev-shm-usage",  # and have little shared memory
    "--disable-features=LocalNetworkAccessChecks",  # a portal embeds the page of this machine
)


class NoBrowser(Exception):
    """There is no Chromium; the text says what to install."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The machine's Chromium, else Playwright's own. Raises NoBrowser."""
    async with async_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = next(filter(None, map(shutil.which, (*NAMES, own))), None)
        if found is None:
            raise NoBrowser(ADVICE)
        browser = await playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        await browser.close()


def is_ci() -> bool:
    """Whether a missing browser is a failure."""
    return os.environ.get("CI", "").lower() in {"true", "1"}


def install() -> None:
    """Installs Debian's Chromium where that can be done without asking anybody."""
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return
    print("Installing Chromium (once) ...", flush=True)  # noqa: T201
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        subprocess.run([apt, *command], check=False, stdout=subprocess.DEVNULL, env=environment)  # noqa: S603


def main() -> None:
    """The command."""
    if not any(map(shutil.which, NAMES)) and not _has_own():
        install()
        if not any(map(shutil.which, NAMES)):
            sys.exit(ADVICE) if is_ci() else print(f"{ADVICE} The tests of the page are skipped.")  # noqa: T201


def _has_own() -> bool:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return shutil.which(playwright.chromium.executable_path) is not None


if __name__ == "__main__":
    main()
