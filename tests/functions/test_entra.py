"""Signing in with Entra ID beside API keys, on the running service."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio

from local.stack import Stack
from tests.entra import AUDIENCE, Issuer
from tests.stack import Api, api_of


@dataclass(frozen=True, slots=True)
class Portal:
    """A service that believes an issuer."""

    api: Api
    issuer: Issuer


@pytest_asyncio.fixture(scope="module")
async def portal() -> AsyncIterator[Portal]:
    """A service of its own, and the issuer of its tokens."""
    async with Issuer() as issuer:
        settings = {
            "ENTRA_ISSUER": issuer.name,
            "ENTRA_AUDIENCE": AUDIENCE,
            "ENTRA_JWKS_URI": issuer.jwks_uri,
            "ENTRA_TENANT_CLAIM": "tenant_id",
        }
        async with Stack(settings=settings) as stack, api_of(stack) as api:
            yield Portal(api, issuer)


async def test_a_token_reads_and_writes_as_its_roles_say(portal: Portal) -> None:
    """Usage of its own tenant alone; a key of the tenant sees the same."""
    one, two = await portal.api.customer(), await portal.api.customer()
    token = portal.issuer.token(tenant_id=one.id, roles=["Usage.Read", "Usage.Ingest"])
    body = {"events": [one.event(), two.event()]}
    sent = await portal.api.ask("POST", "usage/events", token, body=body)
    assert (sent.status, sent.json["accepted"], sent.fields) == (400, 1, ["events[1].tenant_id"])
    read = await portal.api.ask("GET", "usage/summary", token)
    assert (read.status, read.json["totals"]["requests"], await one.requests()) == (200, 1, 1)
    assert await two.requests() == 0


async def test_a_token_lacks_what_its_roles_do_not_name(portal: Portal) -> None:
    """403 for a genuine token, 401 for any other, as with keys."""
    one = await portal.api.customer()
    reader = portal.issuer.token(tenant_id=one.id)
    assert (await portal.api.ask("GET", "usage/summary", reader)).status == 200
    assert (
        await portal.api.ask("POST", "usage/events", reader, body={"events": [one.event()]})
    ).status == 403
    assert (await portal.api.ask("GET", "operator/tenants", reader)).status == 403
    assert (await portal.api.ask("GET", "usage/summary", portal.issuer.token())).status == 403
    late = await portal.api.ask("GET", "usage/summary", portal.issuer.token(tenant_id=one.id, exp=1))
    assert (late.status, late.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert one.id not in late.raw.decode()


async def test_an_operator_may_sign_in(portal: Portal) -> None:
    """With the role of operators, and without a tenant; it opens nobody's usage."""
    token = portal.issuer.token(roles=["Usage.Operator"])
    assert (await portal.api.ask("GET", "operator/tenants", token)).status == 200
    assert (await portal.api.ask("GET", "usage/summary", token)).status == 403


async def test_without_the_settings_no_token_is_believed(api: Api) -> None:
    """The feature is off unless it is asked for."""
    async with Issuer() as issuer:
        customer = await api.customer()
        token = issuer.token(extension_tenantId=customer.id, roles=["Usage.Read", "Usage.Operator"])
        for path in ("usage/summary", "operator/tenants"):
            assert (await api.ask("GET", path, token)).status == 401
        assert issuer.asked == 0
