"""Tokens of Microsoft Entra ID: believed when an issuer's own key signed them for us, and never else."""

import asyncio
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.config import EntraSettings
from shared.entra import AGAIN, FRESH, LEEWAY, MOST_TOKEN, RETRY, STALE, EntraTokens
from shared.errors import NotAllowed, NotAuthenticated, Unavailable
from shared.keys import Access, Scope, authenticate, check_operator
from tests.entra import AUDIENCE, Issuer, public_jwk, rsa_key
from tests.fakes import NOW


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        """The time."""
        return self.seconds


class NoKeys:
    """A service without API keys."""

    async def find(self, key_id: str) -> None:
        """Nothing."""


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer of this test alone."""
    async with Issuer() as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    """The clock by which keys grow old."""
    return Clock()


@pytest.fixture
def tokens(issuer: Issuer, clock: Clock) -> EntraTokens:
    """What is under test."""
    return EntraTokens(
        EntraSettings(issuer.name, AUDIENCE, issuer.jwks_uri, "extension_tenantId"), clock=clock
    )


async def test_a_good_token_opens_its_tenant(issuer: Issuer, tokens: EntraTokens) -> None:
    """With the scopes of its roles; roles of others mean nothing."""
    roles = ["Usage.Read", "Usage.Alerts", "Usage.Operator", "Mail.Read", 7]
    found = await tokens.access(issuer.token(roles=roles))
    assert found == Access("contoso", frozenset({"read", "alerts", "operator"}))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": -LEEWAY - 5},
        {"nbf": LEEWAY + 30},
        {"exp": None},
        {"nbf": None},
        {"iss": None},
        {"aud": None},
        {"aud": "api://another"},
        {"aud": ["api://another"]},
        {"iss": "https://sts.example/"},
        {"exp": "tomorrow"},
    ],
    ids=str,
)
async def test_a_token_for_another_time_or_place_is_refused(
    issuer: Issuer, tokens: EntraTokens, claims: dict[str, Any]
) -> None:
    """Expired, not yet valid, for another audience, of another issuer, or silent about any of these."""
    given: dict[str, Any] = {
        name: int(time.time()) + value if isinstance(value, int) else value for name, value in claims.items()
    }
    with pytest.raises(NotAuthenticated):
        await tokens.access(issuer.token(**given))


async def test_clocks_may_differ_by_a_minute(issuer: Issuer, tokens: EntraTokens) -> None:
    """Just expired is good enough."""
    assert await tokens.access(issuer.token(exp=int(time.time()) - LEEWAY + 30))


def unsigned(issuer: Issuer) -> str:
    """A token that says it needs no signature."""
    head, body, _ = issuer.token().split(".")
    none = urlsafe_b64encode(json.dumps({"alg": "none", "kid": "key-1"}).encode()).decode().rstrip("=")
    assert head != none
    return f"{none}.{body}."


def confused(issuer: Issuer) -> str:
    """A token signed with HMAC, whose secret is the public key that everybody knows."""
    secret = rsa_key("key-1").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = {"alg": "HS256", "kid": "key-1", "typ": "JWT"}
    parts = [urlsafe_b64encode(json.dumps(head).encode()).decode().rstrip("="), issuer.token().split(".")[1]]
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        ".".join(parts).encode(), secret
    )
    return ".".join([*parts, urlsafe_b64encode(signature).decode().rstrip("=")])


def tampered(issuer: Issuer) -> str:
    """A token whose tenant was changed after it was signed."""
    head, _, signature = issuer.token().split(".")
    return ".".join([head, issuer.token(extension_tenantId="fabrikam").split(".")[1], signature])


@pytest.mark.parametrize("forge", [unsigned, confused, tampered], ids=lambda forge: forge.__name__)
async def test_a_forged_token_is_refused(issuer: Issuer, tokens: EntraTokens, forge: Any) -> None:  # noqa: ANN401
    """No algorithm but RSA is believed, and no change."""
    with pytest.raises(NotAuthenticated):
        await tokens.access(forge(issuer))


async def test_a_stranger_s_signature_is_refused(issuer: Issuer, tokens: EntraTokens) -> None:
    """A key that is not published opens nothing, also under the id of one that is."""
    forged = jwt.encode(jwt.decode(issuer.token(), options={"verify_signature": False}),
                        rsa_key("stranger"), "RS256", {"kid": "key-1"})  # fmt: skip
    for token in (issuer.token("stranger"), forged):
        with pytest.raises(NotAuthenticated):
            await tokens.access(token)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "..", "e30.e30.e30", "x" * (MOST_TOKEN + 1)])
async def test_what_is_no_token_is_refused(issuer: Issuer, tokens: EntraTokens, token: str) -> None:
    """Without a look at the issuer's keys."""
    with pytest.raises(NotAuthenticated):
        await tokens.access(token)
    assert issuer.asked == 0


async def test_only_usable_keys_are_taken(issuer: Issuer, tokens: EntraTokens) -> None:
    """Keys for encryption, of other kinds or without an id are passed over, and so is what they signed."""
    issuer.published += [
        {**public_jwk("key-2"), "use": "enc"},
        {"kty": "oct", "kid": "key-3", "k": "c2VjcmV0"},
        {name: value for name, value in public_jwk("key-4").items() if name != "kid"},
    ]
    assert await tokens.access(issuer.token())
    for key in ("key-2", "key-3", "key-4"):
        with pytest.raises(NotAuthenticated):
            await tokens.access(issuer.token(key))


@pytest.mark.parametrize("roles", [None, [], "Usage.Read", ["usage.read"], ["Admin"], [["Usage.Read"]]])
async def test_a_token_without_a_role_is_not_allowed(
    issuer: Issuer, tokens: EntraTokens, roles: object
) -> None:
    """It is genuine, so that this is another error."""
    with pytest.raises(NotAllowed):
        await tokens.access(issuer.token(roles=roles))


@pytest.mark.parametrize("tenant", [None, "", 7, ["contoso"], "a b", "x" * 65])
async def test_a_token_without_a_tenant_reaches_no_usage(
    issuer: Issuer, tokens: EntraTokens, tenant: object
) -> None:
    """Nobody's usage is opened by a claim that is missing or can be no tenant."""
    token = issuer.token(extension_tenantId=tenant)
    with pytest.raises(NotAllowed, match="tenant"):
        await authenticate(NoKeys(), token, "read", NOW, tokens)


@pytest.mark.parametrize("scope", ["ingest", "alerts"])
async def test_a_role_allows_what_it_names_alone(issuer: Issuer, tokens: EntraTokens, scope: Scope) -> None:
    """Reading is no ingesting."""
    assert (await authenticate(NoKeys(), issuer.token(), "read", NOW, tokens)).tenant_id == "contoso"
    with pytest.raises(NotAllowed, match=scope):
        await authenticate(NoKeys(), issuer.token(), scope, NOW, tokens)


async def test_an_operator_has_a_role_of_its_own(issuer: Issuer, tokens: EntraTokens) -> None:
    """Readers are not operators; operators need no tenant."""
    await check_operator(issuer.token(roles=["Usage.Operator"], extension_tenantId=None), "", tokens)
    with pytest.raises(NotAllowed):
        await check_operator(issuer.token(), "", tokens)
    with pytest.raises(NotAuthenticated):
        await check_operator(issuer.token(roles=["Usage.Operator"]), "")


async def test_an_api_key_is_never_taken_for_a_token(tokens: EntraTokens, issuer: Issuer) -> None:
    """And without the settings a token is no API key."""
    with pytest.raises(NotAuthenticated):
        await authenticate(NoKeys(), "oneai_unknown", "read", NOW, tokens)
    with pytest.raises(NotAuthenticated):
        await authenticate(NoKeys(), issuer.token(), "read", NOW)


async def test_keys_are_asked_for_once(issuer: Issuer, tokens: EntraTokens, clock: Clock) -> None:
    """However many tokens come at a time, until the keys are old."""
    await asyncio.gather(*(tokens.access(issuer.token()) for _ in range(20)))
    clock.seconds += FRESH
    await tokens.access(issuer.token())
    assert issuer.asked == 1
    clock.seconds += 1
    await tokens.access(issuer.token())
    assert issuer.asked == 2


async def test_a_rotated_key_is_found(issuer: Issuer, tokens: EntraTokens, clock: Clock) -> None:
    """Within a minute of its first token; the key that was withdrawn opens nothing any more."""
    await tokens.access(issuer.token())
    issuer.published = [public_jwk("key-2")]
    clock.seconds += AGAIN
    assert await tokens.access(issuer.token("key-2"))
    with pytest.raises(NotAuthenticated):
        await tokens.access(issuer.token("key-1"))


async def test_made_up_key_ids_cost_one_lookup_a_minute(
    issuer: Issuer, tokens: EntraTokens, clock: Clock
) -> None:
    """A stranger cannot make us ask the issuer at will."""
    await tokens.access(issuer.token())
    for _ in range(10):
        clock.seconds += AGAIN / 5
        with pytest.raises(NotAuthenticated):
            await tokens.access(issuer.token("stranger"))
    assert issuer.asked == 3


async def test_known_keys_hold_while_the_issuer_is_down(
    issuer: Issuer, tokens: EntraTokens, clock: Clock
) -> None:
    """For a day; then nobody is believed until it is back."""
    await tokens.access(issuer.token())
    issuer.status = 500
    clock.seconds += STALE
    assert await tokens.access(issuer.token())
    clock.seconds += RETRY
    with pytest.raises(Unavailable):
        await tokens.access(issuer.token())
    issuer.status = 200
    clock.seconds += RETRY
    assert await tokens.access(issuer.token())


@pytest.mark.parametrize("published", [[], "keys", [{"kty": "RSA", "kid": "key-1", "n": "x", "e": "AQAB"}]])
async def test_without_keys_nothing_is_believed(
    issuer: Issuer,
    tokens: EntraTokens,
    published: Any,  # noqa: ANN401
) -> None:
    """An issuer that publishes none, or nonsense, lets nobody in."""
    issuer.published = published
    with pytest.raises((NotAuthenticated, Unavailable)):
        await tokens.access(issuer.token())


async def test_a_small_key_is_not_believed(issuer: Issuer, tokens: EntraTokens) -> None:
    """An RSA key of under 2,048 bits is passed over."""
    issuer.published = [public_jwk("small"), public_jwk("key-1")]
    small = jwt.encode(jwt.decode(issuer.token(), options={"verify_signature": False}),
                       rsa_key("key-1"), "RS256", {"kid": "small"})  # fmt: skip
    with pytest.raises(NotAuthenticated, match="does not publish"):
        await tokens.access(small)


@pytest.mark.parametrize("uri", ["http://login.example/keys", "ftp://127.0.0.2/keys", "keys", "file:///keys"])
def test_keys_come_over_https(uri: str) -> None:
    """Plain http is for this machine alone."""
    with pytest.raises(ValueError, match="https"):
        EntraTokens(EntraSettings("https://login.example", AUDIENCE, uri, "tenant_id"))
