"""The publisher for Python products: usage events go to the queue in few, small messages.

    async with queue_of(connection_string) as queue, Publisher(queue) as publisher:
        await publisher.publish({"id": "req-7f3a", "source": "psa/tickets", ...})

Events wait for a batch to fill or for a moment to pass. A batch is `{"batch_id": "<uuid>", "events":
[...]}` as gzip and base64, cut so that each message stays under the queue's 64 KiB. A send that fails
is tried again with the very same bytes, so a message that did arrive is recognised by its batch.
"""

import asyncio
import gzip
import logging
from base64 import b64encode
from collections import deque
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import orjson
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.queue.aio import QueueClient

QUEUE = "usage-events"
MAX_TEXT = 64 * 1024 - 1  # characters of a message, base64 included
MAX_BYTES = 512 * 1024  # of the JSON inside: what ingest agrees to unpack
MAX_EVENTS = 5_000  # what ingest takes in one message
RETRY_DELAYS = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)

type Event = Mapping[str, Any]

log = logging.getLogger(__name__)


class EventTooLarge(ValueError):
    """An event that exceeds a whole message by itself; it was not taken."""


class SendFailed(Exception):
    """The queue refused every attempt. `unsent` holds the messages, oldest first, ready to be sent."""

    def __init__(self, unsent: Sequence[str]) -> None:
        super().__init__(f"{len(unsent)} messages could not be sent to the queue")
        self.unsent = list(unsent)


class Publisher:
    """Sends events in order. `queue` stays the caller's and must not encode messages itself."""

    def __init__(
        self,
        queue: QueueClient,
        *,
        max_events: int = 500,
        max_seconds: float = 2.0,
        retry_delays: Sequence[float] = RETRY_DELAYS,
    ) -> None:
        self._queue = queue
        self._max_events = max_events
        self._max_seconds = max_seconds
        self._retry_delays = retry_delays
        self._waiting: list[bytes] = []
        self._outbox: deque[str] = deque()
        self._sending = asyncio.Lock()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._clock = asyncio.create_task(self._flush_now_and_then())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        try:
            await self._clock
        finally:
            await self.flush()

    async def publish(self, event: Event) -> None:
        """Takes one event; sends when the batch is full.

        Raises EventTooLarge for an event that fits no message, TypeError for one that is not JSON, and
        SendFailed when the queue cannot be reached: the event was taken, and the next flush tries again.
        """
        raw = orjson.dumps(event)
        if len(raw) > MAX_TEXT // 2:  # a smaller one always fits, compressed or not
            _check_alone(event, raw)
        self._waiting.append(raw)
        if len(self._waiting) >= self._max_events:
            await self.flush()

    async def publish_many(self, events: Iterable[Event] | AsyncIterable[Event]) -> None:
        """Takes events one after the other, as `publish` does."""
        if isinstance(events, AsyncIterable):
            async for event in events:
                await self.publish(event)
        else:
            for event in events:
                await self.publish(event)

    async def flush(self) -> None:
        """Sends all that waits. Raises SendFailed; what is unsent stays and is sent by the next flush."""
        async with self._sending:
            waiting, self._waiting = self._waiting, []
            self._outbox.extend(messages(waiting))
            while self._outbox:
                await self._send(self._outbox[0])
                self._outbox.popleft()

    async def _send(self, text: str) -> None:
        for delay in (*self._retry_delays, None):
            try:
                await self._queue.send_message(text)
            except AzureError as error:
                if delay is None:
                    raise SendFailed(self._outbox) from error
                await asyncio.sleep(delay)
            else:
                return

    async def _flush_now_and_then(self) -> None:
        while not self._closing.is_set():
            try:
                async with asyncio.timeout(self._max_seconds):
                    await self._closing.wait()
            except TimeoutError:
                await self._flush_quietly()

    async def _flush_quietly(self) -> None:
        """Nobody awaits this flush: the unsent messages stay, and the next flush tells if it fails too."""
        try:
            await self.flush()
        except SendFailed as error:
            log.warning("%s; they are kept and tried again", error)


def queue_of(
    connection_string: str = "",
    *,
    account_url: str = "",
    credential: AsyncTokenCredential | None = None,
    queue: str = QUEUE,
) -> QueueClient:
    """A client of the queue: by connection string, or by `account_url` and an identity's `credential`.

    It sends text as it is and leaves retries to the Publisher.
    """
    transport = AioHttpTransport(use_env_settings=False)
    if connection_string:
        return QueueClient.from_connection_string(
            connection_string, queue, transport=transport, retry_total=0
        )
    return QueueClient(account_url, queue, credential, transport=transport, retry_total=0)


def messages(events: Sequence[bytes]) -> Iterator[str]:
    """The texts of messages that together hold these events (JSON each), in their order."""
    if not events:
        return
    text, size = _message(events)
    parts = _parts(text, size, len(events))
    if parts == 1:
        yield text
        return
    if len(events) == 1:
        raise EventTooLarge("an event is larger than a message")
    step = -(-len(events) // min(parts, len(events)))
    for start in range(0, len(events), step):
        yield from messages(events[start : start + step])


def _parts(text: str, size: int, count: int) -> int:
    """Into how many messages a batch has to be cut, going by how well it compressed as a whole."""
    used = max(len(text) / MAX_TEXT, size / MAX_BYTES, count / MAX_EVENTS)
    if used <= 1:
        return 1
    return int(used * 1.1) + 1  # smaller messages compress a little worse


def _message(events: Sequence[bytes]) -> tuple[str, int]:
    """A message's text, and the bytes of JSON in it."""
    document = b'{"batch_id":"%s","events":[%s]}' % (str(uuid4()).encode(), b",".join(events))
    return b64encode(gzip.compress(document, mtime=0)).decode("ascii"), len(document)


def _check_alone(event: Event, raw: bytes) -> None:
    text, size = _message([raw])
    if _parts(text, size, 1) > 1:
        raise EventTooLarge(f"event {event.get('id')!r} is larger than a message: {len(text)} characters")
