"""The queue trigger and the queue output binding."""

import asyncio
import base64
import json
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient
from azure_functions_runtime.bindings.datumdef import Datum

from .settings import QueueOptions, expand
from .storage import Storage
from .worker import Binding, Function, InvocationFailed, Worker

log = logging.getLogger("host")

MIN_POLLING_INTERVAL = 0.1
POISON = "-poison"


class QueueOutput:
    """Writes the messages of a queue output binding."""

    def __init__(self, storage: Storage, options: QueueOptions) -> None:
        self._storage = storage
        self._base64 = options.base64

    async def send(self, binding: Binding, datum: Datum) -> None:
        """Send one message, or one for each item of a JSON list."""
        queue = self._storage.queue(binding["connection"], expand(binding["queueName"]))
        value = json.loads(datum.value) if datum.type == "json" else datum.value
        for item in value if isinstance(value, list) else [value]:
            await add_message(queue, self._encode(item))

    def _encode(self, item: object) -> str:
        if isinstance(item, dict) and item.keys() == {"id", "body"}:  # a func.QueueMessage
            item = item["body"]
        if not isinstance(item, str | bytes):
            item = json.dumps(item)
        data = item.encode() if isinstance(item, str) else item
        return base64.b64encode(data).decode() if self._base64 else data.decode()


async def add_message(queue: QueueClient, content: str) -> None:
    """Send a message to a queue, which is created if it is missing."""
    try:
        await queue.send_message(content)
    except ResourceNotFoundError:
        with suppress(ResourceExistsError):  # another one was quicker
            await queue.create_queue()
        await queue.send_message(content)


class QueueListener:
    """Polls one queue and invokes its function for each message.

    A message is leased: hidden for a short time that is renewed while its function runs, so
    that the messages of a killed host soon come back. (The real host hides for ten minutes.)
    """

    def __init__(
        self,
        function: Function,
        worker: Worker,
        storage: Storage,
        options: QueueOptions,
        lease_seconds: int,
    ) -> None:
        connection, name = function.trigger["connection"], expand(function.trigger["queueName"])
        self._function = function
        self._worker = worker
        self._options = options
        self._lease_seconds = lease_seconds
        self._queue = storage.queue(connection, name)
        self._poison = None if name.endswith(POISON) else storage.queue(connection, name + POISON)
        self._is_down = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Poll until `stopping`; then wait for the messages in hand."""
        running: set[asyncio.Task[None]] = set()
        idle = MIN_POLLING_INTERVAL
        while not stopping.is_set():
            if len(running) > self._options.new_batch_threshold:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                continue
            messages = await self._receive()
            for message in messages:
                task = asyncio.create_task(self._process(message))
                running.add(task)
                task.add_done_callback(running.discard)
            if messages:
                idle = MIN_POLLING_INTERVAL
                continue
            await pause(stopping, idle)
            idle = min(idle * 2, self._options.max_polling_interval)
        if running:
            await asyncio.wait(running)

    async def _receive(self) -> list[QueueMessage]:
        pages = self._queue.receive_messages(
            messages_per_page=self._options.batch_size, visibility_timeout=self._lease_seconds
        ).by_page()  # plain iteration would ask again after a batch that is not full
        try:
            page = await anext(pages)
            messages = [message async for message in page]
        except (ResourceNotFoundError, StopAsyncIteration):
            messages = []  # the queue does not exist yet
        except AzureError as error:
            if not self._is_down:
                log.warning("cannot read queue %s: %s", self._queue.queue_name, error)
            self._is_down = True
            return []
        self._is_down = False
        return messages

    async def _process(self, message: QueueMessage) -> None:
        """Run the function; then delete, release or bury the message."""
        tries, limit = message.dequeue_count or 1, self._options.max_dequeue_count
        succeeded, is_last = False, tries >= limit
        lease = Lease(self._lease_seconds, lambda: self._hide(message, self._lease_seconds))
        try:
            data = self._decode(message.content)
        except ValueError:
            log.warning("message %s in %s is not base64", message.id, self._queue.queue_name)
            is_last = True
        else:
            if tries <= limit:
                async with lease:
                    succeeded = await self._invoke(message, data)
        try:
            await self._complete(message, succeeded=succeeded, is_last=is_last)
        except AzureError as error:  # the lease ends and the message comes back
            name = self._queue.queue_name
            log.warning("message %s in queue %s will come back: %s", message.id, name, error)

    async def _invoke(self, message: QueueMessage, data: Datum) -> bool:
        try:
            await self._worker.start(self._function, data, metadata(message))
        except InvocationFailed:
            return False
        return True

    async def _complete(self, message: QueueMessage, *, succeeded: bool, is_last: bool) -> None:
        if not succeeded and self._poison is None:
            # As the real host: no poison queue of its own, so the message stays hidden until
            # its lease ends, and after maxDequeueCount tries it is left to expire.
            return
        if not succeeded and not is_last:
            await self._hide(message, self._options.visibility_timeout)
            return
        if not succeeded and self._poison is not None:
            log.warning("moving message %s to queue %s", message.id, self._poison.queue_name)
            await add_message(self._poison, message.content)
        await self._queue.delete_message(message.id, message.pop_receipt)

    async def _hide(self, message: QueueMessage, seconds: int) -> None:
        updated = await self._queue.update_message(
            message.id, message.pop_receipt, visibility_timeout=seconds
        )
        message.pop_receipt = updated.pop_receipt

    def _decode(self, content: str) -> Datum:
        if not self._options.base64:
            return Datum(content, "string")
        data = base64.b64decode(re.sub(r"[ \t\r\n]", "", content), validate=True)  # as .NET does
        try:
            return Datum(data.decode(), "string")
        except UnicodeDecodeError:
            return Datum(data, "bytes")


class Lease:
    """Renews something at half time, from `async with` on until its end."""

    def __init__(self, seconds: float, renew: Callable[[], Awaitable[None]]) -> None:
        self._interval = seconds / 2
        self._renew = renew
        self._ended = asyncio.Event()

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def __aexit__(self, *_: object) -> None:
        # Not cancelled: a renewal under way changes the receipt that the caller needs.
        self._ended.set()
        await self._task

    async def _run(self) -> None:
        while not await pause(self._ended, self._interval):
            try:
                await self._renew()
            except ResourceNotFoundError:
                log.warning("a lease was lost while its function runs: it may run twice")
                return
            except AzureError as error:
                log.warning("a lease could not be renewed: %s", error)


async def pause(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, at most so long; whether it is set."""
    try:
        async with asyncio.timeout(max(seconds, 0)):
            return await event.wait()
    except TimeoutError:
        return event.is_set()


def metadata(message: QueueMessage) -> dict[str, Datum]:
    """What the real host tells about a message besides its content."""

    def text(value: str | datetime | None) -> Datum:
        return Datum(value.isoformat() if isinstance(value, datetime) else value, "string")

    return {
        "QueueTrigger": text(message.content),
        "Id": text(message.id),
        "PopReceipt": text(message.pop_receipt),
        "DequeueCount": Datum(message.dequeue_count, "int"),
        "InsertionTime": text(message.inserted_on),
        "ExpirationTime": text(message.expires_on),
        "NextVisibleTime": text(message.next_visible_on),
    }
