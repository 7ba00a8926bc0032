"""Without keys the stores sign in as a managed identity: the whole chain, to endpoints that check.

The identity endpoint is that of App Service, the token goes through azure-identity and the SDKs, and
the stores' side takes no token but the one that was issued for it.
"""

import os
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient
from azure.cosmos.exceptions import CosmosHttpResponseError

from local.cosmos import LocalCosmos
from local.operator import connect
from shared.config import Settings, read_settings
from shared.services import build, build_alerting
from shared.stores import schema
from shared.stores.charges import ChargedTransport
from shared.tenants import Tenant
from tests.channels.cast import MAIL, note
from tests.tls import HOST, new_certificate, server_context, tls_front

CLIENT_ID = "5b0e3f4e-0000-4000-8000-000000000001"
STORAGE = "https://storage.azure.com"
SENT = (
    "<?xml version='1.0'?><QueueMessagesList><QueueMessage><MessageId>m</MessageId><PopReceipt>p</PopReceipt>"
    "</QueueMessage></QueueMessagesList>"
)
CONTOSO = Tenant(id="contoso", name="Contoso")


@dataclass(slots=True)
class Identity:
    """What App Service has beside an app: who knows the secret gets tokens of its identity."""

    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    issued: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    genuine: bool = True

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Issues a token for a resource, to the client id that is known."""
        resource = request.query.get("resource", "")
        self.asked.append(resource)
        known = request.headers.get("X-IDENTITY-HEADER") == self.secret
        if not known or request.query.get("client_id") != CLIENT_ID:
            return web.json_response({"message": "no such identity"}, status=400)
        token = secrets.token_urlsafe(24)
        if self.genuine:
            self.issued[resource] = token
        expires = str(int(time.time()) + 3_600)
        return web.json_response(
            {"access_token": token, "expires_on": expires, "resource": resource, "token_type": "Bearer"}
        )


@dataclass(slots=True)
class Tables:
    """As much of Storage as finding a tenant and sending a message takes; shared keys are off."""

    identity: Identity
    refused: int = 0
    messages: list[str] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """The entity or a receipt, to the token that was issued for storage."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if (scheme, token) != ("Bearer", self.identity.issued.get(STORAGE, "none")):
            self.refused += 1
            error = {"odata.error": {"code": "AuthenticationFailed", "message": {"value": "no"}}}
            return web.json_response(error, status=401)
        if request.method == "POST":
            self.messages.append(await request.text())
            return web.Response(status=201, text=SENT, content_type="application/xml")
        entity = {"PartitionKey": "tenant", "RowKey": CONTOSO.id, "document": CONTOSO.model_dump_json()}
        return web.Response(body=orjson.dumps(entity), content_type="application/json")


@dataclass(frozen=True, slots=True)
class Cloud:
    """The endpoints of one test."""

    identity: Identity
    tables: Tables
    environment: dict[str, str]

    @property
    def settings(self) -> Settings:
        """What the service reads of it."""
        return read_settings(self.environment)


@pytest.fixture
async def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cloud]:
    """An identity, and stores that take its tokens; all that is known of them is in the settings."""
    identity = Identity()
    tables = Tables(identity)
    certificate = new_certificate(tmp_path)
    runners = [web.ServerRunner(web.Server(handler)) for handler in (identity.answer, tables.answer)]
    for runner, context in zip(runners, (None, server_context(certificate)), strict=True):
        await runner.setup()
        await web.TCPSite(runner, HOST, 0, ssl_context=context).start()
    identity_port, tables_port = (runner.addresses[0][1] for runner in runners)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://{HOST}:{identity_port}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", identity.secret)
    trusting = {"use_env_settings": False, "connection_verify": str(certificate)}
    monkeypatch.setattr("shared.services._transport", partial(AioHttpTransport, **trusting))
    monkeypatch.setattr(
        "shared.stores.charges.ChargedTransport",
        lambda **_: ChargedTransport(**trusting),
    )
    async with LocalCosmos(aad=lambda token: token in cosmos_tokens(identity)) as cosmos:
        async with CosmosClient(cosmos.url, cosmos.key) as owner:
            database = await owner.create_database(schema.DATABASE)
            await database.create_container(schema.CONTAINER, PartitionKey(schema.PARTITION_KEY))
        async with tls_front(certificate, int(cosmos.url.rstrip("/").rsplit(":", 1)[1])) as url:
            cosmos.url = url  # where the account says that it is
            yield Cloud(identity, tables, {
                "USAGE_STORAGE__tableServiceUri": f"https://{HOST}:{tables_port}/",
                "USAGE_STORAGE__queueServiceUri": f"https://{HOST}:{tables_port}/",
                "USAGE_STORAGE__clientId": CLIENT_ID,
                "COSMOS_ENDPOINT": url,
                "OPERATOR_KEY_SHA256": "0" * 64,
            })  # fmt: skip
    for runner in runners:
        await runner.cleanup()


def cosmos_tokens(identity: Identity) -> set[str]:
    """The tokens that were issued for Cosmos."""
    return {token for resource, token in identity.issued.items() if resource != STORAGE}


async def test_the_stores_sign_in_as_the_managed_identity(cloud: Cloud) -> None:
    """Storage and Cosmos are read and written, each with a token of its own, which is asked for once."""
    services = build(cloud.settings)
    segment = {"id": "seg|2026-11-01|1", "tenantId": "contoso", "kind": "segment", "day": "2026-11-01"}
    assert await services.tenants.find("contoso") == CONTOSO
    assert await services.stores.usage.add_segment(segment)
    stored = await services.stores.usage.find("contoso", segment["id"])
    assert stored is not None
    assert stored["day"] == "2026-11-01"
    await build_alerting(services).outbox.put(note(MAIL))
    assert len(cloud.tables.messages) == 1
    await services.close()
    assert sorted(cloud.identity.issued) == sorted(cloud.identity.asked)
    assert len(cloud.identity.asked) == 2
    assert cloud.identity.asked[0] == STORAGE


async def test_a_wrong_token_is_refused(cloud: Cloud) -> None:
    """Neither store takes the token of another service, and nothing falls back to a key."""
    cloud.identity.genuine = False
    services = build(cloud.settings)
    with pytest.raises(ClientAuthenticationError):
        await services.tenants.find("contoso")
    with pytest.raises(CosmosHttpResponseError) as caught:
        await services.stores.usage.find("contoso", "x")
    await services.close()
    assert caught.value.status_code == 401
    assert cloud.tables.refused


async def test_without_the_identity_s_secret_there_is_no_token(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process beside the app gets nothing."""
    monkeypatch.setenv("IDENTITY_HEADER", "guessed")
    services = build(cloud.settings)
    with pytest.raises(HttpResponseError):
        await services.tenants.find("contoso")
    await services.close()
    assert cloud.identity.issued == {}


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cloud: Cloud) -> None:
    """A stand-in for the Azure CLI, at which somebody has signed in: it has a token for each store."""
    tokens = {STORAGE: secrets.token_urlsafe(24), "cosmos": secrets.token_urlsafe(24)}
    cloud.identity.issued.update(tokens)
    answer = '{"accessToken": "%s", "expires_on": 4102444800}'
    script = tmp_path / "az"
    script.write_text(
        f'#!/bin/sh\ncase "$*" in\n'
        f"*{STORAGE}*) echo '{answer % tokens[STORAGE]}' ;;\n"
        f"*) echo '{answer % tokens['cosmos']}' ;;\nesac\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


@pytest.mark.usefixtures("az")
async def test_an_operator_s_command_signs_in_by_the_azure_cli(cloud: Cloud) -> None:
    """It reads and writes as whoever ran `az login`, and the managed identity is not asked."""
    services = connect(cloud.environment)
    segment = {"id": "seg|2026-11-01|1", "tenantId": "contoso", "kind": "segment", "day": "2026-11-01"}
    assert await services.tenants.find("contoso") == CONTOSO
    assert await services.stores.usage.add_segment(segment)
    await services.close()
    assert cloud.identity.asked == []


async def test_who_has_not_signed_in_is_told_so(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the Azure CLI a command ends with one line that names it."""
    monkeypatch.setenv("PATH", "")
    services = connect(cloud.environment)
    with pytest.raises(ClientAuthenticationError, match="Azure CLI"):
        await services.tenants.find("contoso")
    await services.close()
