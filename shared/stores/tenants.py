"""Tenants and their API keys in Table storage."""

from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableServiceClient

from shared.cache import Cache
from shared.keys import ApiKey
from shared.stores.schema import KEYS_TABLE, TENANTS_TABLE
from shared.stores.tables import Table
from shared.tenants import Tenant

PARTITION = "tenant"


class TenantStore(Table):
    """`shared.ports.Tenants` on Table storage."""

    name = TENANTS_TABLE

    def __init__(self, service: TableServiceClient) -> None:
        super().__init__(service)
        self._cache: Cache[str, Tenant] = Cache(self._load, seconds=60)

    async def find(self, tenant_id: str) -> Tenant | None:
        """The tenant, possibly as it was a minute ago; None where there is none."""
        return await self._cache.get(tenant_id)

    async def all(self) -> list[Tenant]:
        """Every tenant, by id."""
        found = await self._query("PartitionKey eq @partition", partition=PARTITION)
        return [Tenant.model_validate_json(entity["document"]) for entity in found]

    async def save(self, tenant: Tenant) -> None:
        """Creates or replaces a tenant."""
        entity = {"PartitionKey": PARTITION, "RowKey": tenant.id, "document": tenant.model_dump_json()}
        await self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)
        self._cache.forget(tenant.id)

    async def _load(self, tenant_id: str) -> Tenant | None:
        entity = await self._get(PARTITION, tenant_id)
        return Tenant.model_validate_json(entity["document"]) if entity else None


class KeyStore(Table):
    """`shared.keys.Keys` on Table storage: the row of a key is named by the hash of it."""

    name = KEYS_TABLE

    def __init__(self, service: TableServiceClient) -> None:
        super().__init__(service)
        self._cache: Cache[str, ApiKey] = Cache(self._load, seconds=30)

    async def find(self, key_id: str) -> ApiKey | None:
        """The key of that id, possibly as it was half a minute ago."""
        return await self._cache.get(key_id)

    async def of_tenant(self, tenant_id: str) -> list[ApiKey]:
        """The tenant's keys, the revoked ones too."""
        found = await self._query("tenant_id eq @tenant", tenant=tenant_id)
        return [ApiKey.model_validate_json(entity["document"]) for entity in found]

    async def save(self, key: ApiKey) -> None:
        """Creates or replaces a key."""
        entity = {
            "PartitionKey": key.id[:2],
            "RowKey": key.id,
            "tenant_id": key.tenant_id,
            "document": key.model_dump_json(),
        }
        await self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)
        self._cache.forget(key.id)

    async def _load(self, key_id: str) -> ApiKey | None:
        entity = await self._get(key_id[:2], key_id)
        return ApiKey.model_validate_json(entity["document"]) if entity else None
