"""Fixtures that every test may use."""

from collections.abc import AsyncIterator

import pytest_asyncio
from hypothesis import settings

from local.azurite import Azurite
from local.stack import Stack
from tests.stack import Api, api_of

# Timings on shared machines are noise, and a failure prints what reproduces it.
settings.register_profile("tests", deadline=None, print_blob=True)
settings.load_profile("tests")


@pytest_asyncio.fixture(scope="session")
async def azurite() -> AsyncIterator[Azurite]:
    """One Azurite for the whole session; tests take queues and tables of their own names."""
    async with Azurite() as running:
        yield running


@pytest_asyncio.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """The whole service, in memory, for the whole session; each test takes a tenant of its own."""
    async with Stack() as running:
        yield running


@pytest_asyncio.fixture(scope="session")
async def api(stack: Stack) -> AsyncIterator[Api]:
    """The client of the stack."""
    async with api_of(stack) as client:
        yield client
