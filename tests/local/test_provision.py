"""Provisioning: from empty stores to what the service needs, as often as one likes."""

from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos.aio import CosmosClient
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from local.azurite import Azurite
from local.cosmos import LocalCosmos
from local.provision import provision
from shared.stores import schema


async def test_it_makes_what_is_missing_and_keeps_what_is_there(azurite: Azurite) -> None:
    """Queues, tables, database and container exist afterwards; a second time loses nothing."""
    async with LocalCosmos() as cosmos:
        await provision(azurite.connection_string, cosmos.url, cosmos.key)
        async with (
            CosmosClient(
                cosmos.url, cosmos.key, transport=AioHttpTransport(use_env_settings=False)
            ) as client,
            TableServiceClient.from_connection_string(azurite.connection_string) as tables,
            QueueServiceClient.from_connection_string(azurite.connection_string) as queues,
        ):
            container = client.get_database_client(schema.DATABASE).get_container_client(schema.CONTAINER)
            await container.create_item({"id": "kept", "tenantId": "t"})
            await provision(azurite.connection_string, cosmos.url, cosmos.key)
            assert (await container.read_item("kept", "t"))["id"] == "kept"
            properties = await container.read()
            assert properties["partitionKey"]["paths"] == ["/tenantId"]
            assert properties["defaultTtl"] == -1
            included = {one["path"] for one in properties["indexingPolicy"]["includedPaths"]}
            assert included == {"/kind/?", "/day/?", "/version/?", "/_ts/?"}
            assert {one["path"] for one in properties["indexingPolicy"]["excludedPaths"]} >= {"/*"}
            assert set(schema.TABLES) <= {table.name async for table in tables.list_tables()}
            assert set(schema.QUEUES) <= {queue.name async for queue in queues.list_queues()}
