"""Calls to foreign URLs: what is refused, what is bounded, and that nothing leads inside."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.alerts.ports import Result
from shared.channels.outbound import Caller, PrivateAddress, check_url, is_public, public_socket, result_of
from shared.errors import InvalidInput
from tests.channels.receiver import receiver
from tests.tls import new_certificate, tls_front

NOW = datetime(2026, 11, 22, 14, 35, tzinfo=UTC)
PUBLIC, LOOPBACK = "93.184.215.14", "127.0.0.1"
NEAR = Caller(to_private=True, seconds=5)

WIDE = "https://" + "".join(chr(0xFEE0 + ord(one)) for one in "localhost")  # as wide letters
GOOD = [
    "https://example.com", "https://example.com/", "https://example.com:443/hooks?a=b#c",
    "HTTPS://Example.COM:8443/x", "https://bücher.example/", "https://xn--bcher-kva.example/",
    "https://8.8.8.8/", "https://[2606:4700:4700::1111]/", "https://local.example.com", "https://1.example",
]  # fmt: skip
BAD = {
    "must begin with https://": ["http://example.com", "ftp://example.com", "gopher://a.b"],
    "is not valid": [
        "", "example.com", "https://", "file:///etc/passwd", "https:///x", "https:example.com",
        "https://exa mple.com",
        "https://example.com/\r\nX: y", "https://example.com\\@127.0.0.1/", "https://example.com:99999",
        "https://example.com:no", "https://[::1", "https://[zz]/", f"https://{'a' * 64}.com", "https://\x00.com",
    ],
    "must not contain a user name or password": [
        "https://user@example.com", "https://user:secret@example.com", "https://example.com@127.0.0.1/",
        "https://:secret@example.com",
    ],
    "must use port 443 or 8443": [
        "https://example.com:80", "https://example.com:22/", "https://example.com:6379", "https://8.8.8.8:8080",
    ],
    "must not lead to a private or reserved address": [
        "https://127.0.0.1", "https://127.8.9.1/", "https://10.0.0.1", "https://172.16.0.1",
        "https://192.168.1.1", "https://169.254.169.254/metadata", "https://168.63.129.16/machine",
        "https://100.64.0.1", "https://0.0.0.0", "https://224.0.0.1", "https://240.0.0.1",
        "https://255.255.255.255", "https://192.0.2.1", "https://198.18.0.1", "https://[::1]", "https://[::]",
        "https://[::ffff:127.0.0.1]", "https://[::ffff:8.8.8.8]", "https://[::127.0.0.1]",
        "https://[64:ff9b::7f00:1]", "https://[64:ff9b::808:808]", "https://[2002:7f00:1::]",
        "https://[2002:808:808::]", "https://[2001:0:7f00:1::]", "https://[fe80::1]", "https://[fe80::1%25lo]",
        "https://[fc00::1]", "https://[fec0::1]", "https://[ff02::1]", "https://[2001:db8::1]",
        "https://①②⑦.⓪.⓪.①", "https://127。0。0。1",
    ],
    "has no valid host: an IPv4 address is four decimal numbers": [
        "https://127.1", "https://2130706433", "https://0x7f000001", "https://0x7f.0.0.1",
        "https://0177.0.0.1", "https://017700000001", "https://127.0.0.256", "https://1.2.3.4.5",
        "https://example.0x7f", "https://0x",
    ],
    "has no valid host": [
        "https://example.com.", "https://127.0.0.1.", "https://localhost.", "https://a..example",
        "https://.example", "https://127%2e0%2e0%2e1/",
    ],
    "must not lead to a private network": [
        "https://localhost", "https://LOCALHOST:8443", "https://app.localhost", "https://printer",
        "https://db.internal", "https://nas.local", "https://router.home.arpa", WIDE,
    ],
}  # fmt: skip


@pytest.mark.parametrize("url", GOOD)
def test_a_public_url_may_be_called(url: str) -> None:
    """Names in any alphabet and public addresses, on the ports of https."""
    check_url(url)


@pytest.mark.parametrize(("reason", "url"), [(reason, url) for reason, urls in BAD.items() for url in urls])
def test_a_url_that_leads_inside_is_refused(reason: str, url: str) -> None:
    """However the address is spelt; the error names the field and the reason."""
    with pytest.raises(InvalidInput) as refused:
        check_url(url)
    (error,) = refused.value.errors
    assert (error.field, error.reason) == ("url", reason)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8025/hooks", "http://localhost/", "https://10.0.0.1:9000"])
def test_on_a_machine_of_ones_own_private_urls_are_good(url: str) -> None:
    """By http too, on any port; a user name is refused there as well."""
    check_url(url, to_private=True)
    with pytest.raises(InvalidInput):
        check_url(url.replace("//", "//user@"), to_private=True)


def test_no_public_address_is_mistaken() -> None:
    """The edges of the blocks; each address is told from its neighbour."""
    pairs = [
        ("9.255.255.255", "10.0.0.0"), ("100.63.255.255", "100.64.0.0"), ("126.255.255.255", "127.0.0.0"),
        ("172.32.0.0", "172.31.255.255"), ("168.63.129.17", "168.63.129.16"), ("2003::1", "2002::1"),
        ("2a00::1", "4000::1"), ("223.255.255.255", "224.0.0.0"),
    ]  # fmt: skip
    assert [(is_public(good), is_public(bad)) for good, bad in pairs] == [(True, False)] * len(pairs)


class Dns(AbstractResolver):
    """Answers in turn with these lists of addresses."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The next answer."""
        return [
            ResolveResult(
                hostname=host, host=address, port=port, proto=0, flags=0,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
            )
            for address in self.answers.pop(0)
        ]  # fmt: skip

    async def close(self) -> None:
        """Nothing to close."""


@pytest_asyncio.fixture
async def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that sockets were connected to; none answers."""
    found: list[str] = []

    async def connect(sock: socket.socket, address: Any) -> None:  # noqa: ANN401 - of any family
        found.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", connect)
    return found


async def test_a_name_that_changes_its_address_leads_nowhere(connected: list[str]) -> None:
    """DNS that answers first public, then 127.0.0.1: the address is judged when it is connected to."""
    caller = Caller(resolver=Dns([PUBLIC], [LOOPBACK], ["::ffff:127.0.0.1"], ["169.254.169.254", "10.1.2.3"]))
    details = [(await caller.post("https://rebind.example.com/", b"{}", {}, NOW)).detail for _ in range(4)]
    assert details == ["The receiver cannot be reached."] + ["The name leads to a private address."] * 3
    assert connected == [PUBLIC]


async def test_of_several_addresses_only_public_ones_are_tried(connected: list[str]) -> None:
    """A private one among them is left out, wherever it stands."""
    caller = Caller(resolver=Dns([LOOPBACK, PUBLIC, "fe80::1", "::1"]))
    result = await caller.post("https://both.example.com/", b"{}", {}, NOW)
    assert (result.is_delivered, result.is_final) == (False, False)
    assert set(connected) == {PUBLIC}


@pytest.mark.parametrize("host", [LOOPBACK, "::1", "fe80::1%1", "169.254.169.254", "::ffff:10.0.0.1"])
def test_no_socket_is_made_for_a_private_address(host: str) -> None:
    """Whatever had let it through before."""
    with pytest.raises(PrivateAddress):
        public_socket((socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 443)))


async def test_a_refused_url_is_not_called() -> None:
    """It is final, and the reason is told."""
    async with receiver() as there:
        result = await Caller().post(there.url, b"{}", {}, NOW)
        assert there.calls == []
    assert result == Result(False, None, "The URL must begin with https://.", is_final=True)


async def test_a_call_has_its_body_and_headers_and_no_others() -> None:
    """No cookie that an answer set before, no credentials, no proxy of the environment."""
    async with receiver() as there:
        there.headers = {"Set-Cookie": "a=b"}
        for _ in range(2):
            assert (await NEAR.post(f"{there.url}/in?a=1", b'{"a":1}', {"X-Own": "1"}, NOW)).is_delivered
        call = there.calls[1]
    assert (call.path, call.body, call.headers["X-Own"]) == ("/in", b'{"a":1}', "1")
    assert call.headers["User-Agent"] == "usage-analytics/1"
    assert call.headers["Content-Type"] == "application/json"
    assert not {"Cookie", "Authorization", "Proxy-Authorization"} & set(call.headers)


async def test_the_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be asked to connect, and could reach what we cannot."""
    async with receiver() as there, receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert (await NEAR.post(there.url, b"{}", {}, NOW)).is_delivered
        assert (len(there.calls), proxy.calls) == (1, [])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    """Not even to a place that would be allowed; it is a failure that says why."""
    async with receiver() as there, receiver() as inside:
        there.status, there.headers = status, {"Location": f"{inside.url}/secret"}
        result = await NEAR.post(there.url, b"{}", {}, NOW)
        assert inside.calls == []
    assert (result.is_delivered, result.status, result.is_final) == (False, status, False)
    assert result.detail == f"The receiver answered {status}; redirects are not followed."


async def test_a_receiver_that_does_not_answer_is_left() -> None:
    """After the time that a call has."""
    async with receiver() as there:
        there.answer = there.never
        result = await Caller(to_private=True, seconds=0.2).post(there.url, b"{}", {}, NOW)
    assert (result.is_delivered, result.status, result.is_final) == (False, None, False)
    assert result.detail == "No answer within 0.2 seconds."


async def test_the_body_of_an_answer_is_not_waited_for() -> None:
    """The status says everything: a body without end takes neither time nor memory."""
    async with receiver() as there:
        there.answer = there.endless
        started = monotonic()
        assert (await NEAR.post(there.url, b"{}", {}, NOW)).is_delivered
    assert monotonic() - started < NEAR.seconds


async def test_a_connection_that_breaks_is_a_failure() -> None:
    """And so is a port on which nobody listens, and one that speaks no TLS; all may go better later."""
    with socket.create_server((LOOPBACK, 0)) as taken:
        free = taken.getsockname()[1]
    async with receiver() as there:
        there.answer = there.reset
        broken = await NEAR.post(there.url, b"{}", {}, NOW)
        plain = await NEAR.post(there.url.replace("http:", "https:"), b"{}", {}, NOW)
    nobody = await NEAR.post(f"http://{LOOPBACK}:{free}", b"{}", {}, NOW)
    assert [one.detail for one in (broken, plain, nobody)] == [
        "The connection broke before there was an answer.",
        "The receiver offers no TLS connection that can be used.",
        "The receiver cannot be reached.",
    ]
    assert not any(one.is_delivered or one.is_final or one.status for one in (broken, plain, nobody))


async def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    """Before anything is sent."""
    async with receiver() as there:
        port = int(there.url.rsplit(":", 1)[1])
        async with tls_front(new_certificate(tmp_path), port) as url:
            result = await NEAR.post(url, b"{}", {}, NOW)
        assert there.calls == []
    assert result.detail == "The certificate of the receiver is not valid."


@pytest.mark.parametrize(
    ("status", "is_delivered", "is_gone"),
    [(200, True, False), (201, True, False), (204, True, False), (299, True, False), (304, False, False),
     (400, False, False), (401, False, False), (404, False, False), (409, False, False), (410, False, True),
     (429, False, False), (500, False, False), (503, False, False), (599, False, False)],
)  # fmt: skip
def test_what_an_answer_means(status: int, is_delivered: bool, is_gone: bool) -> None:
    """Only 2xx is success, and only 410 is the end."""
    result = result_of(status, None, NOW)
    assert (result.is_delivered, result.is_gone, result.is_final) == (is_delivered, is_gone, is_gone)
    assert result.status == status
    assert str(status) in result.detail


@pytest.mark.parametrize(
    ("status", "text", "wait"),
    [
        (429, "120", 120), (503, " 7 ", 7), (429, "0", 0), (200, "120", None), (500, "120", None),
        (429, "999999999", 999_999_999), (429, "9" * 400, None), (429, "-5", None), (429, "soon", None),
        (429, "1.5", None), (429, "", None), (429, "١٢", None),
        (503, format_datetime(NOW + timedelta(minutes=3), usegmt=True), 180),
        (503, format_datetime(NOW - timedelta(days=3), usegmt=True), 0),
        (503, "Sun, 22 Nov 2026 14:40:00 -0000", 300), (503, "Sun, 99 Nov 2026 14:40:00 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_understood(status: int, text: str, wait: int | None) -> None:
    """Seconds or a date, of 429 and 503; what makes no sense is as if it were not there."""
    found = result_of(status, text, NOW).retry_after
    assert found == (None if wait is None else timedelta(seconds=wait))
