"""Claims on real tables: each key has one owner, whoever asks, however often and at the same time."""

import asyncio
from collections import Counter
from datetime import date
from random import Random
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline import PipelineResponse
from azure.data.tables.aio import TableServiceClient

from local.azurite import Azurite
from shared.services import Services
from shared.stores.claims import ClaimStore, table_of

DAY = date(2031, 5, 17)


def keys(count: int, first: int = 0) -> list[str]:
    """Keys of the length of real ones."""
    return [f"{number:032x}" for number in range(first, first + count)]


class Loss:
    """Loses the answer to the first transaction, after it has been done."""

    count = 0

    def __call__(self, response: PipelineResponse[Any, Any]) -> None:
        """Sees every answer before the client does."""
        if response.http_request.url.endswith("$batch") and not self.count:
            self.count += 1
            raise ServiceResponseError("the answer was lost")


async def tables(claims: TableServiceClient) -> set[str]:
    """The names of all tables."""
    return {table.name async for table in claims.list_tables()}


@pytest.mark.parametrize("count", [0, 1, 100, 101, 250])
async def test_a_key_belongs_to_its_first_owner(services: Services, tenant_id: str, count: int) -> None:
    """The first owner gets every key, again and again; a later one gets none."""
    wanted = keys(count)
    for _ in range(2):
        assert await services.claims.claim(tenant_id, DAY, wanted, "first") == set()
    assert await services.claims.claim(tenant_id, DAY, wanted, "second") == set(wanted)
    assert await services.claims.claim(tenant_id, DAY, wanted, "first") == set()


async def test_a_batch_loses_only_what_others_own(services: Services, tenant_id: str) -> None:
    """Owned and free keys may be mixed in one transaction: the free ones are claimed all the same."""
    claim = services.claims.claim
    assert await claim(tenant_id, DAY, keys(150), "a") == set()
    assert await claim(tenant_id, DAY, keys(150, first=100), "b") == set(keys(50, first=100))
    assert await claim(tenant_id, DAY, keys(250), "a") == set(keys(100, first=150))
    assert await claim(tenant_id, DAY, keys(250), "b") == set(keys(150))
    assert await claim(tenant_id, DAY, keys(250)[::-1], "c") == set(keys(250))


async def test_tenants_and_days_claim_apart(services: Services, tenant_id: str) -> None:
    """The same key of another tenant or day is another claim."""
    claim = services.claims.claim
    assert await claim(tenant_id, DAY, keys(3), "a") == set()
    assert await claim(f"{tenant_id}-2", DAY, keys(3), "b") == set()
    assert await claim(tenant_id, date(2031, 5, 18), keys(3), "c") == set()


async def test_the_table_of_a_month_is_made_when_needed(
    services: Services, azurite: Azurite, tenant_id: str
) -> None:
    """The first claims of a month create its table, also when many come at once."""
    day = date(2032, 1, 31)
    async with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        assert table_of(day) not in await tables(service)
        first = await asyncio.gather(
            *(services.claims.claim(tenant_id, day, keys(40, 40 * n), "a") for n in range(4))
        )
        assert first == [set()] * 4
        assert table_of(day) in await tables(service)
    assert await services.claims.claim(tenant_id, day, keys(160), "b") == set(keys(160))


async def test_owners_at_the_same_time_share_without_doubles(services: Services, tenant_id: str) -> None:
    """However owners overlap and race, each key has exactly one, and stays with it."""
    everyone = [f"owner-{n}" for n in range(6)]
    wanted = {owner: keys(120, first=20 * n) for n, owner in enumerate(everyone)}
    for owner in everyone:
        Random(owner).shuffle(wanted[owner])

    async def owned(owner: str) -> set[str]:
        return set(wanted[owner]) - await services.claims.claim(tenant_id, DAY, wanted[owner], owner)

    won = await asyncio.gather(*map(owned, everyone))
    assert Counter(key for part in won for key in part) == Counter(keys(220))
    assert await asyncio.gather(*map(owned, everyone)) == won


async def test_a_lost_answer_changes_nothing(azurite: Azurite, services: Services, tenant_id: str) -> None:
    """Where the answer to a transaction was lost it raises; asked again, it finds its own claims."""
    loss = Loss()
    async with TableServiceClient.from_connection_string(
        azurite.connection_string, raw_response_hook=loss
    ) as service:
        await services.claims.claim(tenant_id, DAY, keys(1, first=120), "other")
        claims = ClaimStore(service)
        with pytest.raises(ServiceResponseError):
            await claims.claim(tenant_id, DAY, keys(120), "own")
        assert await claims.claim(tenant_id, DAY, keys(120), "own") == set()
    assert loss.count == 1
    assert await services.claims.claim(tenant_id, DAY, keys(121), "other") == set(keys(120))


async def test_old_months_are_dropped(services: Services, azurite: Azurite, tenant_id: str) -> None:
    """Only tables of months that ended before the day go; other tables stay whatever their name."""
    for day in (date(2019, 12, 31), date(2020, 1, 31), date(2020, 2, 1)):
        await services.claims.claim(tenant_id, day, keys(2), "a")
    await services.claims.drop_before(date(2020, 2, 29))
    async with TableServiceClient.from_connection_string(azurite.connection_string) as service:
        left = await tables(service)
    assert not {"claims201912", "claims202001"} & left
    assert {"claims202002", "apikeys", "tenants", "dirty"} <= left
    assert await services.claims.claim(tenant_id, date(2020, 2, 1), keys(2), "b") == set(keys(2))
