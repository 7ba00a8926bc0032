"""The stores as the service builds them: on Azurite, and on a Cosmos endpoint that fails on demand.

TEST_COSMOS_ENDPOINT and TEST_COSMOS_KEY put another endpoint in its place: in CI the official emulator.
"""

import os
from collections.abc import AsyncIterator
from inspect import signature
from uuid import uuid4

import pytest

from local.azurite import Azurite
from local.cosmos import LocalCosmos
from local.provision import provision
from shared.config import read_settings
from shared.services import Services, build
from shared.stores.usage import UsageStore

OTHER_ENDPOINT = os.environ.get("TEST_COSMOS_ENDPOINT")


@pytest.fixture
async def cosmos() -> AsyncIterator[LocalCosmos]:
    """A fresh endpoint in this process."""
    async with LocalCosmos() as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def only_our_endpoint_fails_on_demand(request: pytest.FixtureRequest) -> None:
    """Against another endpoint (the official emulator) the tests of faults make no sense."""
    if OTHER_ENDPOINT and "cosmos" in signature(request.function).parameters:
        pytest.skip("needs an endpoint that fails on demand")


@pytest.fixture
async def services(azurite: Azurite, cosmos: LocalCosmos) -> AsyncIterator[Services]:
    """The service's own stores, with the clients as it configures them."""
    url, key = OTHER_ENDPOINT or cosmos.url, os.environ.get("TEST_COSMOS_KEY") or cosmos.key
    container = f"usage-{uuid4().hex}"  # other endpoints are not fresh for each test
    await provision(azurite.connection_string, url, key, container)
    settings = {
        "USAGE_STORAGE": azurite.connection_string,
        "COSMOS_ENDPOINT": url,
        "COSMOS_KEY": key,
        "COSMOS_CONTAINER": container,
        "OPERATOR_KEY_SHA256": "0" * 64,
    }
    built = build(read_settings(settings))
    yield built
    await built.close()


@pytest.fixture
def usage(services: Services) -> UsageStore:
    """The documents."""
    assert isinstance(services.stores.usage, UsageStore)
    return services.stores.usage


@pytest.fixture
def tenant_id() -> str:
    """A tenant of this test alone: the tables are shared."""
    return f"tenant-{uuid4().hex[:12]}"
