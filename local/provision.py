"""Creates what a deployment provides: the database, its container, queues and tables. Repeatable."""

import asyncio

from azure.core.exceptions import ResourceExistsError
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from shared.stores import schema


async def provision(
    storage_connection: str, cosmos_endpoint: str, cosmos_key: str, container: str = schema.CONTAINER
) -> None:
    """Brings an empty storage account and Cosmos endpoint to the shape that the service needs."""
    await asyncio.gather(
        _cosmos(cosmos_endpoint, cosmos_key, container),
        _queues(storage_connection),
        _tables(storage_connection),
    )


async def _cosmos(endpoint: str, key: str, container: str) -> None:
    transport = AioHttpTransport(use_env_settings=False)
    async with CosmosClient(endpoint, credential=key, transport=transport) as client:
        database = await client.create_database_if_not_exists(schema.DATABASE)
        await database.create_container_if_not_exists(
            container,
            PartitionKey(schema.PARTITION_KEY),
            indexing_policy=schema.INDEXING,
            default_ttl=schema.DEFAULT_TTL,
        )


async def _queues(connection: str) -> None:
    async with QueueServiceClient.from_connection_string(connection) as service:
        for name in schema.QUEUES:
            try:
                await service.create_queue(name)
            except ResourceExistsError:
                continue


async def _tables(connection: str) -> None:
    async with TableServiceClient.from_connection_string(connection) as service:
        for name in schema.TABLES:
            await service.create_table_if_not_exists(name)
