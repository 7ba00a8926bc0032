"""The static page beside the functions."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from .hosts import APPS, running_host

CONFIG = {
    "globalHeaders": {"X-Content-Type-Options": "nosniff"},
    "routes": [
        {"route": "/assets/*", "headers": {"Cache-Control": "immutable"}},
        {"route": "/", "headers": {"Cache-Control": "no-cache"}},
    ],
}


@pytest_asyncio.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The URL of a host that serves a small page; a file beside the page's folder is a secret."""
    folder = tmp_path_factory.mktemp("site") / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>Hello</h1>")
    (folder / "assets" / "app.js").write_text("start();")
    (folder / "staticwebapp.config.json").write_text(json.dumps(CONFIG))
    (folder.parent / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    async with running_host(APPS / "web", "--static", str(folder)) as host:
        yield host.url


@pytest_asyncio.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield session


async def test_files_come_with_their_type_and_headers(site: str, client: aiohttp.ClientSession) -> None:
    """The root is the page; each file has its type, the headers of all files and those of its route."""
    async with client.get(f"{site}/") as page:
        assert (page.status, await page.text()) == (200, "<h1>Hello</h1>")
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Cache-Control"] == "no-cache"
    async with client.get(f"{site}/assets/app.js") as script:
        assert (script.status, await script.text()) == (200, "start();")
        assert script.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert script.headers["Cache-Control"] == "immutable"


async def test_what_is_known_is_not_sent_again(site: str, client: aiohttp.ClientSession) -> None:
    """A file with the ETag that the browser has is answered by 304 without a body."""
    async with client.get(f"{site}/") as first:
        tag = first.headers["ETag"]
    async with client.get(f"{site}/", headers={"If-None-Match": tag}) as again:
        assert (again.status, await again.read()) == (304, b"")
    async with client.get(f"{site}/", headers={"If-None-Match": '"other"'}) as other:
        assert other.status == 200


async def test_head_has_no_body(site: str, client: aiohttp.ClientSession) -> None:
    """HEAD tells the length and sends nothing."""
    async with client.head(f"{site}/assets/app.js") as head:
        assert (head.status, head.headers["Content-Length"], await head.read()) == (200, "8", b"")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "//etc/passwd",
        "/link.txt",
        "/staticwebapp.config.json",
        "/assets",
        "/assets/",
        "/%00",
        f"/{'a' * 300}",
        "/nothing.js",
    ],
)
async def test_only_files_of_the_page_are_served(site: str, client: aiohttp.ClientSession, path: str) -> None:
    """No path leads out of the folder, to its configuration, to a folder or to an error."""
    async with client.get(URL(site + path, encoded=True)) as response:
        assert (response.status, await response.text()) == (404, "")


async def test_functions_stay_what_they_are(site: str, client: aiohttp.ClientSession) -> None:
    """The API comes first, and the page takes nothing but GET and HEAD."""
    async with client.get(f"{site}/api/echo/seven") as echo:
        assert echo.status == 200
    async with client.post(f"{site}/") as post:
        assert post.status == 404


async def test_without_a_page_there_is_none(tmp_path: Path, client: aiohttp.ClientSession) -> None:
    """A folder that is not built yet is no error: there is just no page."""
    async with (
        running_host(APPS / "web", "--static", str(tmp_path / "dist")) as host,
        client.get(f"{host.url}/") as page,
    ):
        assert page.status == 404
