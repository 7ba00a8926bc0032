"""What a file keeps, over restarts and kills, of the endpoint as `make run` starts it."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local.cosmos import EMULATOR_KEY, LocalCosmos
from tests.local.cosmos.conftest import new_client, rows


@asynccontextmanager
async def process(file: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The endpoint in its own process, and its URL."""
    arguments = ("-m", "local.cosmos", "--port", "0", "--db", str(file))
    running = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        assert running.stdout is not None
        line = (await running.stdout.readline()).decode()
        yield running, line.split(" at ")[1].strip()
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


@asynccontextmanager
async def container_at(url: str) -> AsyncIterator[ContainerProxy]:
    """The container `usage` of the endpoint at `url`, made if it is missing."""
    transport = AioHttpTransport(use_env_settings=False)
    async with CosmosClient(url, EMULATOR_KEY, transport=transport, retry_connect=0) as client:
        database = await client.create_database_if_not_exists("usage")
        yield await database.create_container_if_not_exists("usage", PartitionKey("/tenantId"))


async def test_restart_keeps_everything(tmp_path: Path) -> None:
    """Items, etags and queried properties are the same after a restart."""
    file = str(tmp_path / "cosmos.db")
    query = "SELECT * FROM c WHERE c.kind = 'x'"
    async with LocalCosmos(file) as cosmos, container_at(cosmos.url) as container:
        await container.create_item({"id": "a", "tenantId": "t", "kind": "x"})
        before = await rows(container, query)
    async with LocalCosmos(file) as cosmos, container_at(cosmos.url) as container:
        assert await rows(container, query) == before
        await container.create_item({"id": "b", "tenantId": "t", "kind": "x"})
        assert len(await rows(container, query)) == 2


async def test_killed_process_keeps_acknowledged_writes(tmp_path: Path) -> None:
    """After kill -9 in the middle of writes, every acknowledged item is there."""
    acknowledged: list[str] = []
    file = tmp_path / "cosmos.db"

    async def write(container: ContainerProxy, writer: int) -> None:
        for number in range(10_000):
            await container.create_item({"id": f"{writer}-{number}", "tenantId": "t"})
            acknowledged.append(f"{writer}-{number}")
            if len(acknowledged) == 100:
                running.send_signal(signal.SIGKILL)

    async with process(file) as (running, url), container_at(url) as container:
        outcomes = await asyncio.gather(
            *(write(container, writer) for writer in range(4)), return_exceptions=True
        )
    assert all(isinstance(outcome, Exception) for outcome in outcomes)
    async with LocalCosmos(str(file)) as cosmos, container_at(cosmos.url) as container:
        stored = await rows(container, "SELECT VALUE c.id FROM c")
    assert len(acknowledged) >= 100
    assert set(acknowledged) <= set(stored)


async def test_sigterm_ends_cleanly(tmp_path: Path) -> None:
    """SIGTERM ends the process with status 0, and the file is closed."""
    file = tmp_path / "cosmos.db"
    async with process(file) as (running, url):
        async with container_at(url) as container:
            await container.create_item({"id": "a", "tenantId": "t"})
        running.send_signal(signal.SIGTERM)
        assert await running.wait() == 0
    assert await asyncio.to_thread(os.listdir, tmp_path) == ["cosmos.db"]


async def test_one_process_has_the_file(tmp_path: Path) -> None:
    """A second endpoint on the same file, and a port in use, end with one clear line."""
    file = tmp_path / "cosmos.db"
    async with process(file) as (_, url):
        port = url.rstrip("/").rsplit(":", 1)[1]
        for arguments, message in (
            (("--db", str(file), "--port", "0"), b"cannot open"),
            (("--port", port), b"address already in use"),
        ):
            second = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "local.cosmos", *arguments, stderr=asyncio.subprocess.PIPE
            )
            _, error = await second.communicate()
            assert second.returncode == 1
            assert message in error
            assert error.count(b"\n") == 1


@pytest.mark.parametrize("path", [":memory:"])
async def test_memory_is_forgotten(path: str) -> None:
    """Two endpoints in memory share nothing."""
    async with LocalCosmos(path) as one, LocalCosmos(path) as other:
        async with new_client(one) as client:
            await client.create_database("usage")
        async with new_client(other) as client:
            assert [entry async for entry in client.list_databases()] == []
