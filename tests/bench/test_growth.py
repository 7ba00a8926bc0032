"""What an answer and a message cost does not grow with what they have nothing to do with."""

from collections.abc import AsyncIterator

import pytest_asyncio

from bench.growth import FLAT, Series, of_messages, of_tenants, of_traffic, traffic
from bench.ours import stores_of
from local.stack import Stack
from shared.ports import Stores
from tests.stack import Api


@pytest_asyncio.fixture
async def stores(stack: Stack) -> AsyncIterator[Stores]:
    """The stores of a process that has just been started."""
    async with stores_of(stack) as found:
        yield found


def named(found: list[Series], work: str) -> Series:
    """The series of that work."""
    return next(one for one in found if one.work.startswith(work))


async def test_views_are_flat_in_events(stack: Stack, stores: Stores) -> None:
    """A hundred times the events a day: no operation more, and hardly more bytes."""
    traffics = [traffic(500, 20), traffic(50_000, 20)]
    found = await of_traffic(stack, stores, "events", [500, 50_000], traffics)
    for view in ("by-feature", "daily"):
        operations, size = named(found, view).powers
        assert operations == 0
        assert size <= FLAT


async def test_views_without_users_are_flat_in_users(stack: Stack, stores: Stores) -> None:
    """Fifty times the users: by-feature and daily read the same."""
    traffics = [traffic(20_000, 20), traffic(20_000, 1_000)]
    found = await of_traffic(stack, stores, "users", [20, 1_000], traffics)
    assert max(named(found, "by-feature").powers) <= FLAT
    assert max(named(found, "daily").powers) <= FLAT
    assert named(found, "by-user").powers[1] > FLAT  # and the measure can tell


async def test_users_are_read_once(stack: Stack, stores: Stores) -> None:
    """Sealed days are not read again: a second answer costs the same for a hundred times the users' rows."""
    traffics = [traffic(1_000, 20), traffic(50_000, 1_000)]
    found = await of_traffic(stack, stores, "users", [20, 1_000], traffics)
    assert max(named(found, "by-user again").powers) <= FLAT


async def test_a_tenant_does_not_pay_for_others(stack: Stack, stores: Stores, api: Api) -> None:
    """Ingest and a view of one tenant are the same with and without other tenants."""
    for one in await of_tenants(stack, stores, api, (1, 8)):
        assert max(one.powers) <= FLAT, one


async def test_a_message_does_not_pay_for_those_before(stack: Stack, stores: Stores, api: Api) -> None:
    """Ingest is the same for the first message of a day and for a later one; so are a fold's operations."""
    found = await of_messages(stack, stores, api, (1, 30))
    assert max(named(found, "ingest").powers) <= FLAT
    assert named(found, "fold").powers[0] == 0
