"""Calls to URLs that others have chosen, which must not become a way into our own network.

`check_url` refuses what can be seen in the URL. Where a name leads is known only when it is connected to:
the socket's address is checked then, so no answer of DNS, however it changes, leads inside. The URL is
read by the parser that the client uses. Redirects are not followed, and the answer's body is not read.
"""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ipaddress import IPv6Address, IPv6Network, ip_address

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.connector import AddrInfoType
from yarl import URL

from shared.alerts.ports import Result
from shared.errors import InvalidInput

PORTS = {443, 8443}
SECONDS = 15.0  # for all of a call
USER_AGENT = "usage-analytics/1"
UNCLEAN = re.compile(r"[\x00-\x20\x7f\\]")
NUMBER = re.compile(r"\d+|0x[0-9a-f]*")  # as the last part of a host: an IPv4 address, however it is spelt
MOST_LABEL = 63  # characters between two dots of a name
INSIDE = ("localhost", "local", "internal", "intranet", "lan", "home.arpa")
AZURE_PLATFORM = ip_address("168.63.129.16")  # a public address that leads to the host of the machine
GLOBAL_UNICAST = IPv6Network("2000::/3")
BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


class PrivateAddress(OSError):
    """The name leads to an address that is not of the public internet."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Makes the calls; `to_private` lets them reach this machine and its network, by http too.

    `resolver` stands in for the machine's DNS.
    """

    to_private: bool = False
    seconds: float = SECONDS
    resolver: AbstractResolver | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], now: datetime) -> Result:
        """Makes one call with a JSON body. Whatever goes wrong is told by the result."""
        try:
            check_url(url, self.to_private)
            status, answered = await self._post(url, body, headers)
        except InvalidInput as error:
            return Result(False, None, f"The URL {error.errors[0].reason}.", is_final=True)
        except TimeoutError:
            return Result(False, None, f"No answer within {self.seconds:g} seconds.")
        except (aiohttp.ClientError, OSError) as error:
            return Result(False, None, _trouble(error))
        return result_of(status, answered.get("Retry-After"), now)

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str]]:
        connector = aiohttp.TCPConnector(
            resolver=self.resolver,
            socket_factory=None if self.to_private else public_socket,
            use_dns_cache=False,
        )
        own = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        async with (
            aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=self.seconds),
                trust_env=False,
            ) as session,
            session.post(URL(url), data=body, headers={**own, **headers}, allow_redirects=False) as response,
        ):
            return response.status, response.headers


def check_url(url: str, to_private: bool = False) -> None:
    """Raises InvalidInput for a URL that is not to be called: its reason completes "The URL …"."""
    if reason := _reason_against(url, to_private):
        raise InvalidInput.of("url", reason)


def _reason_against(url: str, to_private: bool) -> str | None:
    try:
        parts = URL(url)
        host, port = parts.raw_host, parts.port
    except ValueError:
        return "is not valid"
    if UNCLEAN.search(url) or not host or not parts.absolute or max(map(len, host.split("."))) > MOST_LABEL:
        return "is not valid"
    if parts.scheme != "https" and not (to_private and parts.scheme == "http"):
        return "must begin with https://"
    if parts.raw_user is not None or parts.raw_password is not None or "@" in parts.raw_authority:
        return "must not contain a user name or password"
    if to_private:
        return None
    if port not in PORTS:
        return f"must use port {' or '.join(map(str, sorted(PORTS)))}"
    return _reason_against_host(host.lower())


def _reason_against_host(host: str) -> str | None:
    try:
        return None if is_public(host) else "must not lead to a private or reserved address"
    except ValueError:
        labels = host.split(".")
    if "%" in host or ":" in host or "" in labels:
        return "has no valid host"
    if NUMBER.fullmatch(labels[-1]):
        return "has no valid host: an IPv4 address is four decimal numbers"
    if len(labels) == 1 or any(host == name or host.endswith(f".{name}") for name in INSIDE):
        return "must not lead to a private network"
    return None


def is_public(address: str) -> bool:
    """Whether the IP address is one of the public internet. Raises ValueError for what is none.

    Of IPv6 only plain addresses are: those that carry one of IPv4 would be a way around.
    """
    ip = ip_address(address)
    if not ip.is_global or ip.is_multicast or ip == AZURE_PLATFORM:
        return False
    return not isinstance(ip, IPv6Address) or ip in GLOBAL_UNICAST


def public_socket(address: AddrInfoType) -> socket.socket:
    """A socket for this very address. Raises PrivateAddress before anything is connected."""
    family, kind, protocol, _, (host, *_) = address
    if not is_public(str(host)):
        raise PrivateAddress("The name leads to a private address.")
    return socket.socket(family, kind, protocol)


def result_of(status: int, retry_after: str | None, now: datetime) -> Result:
    """What an answer means: 2xx is success, 410 that the URL is no more, anything else may go better."""
    detail = f"The receiver answered {status}."
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        detail = f"The receiver answered {status}; redirects are not followed."
    is_gone = status == HTTPStatus.GONE
    return Result(
        is_delivered=HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES,
        status=status,
        detail=detail,
        is_final=is_gone,
        is_gone=is_gone,
        retry_after=_wait(retry_after, now) if status in BUSY and retry_after else None,
    )


def _wait(retry_after: str, now: datetime) -> timedelta | None:
    """The wait that a Retry-After asks for, in seconds or as a date; None where it makes no sense."""
    text = retry_after.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return timedelta(seconds=int(text))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now, timedelta(0))


def _trouble(error: Exception) -> str:
    """What went wrong, in words that tell a stranger nothing of our network."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "The host name is not known."
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, PrivateAddress):
        return str(error.os_error)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "The certificate of the receiver is not valid."
    if isinstance(error, aiohttp.ClientSSLError):
        return "The receiver offers no TLS connection that can be used."
    if isinstance(error, aiohttp.ClientConnectorError):
        return "The receiver cannot be reached."
    return "The connection broke before there was an answer."
