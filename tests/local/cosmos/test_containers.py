"""Databases and containers through the real client."""

from typing import Any

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import (
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from tests.local.cosmos.conftest import INDEXING


async def test_databases_live_until_deleted(client: CosmosClient) -> None:
    """A database is created once, listed, found again by create_if_not_exists, and deleted with all."""
    database = await client.create_database("one")
    for name in ("c1", "c2"):
        await database.create_container(name, PartitionKey("/tenantId"))
    with pytest.raises(CosmosResourceExistsError):
        await client.create_database("one")
    await client.create_database_if_not_exists("one")
    assert [entry["id"] async for entry in client.list_databases()] == ["one"]
    await client.delete_database("one")
    assert [entry async for entry in client.list_databases()] == []
    with pytest.raises(CosmosResourceNotFoundError):
        await client.get_database_client("one").read()


async def test_container_keeps_its_properties(database: DatabaseProxy, container: ContainerProxy) -> None:
    """A container answers with the partition key, indexing policy and TTL that it was made with."""
    properties = await container.read()
    assert properties["partitionKey"] == {"paths": ["/tenantId"], "kind": "Hash", "version": 2}
    assert properties["defaultTtl"] == -1
    assert properties["indexingPolicy"]["excludedPaths"] == INDEXING["excludedPaths"]
    assert [entry["id"] async for entry in database.list_containers()] == ["usage"]
    with pytest.raises(CosmosResourceExistsError):
        await database.create_container("usage", PartitionKey("/tenantId"))


async def test_recreated_container_is_empty(database: DatabaseProxy, container: ContainerProxy) -> None:
    """Items go with their container, also for a client that knew the old one."""
    await container.create_item({"id": "a", "tenantId": "t"})
    await database.delete_container("usage")
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("a", "t")
    again = await database.create_container_if_not_exists("usage", PartitionKey("/tenantId"))
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("a", "t")
    await again.create_item({"id": "a", "tenantId": "t"})


@pytest.mark.parametrize(
    ("key", "options", "message"),
    [
        (PartitionKey(["/a", "/b"], kind="MultiHash"), {}, "partition keys other than one path"),
        (PartitionKey("/a", version=1), {}, "partition keys other than one path"),
        (PartitionKey("/a"), {"default_ttl": 0}, "'defaultTtl' must be"),
        (
            PartitionKey("/a"),
            {"unique_key_policy": {"uniqueKeys": [{"paths": ["/x"]}]}},
            "container settings uniqueKeyPolicy",
        ),
    ],
)
async def test_refuses_other_containers(
    database: DatabaseProxy, key: PartitionKey, options: dict[str, Any], message: str
) -> None:
    """A container that would behave otherwise than asked is refused with the reason."""
    with pytest.raises(CosmosHttpResponseError, match=message) as caught:
        await database.create_container("c", key, **options)
    assert caught.value.status_code == 400


async def test_refuses_what_is_not_implemented(container: ContainerProxy) -> None:
    """Patch, change feed, cross-partition queries and feeds are 400s that say so."""
    await container.create_item({"id": "a", "tenantId": "t"})
    patch = [{"op": "add", "path": "/x", "value": 1}]
    with pytest.raises(CosmosHttpResponseError, match=r"not implemented here.*patch"):
        await container.patch_item("a", "t", patch)
    with pytest.raises(CosmosHttpResponseError, match=r"not implemented here.*change feed"):
        _ = [row async for row in container.query_items_change_feed(partition_key="t")]
    with pytest.raises(CosmosHttpResponseError, match="not implemented here"):
        _ = [row async for row in container.query_items("SELECT * FROM c")]
    with pytest.raises(CosmosHttpResponseError, match="not implemented here"):
        _ = [row async for row in container.read_all_items()]
