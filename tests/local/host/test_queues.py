"""The queue trigger and output, through real hosts and a real Azurite."""

import base64
import json
import signal
import socket
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from azure.storage.queue.aio import QueueClient

from local.azurite import Azurite, connection_string

from .hosts import APPS, HostProcess, more_lines, running_host

WORK = APPS / "work"
YEARLY = "0 0 0 1 1 *"


class Queue:
    """A queue of its own for a test, with its poison queue and the settings of the app."""

    def __init__(self, connection: str) -> None:
        self.name = "q" + uuid.uuid4().hex
        self.env = {
            "IN_QUEUE": self.name,
            "Jobs": connection,
            "SCHEDULE": YEARLY,
            "AzureWebJobs.bury.Disabled": "true",
            "AzureWebJobs.tick.Disabled": "true",
            "AzureWebJobs__broken__Disabled": "1",
        }
        self.client = QueueClient.from_connection_string(connection, self.name)
        self.poison = QueueClient.from_connection_string(connection, self.name + "-poison")

    async def send(self, body: bytes) -> str:
        """Send a message as producers do; gives its id."""
        sent = await self.client.send_message(base64.b64encode(body).decode())
        return str(sent.id)

    async def left(self) -> int:
        """How many messages there are, hidden ones included."""
        return (await self.client.get_queue_properties()).approximate_message_count or 0


@pytest_asyncio.fixture
async def queue(azurite: Azurite) -> AsyncIterator[Queue]:
    """A queue that exists."""
    made = Queue(azurite.connection_string)
    async with made.client, made.poison:
        await made.client.create_queue()
        yield made


async def said(host: HostProcess, fact: str, count: int = 1) -> dict[str, Any]:
    """The count-th JSON line of the app that tells this fact."""
    found: dict[str, Any] = json.loads(await host.line(rf'^\{{"{fact}"', count))
    return found


async def test_a_message_runs_the_function_and_is_deleted(queue: Queue) -> None:
    """The function sees body and metadata; a stop waits until the message is deleted."""
    async with running_host(WORK, env=queue.env) as host:
        sent = await queue.send(b"job \xff")
        seen = await said(host, "work")
        await said(host, "done")
        assert await host.stop() == 0
    assert base64.b64decode(seen["work"]) == b"job \xff"
    assert (seen["id"], seen["tries"]) == (sent, 1)
    assert datetime.now(UTC) - datetime.fromisoformat(seen["inserted"]) < timedelta(minutes=1)
    assert seen["receipt"]
    assert await queue.left() == 0


async def test_a_message_that_keeps_failing_is_moved_to_the_poison_queue(queue: Queue) -> None:
    """After maxDequeueCount tries the message is in the poison queue, unchanged."""
    async with running_host(WORK, env=queue.env) as host:
        await queue.send(b"fail")
        await host.line("moving message")
        assert await host.stop() == 0
    assert len(host.matching("function work failed .*told to fail")) == 2
    assert await queue.left() == 0
    buried = await queue.poison.receive_message()
    assert buried is not None
    assert base64.b64decode(buried.content) == b"fail"


async def test_a_message_that_is_not_base64_is_poison(queue: Queue) -> None:
    """It is moved as it is, and the function does not run."""
    async with running_host(WORK, env=queue.env) as host:
        await queue.client.send_message("not base64!")
        await host.line("is not base64")
        await host.line("moving message")
        await host.stop()
    buried = await queue.poison.receive_message()
    assert buried is not None
    assert buried.content == "not base64!"
    assert not host.matching('"work"')


async def test_base64_may_have_blanks(queue: Queue) -> None:
    """As in .NET, blanks and line ends in it mean nothing."""
    async with running_host(WORK, env=queue.env) as host:
        await queue.client.send_message(" am9i\r\n IDE=\t")
        seen = await said(host, "work")
    assert base64.b64decode(seen["work"]) == b"job 1"


async def test_messages_may_be_plain_text(queue: Queue) -> None:
    """With messageEncoding none, content is passed as it is; settings override host.json."""
    env = queue.env | {"AzureFunctionsJobHost__extensions__queues__messageEncoding": "none"}
    async with running_host(WORK, env=env) as host:
        await queue.client.send_message("grüße")
        seen = await said(host, "work")
    assert base64.b64decode(seen["work"]).decode() == "grüße"


async def test_a_lease_is_renewed_while_the_function_runs(queue: Queue) -> None:
    """A run of three lease times is not repeated, not even by a second host."""
    async with (
        running_host(WORK, "--lease", "1", env=queue.env) as one,
        running_host(WORK, "--lease", "1", env=queue.env) as two,
    ):
        await queue.send(b"slow 3")
        while not (finished := [host for host in (one, two) if host.matching('"done"')]):
            await more_lines(one, two)
        await finished[0].stop()
        started = [*one.matching('"work"'), *two.matching('"work"')]
    assert len(started) == 1
    assert await queue.left() == 0


async def test_the_message_of_a_killed_host_returns(queue: Queue) -> None:
    """After kill -9 the lease ends and another host runs the message again."""
    sent = await queue.send(b"slow 2")
    async with running_host(WORK, "--lease", "2", env=queue.env) as host:
        await said(host, "work")
        await host.stop(signal.SIGKILL)
    async with running_host(WORK, "--lease", "2", env=queue.env) as host:
        seen = await said(host, "work")
        await said(host, "done")
        await host.stop()
    assert (seen["id"], seen["tries"]) == (sent, 2)
    assert await queue.left() == 0


async def test_a_stopped_host_finishes_its_message(queue: Queue) -> None:
    """SIGTERM lets the function end and deletes its message."""
    async with running_host(WORK, env=queue.env) as host:
        await queue.send(b"slow 1")
        await said(host, "work")
        assert await host.stop() == 0
    assert host.matching('"done"')
    assert await queue.left() == 0


async def test_a_poison_queue_has_no_poison_queue(queue: Queue) -> None:
    """A message that fails there stays, and returns when its lease ends."""
    env = queue.env | {"AzureWebJobs.bury.Disabled": "false"}
    await queue.poison.create_queue()
    await queue.poison.send_message("YQ==")
    async with running_host(WORK, "--lease", "1", env=env) as host:
        assert (await said(host, "bury", 2))["tries"] == 2
        await host.line("function bury failed", 2)
        await host.stop()
    assert not host.matching("moving message")
    properties = await queue.poison.get_queue_properties()
    assert properties.approximate_message_count == 1


async def test_an_output_binding_sends_each_item(azurite: Azurite) -> None:
    """A list becomes messages of a queue that is created when it is missing."""
    queue = Queue(azurite.connection_string)
    async with queue.client, queue.poison, running_host(WORK, env=queue.env) as host:
        async with (
            aiohttp.ClientSession() as client,
            client.post(host.url + "/publish", data="one\ntwo") as answer,
        ):
            assert await answer.text() == "sent"
        bodies = {(await said(host, "work", n))["work"] for n in (1, 2)}
    assert bodies == {base64.b64encode(text).decode() for text in (b"one", b"two")}
    assert not host.matching("cannot read queue")


async def test_a_queue_function_runs_through_the_admin_route(queue: Queue) -> None:
    """An input runs the function at once; with Prefer: wait the answer tells how it went."""
    async with (
        running_host(WORK, "--master-key", "m", env=queue.env) as host,
        aiohttp.ClientSession(headers={"x-functions-key": "m", "Prefer": "wait=9"}) as client,
    ):
        for given, status in (("ok", 200), ("fail", 500)):
            url = host.url + "/admin/functions/Work"
            async with client.post(url, json={"input": given}) as answer:
                assert answer.status == status
        async with client.post(url) as answer:
            assert answer.status == 400


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_storage_may_come_later(port: int) -> None:
    """A storage that is down is told once, and used as soon as it is there."""
    queue = Queue(connection_string(queue_port=port))
    async with queue.client, queue.poison, running_host(WORK, env=queue.env) as host:
        await host.line("cannot read queue")
        async with Azurite(queue_port=port):
            await queue.client.create_queue()
            await queue.send(b"late")
            await said(host, "done")
            assert await host.stop() == 0
    assert len(host.matching("cannot read queue")) == 1
