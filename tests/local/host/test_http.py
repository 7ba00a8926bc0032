"""The HTTP trigger, through a real host and a real client."""

import asyncio
import base64
import gzip
import signal
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from .hosts import APPS, HostProcess, running_host

WEB = APPS / "web"


@pytest_asyncio.fixture(scope="module")
async def host() -> AsyncIterator[HostProcess]:
    """A host without keys."""
    env = {"AzureWebJobs.off.Disabled": "true"}
    async with running_host(WEB, "--answer-timeout", "1", env=env) as running:
        yield running


@pytest_asyncio.fixture(scope="module")
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client that sends what it is told and decodes nothing."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


@pytest.mark.parametrize(
    ("method", "path", "status", "route"),
    [
        ("GET", "/api/echo/7", 200, {"id": "7"}),
        ("GET", "/API/Echo/7/", 200, {"id": "7"}),
        ("POST", "/api/echo/-7/list", 200, {"id": "-7", "tab": "list"}),
        ("GET", "/api/echo/seven", 200, {"name": "seven"}),
        ("GET", "/api/echo/a%2Fb%20%25c", 200, {"name": "a%2Fb %c"}),
        ("GET", "/api/files/a/b/c.txt", 200, {"path": "a/b/c.txt"}),
        ("GET", "/api/files", 200, {}),
        ("POST", "/api/echo/seven", 404, None),
        ("GET", "/api/echo/seven/list", 404, None),
        ("HEAD", "/api/echo/7", 404, None),
        ("OPTIONS", "/api/echo/7", 404, None),
        ("GET", "/echo/7", 404, None),
        ("GET", "/", 404, None),
        ("GET", "/api/switched-off", 404, None),
    ],
)
async def test_requests_are_routed_like_on_azure(
    host: HostProcess,
    client: aiohttp.ClientSession,
    method: str,
    path: str,
    status: int,
    route: dict[str, str] | None,
) -> None:
    """A request reaches the function whose template and method fit, or gets 404."""
    async with client.request(method, URL(host.url + path, encoded=True)) as answer:
        assert answer.status == status
        if route is not None:
            assert (await answer.json())["route"] == route


async def test_a_literal_beats_a_parameter(host: HostProcess, client: aiohttp.ClientSession) -> None:
    """A literal segment wins over a parameter; a str becomes a text answer."""
    async with client.get(host.url + "/api/echo/LATEST") as answer:
        assert await answer.text() == "latest"
        assert answer.content_type == "text/plain"


async def test_a_function_sees_the_request_as_on_azure(
    host: HostProcess, client: aiohttp.ClientSession
) -> None:
    """Header names are lower-case, repeated names joined, empty query values gone."""
    url = URL(host.url + "/api/echo/7?a=1&a=2&empty=&b=x%20y", encoded=True)
    headers = [("X-Twice", "1"), ("X-Twice", "2"), ("Content-Encoding", "gzip")]
    body = gzip.compress(b"zipped")
    async with client.post(url, data=body, headers=headers) as answer:
        seen: dict[str, Any] = await answer.json()
    assert seen["query"] == {"a": "1,2", "b": "x y"}
    assert seen["headers"]["x-twice"] == "1,2"
    assert seen["url"] == str(url)
    assert base64.b64decode(seen["body"]) == body


async def test_a_chunked_body_arrives_empty(host: HostProcess, client: aiohttp.ClientSession) -> None:
    """Only a body of known length is forwarded."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"some"

    async with client.post(host.url + "/api/echo/7", data=chunks()) as answer:
        assert (await answer.json())["body"] == ""


async def test_a_body_over_100_mb_is_refused(host: HostProcess, client: aiohttp.ClientSession) -> None:
    """A longer body is answered with 413 before it is read."""
    headers = {"Content-Length": str(100 * 2**20 + 1), "Expect": "100-continue"}
    timeout = aiohttp.ClientTimeout(total=10)
    async with client.post(host.url + "/api/echo/7", data=b"", headers=headers, timeout=timeout) as answer:
        assert answer.status == 413


async def test_status_headers_and_cookies_reach_the_client(
    host: HostProcess, client: aiohttp.ClientSession
) -> None:
    """The answer of a function is sent whole, each cookie in a header of its own."""
    async with client.get(host.url + "/api/cookies") as answer:
        assert answer.status == 201
        assert answer.headers["X-One"] == "1"
        assert answer.headers.getall("Set-Cookie") == ["a=1; Path=/", "b=2; HttpOnly"]


async def test_a_failure_is_an_empty_500_and_one_line_of_log(
    host: HostProcess, client: aiohttp.ClientSession
) -> None:
    """The client learns nothing of the error, the log names it and its place."""
    async with client.get(host.url + "/api/fail") as answer:
        assert answer.status == 500
        assert await answer.read() == b""
    await host.line(r"ERROR host: function fail failed .*out of cheese.* at function_app.py:\d+$")
    assert not host.matching("Traceback")


async def test_a_slow_answer_is_given_up(host: HostProcess, client: aiohttp.ClientSession) -> None:
    """A function that outlasts the load balancer gives its client 504."""
    async with client.get(host.url + "/api/slow/2") as answer:
        assert answer.status == 504


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/api/guarded", None, 401),
        ("/api/guarded", "wrong", 401),
        ("/api/guarded", "f-key", 200),
        ("/api/guarded", "m-key", 200),
        ("/api/master", "f-key", 401),
        ("/api/master", "m-key", 200),
        ("/api/echo/7", None, 200),
        ("/admin/host/status", None, 401),
        ("/admin/host/status", "f-key", 401),
        ("/admin/host/status", "m-key", 200),
        ("/admin/functions/none", "m-key", 404),
    ],
)
async def test_keys_guard_functions(
    guarded: HostProcess,
    client: aiohttp.ClientSession,
    path: str,
    key: str | None,
    status: int,
) -> None:
    """The key counts in the header as in the query, and its level must reach."""
    by_header = {"x-functions-key": key} if key else {}
    by_query = f"?code={key}" if key else ""
    async with client.get(guarded.url + path, headers=by_header) as answer:
        assert answer.status == status
    async with client.get(guarded.url + path + by_query) as answer:
        assert answer.status == status


@pytest_asyncio.fixture(scope="module")
async def guarded() -> AsyncIterator[HostProcess]:
    """A host with keys, one by the environment."""
    env = {"FUNCTIONS_LOCAL_MASTER_KEY": "m-key"}
    async with running_host(WEB, "--function-key", "f-key", env=env) as running:
        yield running


async def test_without_keys_all_is_open(host: HostProcess, client: aiohttp.ClientSession) -> None:
    """As under `func start`, auth levels are not enforced when no key is set."""
    for path in ("/api/guarded", "/api/master", "/admin/host/status"):
        async with client.get(host.url + path) as answer:
            assert answer.status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stopped_host_finishes_its_answers(client: aiohttp.ClientSession, number: int) -> None:
    """A request under way is answered, then the host exits with 0."""
    async with running_host(WEB) as host:
        request = asyncio.create_task(client.request("GET", host.url + "/api/slow/0.5"))
        await host.line("slow begins")
        assert await host.stop(number) == 0
        async with await request as answer:
            assert await answer.text() == "done"
