"""Our own prices in Table storage: list prices of units, contract prices of tenants."""

import hashlib

from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableServiceClient

from shared.cache import Cache
from shared.pricing import Price, PriceBook
from shared.stores.schema import PRICES_TABLE
from shared.stores.tables import Table

PARTITION = "price"


class PriceStore(Table):
    """`shared.ports.Prices` on Table storage."""

    name = PRICES_TABLE

    def __init__(self, service: TableServiceClient) -> None:
        super().__init__(service)
        self._cache: Cache[str, PriceBook] = Cache(self._load, seconds=60)

    async def book(self) -> PriceBook:
        """All prices, possibly as they were a minute ago."""
        return await self._cache.get(PARTITION) or PriceBook()

    async def all(self) -> dict[str, Price]:
        """Every price by its id."""
        found = await self._query("PartitionKey eq @partition", partition=PARTITION)
        return {entity["RowKey"]: Price.model_validate_json(entity["document"]) for entity in found}

    async def save(self, price: Price) -> str:
        """Keeps a price; one for the same thing from the same day is replaced. Gives its id."""
        row = price_id(price)
        entity = {"PartitionKey": PARTITION, "RowKey": row, "document": price.model_dump_json()}
        await self._table.upsert_entity(entity, mode=UpdateMode.REPLACE)
        self._cache.forget(PARTITION)
        return row

    async def delete(self, price_id: str) -> None:
        """Forgets a price, if it is there."""
        await self._table.delete_entity(PARTITION, price_id)
        self._cache.forget(PARTITION)

    async def _load(self, _: str) -> PriceBook:
        return PriceBook((await self.all()).values())


def price_id(price: Price) -> str:
    """Follows from what is priced, for whom and from when."""
    key = (price.tenant_id, price.primitive, price.provider, price.model, str(price.valid_from))
    return hashlib.sha256(repr(key).encode()).hexdigest()[:16]
