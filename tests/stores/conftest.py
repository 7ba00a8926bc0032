"""The stores as the service builds them: on Azurite, and on a Cosmos endpoint that fails on demand."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from local.azurite import Azurite
from local.cosmos import LocalCosmos
from local.provision import provision
from shared.config import read_settings
from shared.services import Services, build
from shared.stores.usage import UsageStore


@pytest.fixture
async def cosmos() -> AsyncIterator[LocalCosmos]:
    """A fresh endpoint in this process."""
    async with LocalCosmos() as endpoint:
        yield endpoint


@pytest.fixture
async def services(azurite: Azurite, cosmos: LocalCosmos) -> AsyncIterator[Services]:
    """The service's own stores, with the clients as it configures them."""
    await provision(azurite.connection_string, cosmos.url, cosmos.key)
    settings = {
        "USAGE_STORAGE": azurite.connection_string,
        "COSMOS_ENDPOINT": cosmos.url,
        "COSMOS_KEY": cosmos.key,
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
