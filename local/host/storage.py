"""Storage clients by the name of a connection setting."""

import os
from typing import TYPE_CHECKING, Any

from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables.aio import TableClient
from azure.storage.queue.aio import QueueClient

from local.azurite import connection_string

from .settings import StartupError

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential

# With its own retries the SDK hangs 80 s on a storage that is down; the listeners try again
# themselves. Reading proxy settings would double the CPU of a call.
OPTIONS: dict[str, Any] = {"retry_total": 0}


class Storage:
    """Makes clients, keeps them, closes them."""

    def __init__(self) -> None:
        self._queues: dict[tuple[str, str], QueueClient] = {}
        self._tables: dict[tuple[str, str], TableClient] = {}
        self._credentials: list[DefaultAzureCredential] = []

    def queue(self, connection: str, name: str) -> QueueClient:
        """The client of a queue.

        Raises:
            StartupError: the settings do not say where the storage is.
        """
        key = (connection, name)
        if key not in self._queues:
            text, options = connection_text(connection), _options()
            self._queues[key] = (
                QueueClient.from_connection_string(text, name, **options)
                if text
                else QueueClient(
                    service_uri(connection, "queue"), name, self._credential(connection), **options
                )
            )
        return self._queues[key]

    def table(self, connection: str, name: str) -> TableClient:
        """The client of a table; errors as with `queue`."""
        key = (connection, name)
        if key not in self._tables:
            text, options = connection_text(connection), _options()
            self._tables[key] = (
                TableClient.from_connection_string(text, name, **options)
                if text
                else TableClient(
                    service_uri(connection, "table"),
                    name,
                    credential=self._credential(connection),
                    **options,
                )
            )
        return self._tables[key]

    def _credential(self, connection: str) -> "DefaultAzureCredential":
        from azure.identity.aio import DefaultAzureCredential  # slow, and seldom used

        client_id = _setting(connection, "__clientId")
        credential = DefaultAzureCredential(managed_identity_client_id=client_id)
        self._credentials.append(credential)
        return credential

    async def close(self) -> None:
        """Close every client."""
        for queue in self._queues.values():
            await queue.close()
        for table in self._tables.values():
            await table.close()
        for credential in self._credentials:
            await credential.close()


def _options() -> dict[str, Any]:
    return OPTIONS | {"transport": AioHttpTransport(use_env_settings=False)}


def _setting(connection: str, suffix: str = "") -> str | None:
    name = connection + suffix
    return os.environ.get(name) or os.environ.get("AzureWebJobs" + name)


def connection_text(connection: str) -> str | None:
    """The connection string that the setting holds, if it holds one."""
    text = _setting(connection)
    return connection_string() if text == "UseDevelopmentStorage=true" else text


def service_uri(connection: str, service: str) -> str:
    """The address of an identity-based connection (`X__queueServiceUri`)."""
    uri = _setting(connection, f"__{service}ServiceUri")
    if uri is None:
        raise StartupError(
            f"connection {connection}: set {connection} to a connection string, "
            f"or {connection}__{service}ServiceUri"
        )
    return uri
