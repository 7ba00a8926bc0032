"""Microsoft Entra ID: what the access token of a signed-in user or application opens.

A token is believed only if an RSA key that the issuer publishes (JWKS) has signed it, for us and for
now. The keys are kept for an hour; a key id that is not among them is looked up, at most once a minute,
so that made-up ids cost nothing. While the issuer cannot be reached the keys last known hold for a day.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Any, TypedDict
from urllib.parse import urlsplit

import aiohttp
import jwt
from pydantic import TypeAdapter, ValidationError

from shared.config import EntraSettings
from shared.errors import NotAllowed, NotAuthenticated, Unavailable
from shared.event import TenantId
from shared.keys import Access

SCOPES = {
    "Usage.Read": "read",
    "Usage.Ingest": "ingest",
    "Usage.Alerts": "alerts",
    "Usage.Operator": "operator",
}
"""What each app role allows."""

ALGORITHM = "RS256"
LEEWAY = 60  # seconds that clocks may differ
MOST_TOKEN, MOST_JWKS = 16_384, 262_144  # bytes
FRESH, STALE = 3_600, 86_400  # seconds: keys are looked up again, keys are no longer believed
AGAIN, RETRY = 60, 5  # seconds until the next lookup, whatever asks for it; after one that failed
CHUNK, LEAST_BITS = 65_536, 2_048
TIMEOUT = aiohttp.ClientTimeout(total=5)
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
TENANT = TypeAdapter[str](TenantId)
log = logging.getLogger("usage.entra")


class Published(TypedDict):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[dict[str, Any]]


JWKS = TypeAdapter(Published)


class EntraTokens:
    """`shared.keys.Tokens` for one issuer and audience."""

    def __init__(self, settings: EntraSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds. ValueError unless the keys come over https, or from this machine."""
        self._settings = settings
        self._keys = KeySet(settings.jwks_uri, clock)

    async def access(self, token: str) -> Access:
        """What the token opens. Raises NotAuthenticated, NotAllowed (no known role) or Unavailable."""
        claims = await self._claims(token)
        roles = claims.get("roles")
        named = roles if isinstance(roles, list) else []
        scopes = frozenset(SCOPES[role] for role in named if isinstance(role, str) and role in SCOPES)
        if not scopes:
            raise NotAllowed("The token has no role of this service.")
        return Access(_tenant(claims.get(self._settings.tenant_claim)), scopes)

    async def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > MOST_TOKEN:
            raise NotAuthenticated("The token is too long.")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") != ALGORITHM or not isinstance(header.get("kid"), str):
                raise NotAuthenticated("The token is not signed as it should be.")
            key = await self._keys.find(header["kid"])
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[ALGORITHM], leeway=LEEWAY,
                audience=self._settings.audience, issuer=self._settings.issuer,
                options={"require": ["exp", "nbf", "iss", "aud"]},
            )  # fmt: skip
        except jwt.PyJWTError as error:
            raise NotAuthenticated("The token is not valid (any more), or not for this service.") from error
        return claims


def _tenant(claim: object) -> str:
    """The tenant that a claim names; "" where there is none."""
    try:
        return TENANT.validate_python(claim, strict=True)
    except ValidationError:
        return ""


class KeySet:
    """The signing keys that an issuer publishes, by their ids."""

    def __init__(self, uri: str, clock: Callable[[], float]) -> None:
        parts = urlsplit(uri)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ValueError("ENTRA_JWKS_URI must be https")
        self._uri, self._clock = uri, clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read = self._next = -math.inf
        self._lock = asyncio.Lock()

    async def find(self, key_id: str) -> jwt.PyJWK:
        """The key of that id. Raises NotAuthenticated, or Unavailable when the issuer cannot be asked."""
        if not self._is_fresh(key_id):
            async with self._lock:  # many requests wait for one lookup
                await self._look_up(key_id)
        if self._clock() - self._read > STALE:
            raise Unavailable("The keys of the token's issuer cannot be had.")
        if key_id not in self._keys:
            raise NotAuthenticated("The token is signed with a key that its issuer does not publish.")
        return self._keys[key_id]

    def _is_fresh(self, key_id: str) -> bool:
        return key_id in self._keys and self._clock() - self._read <= FRESH

    async def _look_up(self, key_id: str) -> None:
        if self._is_fresh(key_id) or self._clock() < self._next:
            return
        try:
            self._keys = await _published(self._uri)
        except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError) as error:
            log.warning("no keys from the issuer: %s", type(error).__name__)
            self._next = self._clock() + RETRY  # until then what is known holds, for as long as it may
            return
        self._read = self._clock()
        self._next = self._read + AGAIN


async def _published(uri: str) -> dict[str, jwt.PyJWK]:
    """The RSA keys at the address. Raises ClientError, TimeoutError, ValueError or PyJWTError."""
    body = bytearray()
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT, raise_for_status=True) as session,
        session.get(uri, allow_redirects=False) as response,
    ):
        async for chunk in response.content.iter_chunked(CHUNK):
            body += chunk
            if len(body) > MOST_JWKS:
                raise ValueError("too many keys")
    listed = JWKS.validate_json(bytes(body))["keys"]
    keys = {
        str(one["kid"]): jwt.PyJWK(one, ALGORITHM)
        for one in listed
        if one.get("kty") == "RSA" and one.get("use", "sig") == "sig" and one.get("kid")
    }
    return {key_id: key for key_id, key in keys.items() if key.key.key_size >= LEAST_BITS}
