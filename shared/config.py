"""Settings: the only place that reads the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from shared.stores import schema


class MissingSetting(Exception):
    """A setting that the service cannot do without."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the stores are, and how the service authenticates to them and operators to it.

    Storage is named either by a connection string (one machine, Azurite) or by the URIs of its
    queue and table services; Cosmos by an endpoint, with a key only for the local endpoint.
    Without connection string and key the service's managed identity is used.
    """

    storage_connection: str | None
    table_service_uri: str | None
    cosmos_endpoint: str
    cosmos_key: str | None
    cosmos_database: str
    cosmos_container: str
    identity_client_id: str | None
    operator_key_sha256: str


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. Raises MissingSetting, which names the one that is missing."""

    def get(name: str) -> str | None:
        return environment.get(name) or None

    def need(name: str) -> str:
        if value := get(name):
            return value
        raise MissingSetting(f"The setting {name} is missing.")

    connection = get("USAGE_STORAGE")
    return Settings(
        storage_connection=connection,
        table_service_uri=None if connection else need("USAGE_STORAGE__tableServiceUri"),
        cosmos_endpoint=need("COSMOS_ENDPOINT"),
        cosmos_key=get("COSMOS_KEY"),
        cosmos_database=get("COSMOS_DATABASE") or schema.DATABASE,
        cosmos_container=get("COSMOS_CONTAINER") or schema.CONTAINER,
        identity_client_id=get("USAGE_STORAGE__clientId"),
        operator_key_sha256=need("OPERATOR_KEY_SHA256"),
    )
