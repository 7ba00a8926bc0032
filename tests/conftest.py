"""Fixtures that every test may use."""

from collections.abc import AsyncIterator

import pytest_asyncio

from local.azurite import Azurite


@pytest_asyncio.fixture(scope="session")
async def azurite() -> AsyncIterator[Azurite]:
    """One Azurite for the whole session; tests take queues and tables of their own names."""
    async with Azurite() as running:
        yield running
