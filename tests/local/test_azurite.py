"""Azurite as a child process."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from local.azurite import Azurite

PARENT = """
import asyncio
from local.azurite import Azurite

async def main():
    async with Azurite() as azurite:
        print(azurite.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def exists(pid: int) -> bool:
    """Whether the process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_is_ready_when_entered_and_gone_when_left() -> None:
    """Clients work at once; afterwards the process is no more."""
    async with Azurite() as azurite:
        pid = azurite.pid
        async with QueueClient.from_connection_string(azurite.connection_string, "q1q") as queue:
            await queue.create_queue()
            await queue.send_message("hello")
    assert not exists(pid)


async def test_data_stay_in_a_location(tmp_path: Path) -> None:
    """With a location, a queue outlives the process; in memory it would not."""
    for round_ in range(2):
        async with (
            Azurite(location=tmp_path) as azurite,
            QueueClient.from_connection_string(azurite.connection_string, "kept") as queue,
        ):
            if round_ == 0:
                await queue.create_queue()
                await queue.send_message("hello")
            else:
                assert [m.content async for m in queue.receive_messages()] == ["hello"]


async def test_memory_is_forgotten() -> None:
    """Two Azurites without a location share nothing."""
    async with (
        Azurite() as azurite,
        QueueClient.from_connection_string(azurite.connection_string, "kept") as queue,
    ):
        with pytest.raises(ResourceNotFoundError):
            await queue.get_queue_properties()


async def test_it_dies_with_its_parent() -> None:
    """A parent that is killed with SIGKILL takes Azurite along."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    watch = os.pidfd_open(pid)
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(watch, gone.set)
    try:
        parent.send_signal(signal.SIGKILL)
        async with asyncio.timeout(20):
            await gone.wait()
    finally:
        asyncio.get_running_loop().remove_reader(watch)
        os.close(watch)
        await parent.wait()
