"""A fresh endpoint for each test, with a clock that moves only when told, and the real client."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy

from local.cosmos import LocalCosmos

INDEXING: dict[str, Any] = {
    "indexingMode": "consistent",
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": "/blob/*"}],
    "compositeIndexes": [[{"path": "/kind"}, {"path": "/n", "order": "descending"}]],
}

LARGE_BLOB = "x" * 900_000


# Whatever json.dumps takes.
type JSON = Any


class Clock:
    """Seconds since 1970 that stand still until `now` is set."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def new_client(cosmos: LocalCosmos, key: str | None = None, **options: JSON) -> CosmosClient:
    """The product's client: the real one, without the environment's proxy settings."""
    transport = AioHttpTransport(use_env_settings=False)
    return CosmosClient(cosmos.url, key or cosmos.key, transport=transport, **options)


async def rows(container: ContainerProxy, query: str, **parameters: JSON) -> list[Any]:
    """All results of a query in the partition `t`."""
    given = [{"name": f"@{name}", "value": value} for name, value in parameters.items()]
    pages = container.query_items(query, parameters=given, partition_key="t")
    return [row async for row in pages]


@pytest.fixture
def clock() -> Clock:
    """The clock of `cosmos`."""
    return Clock()


@pytest.fixture
async def cosmos(clock: Clock) -> AsyncIterator[LocalCosmos]:
    """A fresh endpoint in memory."""
    async with LocalCosmos(clock=clock) as endpoint:
        yield endpoint


@pytest.fixture
async def client(cosmos: LocalCosmos) -> AsyncIterator[CosmosClient]:
    """A client of `cosmos`."""
    async with new_client(cosmos) as client:
        yield client


@pytest.fixture
async def database(client: CosmosClient) -> DatabaseProxy:
    """The database `usage`."""
    return await client.create_database("usage")


@pytest.fixture
async def container(database: DatabaseProxy) -> ContainerProxy:
    """The container `usage`, partitioned by tenantId, with TTL switched on."""
    return await database.create_container(
        "usage", PartitionKey("/tenantId"), indexing_policy=INDEXING, default_ttl=-1
    )
