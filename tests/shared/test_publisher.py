"""The publisher: what it puts into the queue, and what it does when the queue fails."""

import asyncio
import base64
import gzip
import random
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import pytest
from aiohttp import web
from azure.storage.queue.aio import QueueClient
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import message
from shared.publisher import (
    MAX_BYTES,
    MAX_EVENTS,
    MAX_TEXT,
    EventTooLarge,
    Publisher,
    SendFailed,
    messages,
    queue_of,
)

KEY = base64.b64encode(b"key").decode()
SENT = (
    "<QueueMessagesList><QueueMessage><MessageId>1</MessageId><PopReceipt>1</PopReceipt>"
    "<InsertionTime>Sun, 22 Nov 2026 00:00:00 GMT</InsertionTime>"
    "<ExpirationTime>Sun, 22 Nov 2026 00:00:00 GMT</ExpirationTime>"
    "<TimeNextVisible>Sun, 22 Nov 2026 00:00:00 GMT</TimeNextVisible>"
    "</QueueMessage></QueueMessagesList>"
)


class QueueEndpoint:
    """A queue on loopback that the real client talks to; `faults` are the statuses it answers first."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self.stored: list[str] = []
        self.faults: list[int] = []
        self.arrived = asyncio.Event()
        self.url = ""

    async def put(self, request: web.Request) -> web.Response:
        """Stores one message, or fails as told."""
        text = ET.fromstring(await request.text()).findtext("MessageText") or ""  # noqa: S314  our own client's XML
        self.attempts.append(text)
        if self.faults and (status := self.faults.pop(0)):
            return web.Response(status=status)
        self.stored.append(text)
        self.arrived.set()
        return web.Response(status=201, text=SENT, content_type="application/xml")

    def client(self) -> QueueClient:
        """The client as a product builds it."""
        return queue_of(f"AccountName=a;AccountKey={KEY};QueueEndpoint={self.url}/a")


@pytest.fixture
async def endpoint() -> AsyncIterator[QueueEndpoint]:
    """A queue endpoint on a free port."""
    endpoint = QueueEndpoint()
    app = web.Application()
    app.router.add_post("/a/usage-events/messages", endpoint.put)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    endpoint.url = f"http://{host}:{port}"
    yield endpoint
    await runner.cleanup()


def event(number: int, **more: object) -> dict[str, Any]:
    """A small valid event."""
    return {
        "id": f"e-{number}",
        "source": "psa/tickets",
        "tenant_id": "contoso",
        "time": "2026-11-20T09:30:00-06:00",
        "feature": "ticket-suggest",
        "primitive": "ai.chat",
        "model": "gpt-4o-mini",
        "input_tokens": 1200 + number,
        "output_tokens": 80,
        **more,
    }


def opened(text: str) -> dict[str, Any]:
    """The document in a queue message."""
    document: dict[str, Any] = orjson.loads(gzip.decompress(base64.b64decode(text, validate=True)))
    return document


def events_in(texts: list[str]) -> list[Any]:
    """All events of the messages, in order."""
    return [event for text in texts for event in opened(text)["events"]]


def noise(seed: int, size: int) -> str:
    """Text that does not compress below its three quarters."""
    return base64.b85encode(random.Random(seed).randbytes(size)).decode()


# Each event is described by its size and whether it compresses: hypothesis is slow at drawing long texts.
shapes = st.lists(st.tuples(st.integers(0, 25_000), st.booleans()), max_size=60)


@settings(max_examples=200, deadline=None)
@given(shapes)
def test_messages_hold_every_event_once_in_order_and_fit(shapes: list[tuple[int, bool]]) -> None:
    """However large and incompressible events are, none is lost, doubled or moved, and all texts fit."""
    events = [
        {"id": str(n), "pad": noise(n, size) if random_ else "x" * size}
        for n, (size, random_) in enumerate(shapes)
    ]
    texts = list(messages([orjson.dumps(event) for event in events]))
    assert events_in(texts) == events
    assert all(len(text) < 65_536 for text in texts)
    assert all(len(gzip.decompress(base64.b64decode(text))) <= message.MAX_BYTES for text in texts)


def test_messages_are_filled_well() -> None:
    """Splitting wastes little: the messages are at least two thirds full on average."""
    raw = [orjson.dumps(event(n, model=noise(n, 60))) for n in range(6000)]
    texts = list(messages(raw))
    assert len(texts) > 3
    assert sum(map(len, texts)) / len(texts) > MAX_TEXT * 2 / 3


def test_bounds_are_those_of_ingest() -> None:
    """What the publisher sends is never too long for ingest."""
    assert MAX_BYTES <= message.MAX_BYTES
    assert MAX_EVENTS <= message.MAX_EVENTS
    batches = [message.read_batch(text.encode()) for text in messages([orjson.dumps(event(1))] * 12_000)]
    assert sum(len(batch.events) for batch in batches) == 12_000
    assert not any(batch.bad for batch in batches)


async def test_full_batches_leave_at_once_and_the_rest_at_the_end(endpoint: QueueEndpoint) -> None:
    """Events go out in batches of the chosen size; closing sends the remainder."""
    events = [event(n) for n in range(25)]
    async with endpoint.client() as queue, Publisher(queue, max_events=10, max_seconds=60) as publisher:
        await publisher.publish_many(events)
        assert len(endpoint.stored) == 2
    assert [len(opened(text)["events"]) for text in endpoint.stored] == [10, 10, 5]
    assert events_in(endpoint.stored) == events
    assert len({opened(text)["batch_id"] for text in endpoint.stored}) == 3


async def test_a_lonely_event_leaves_after_a_moment(endpoint: QueueEndpoint) -> None:
    """A batch that does not fill is sent when its time is over."""
    async with endpoint.client() as queue, Publisher(queue, max_seconds=0.01) as publisher:
        await publisher.publish(event(1))
        async with asyncio.timeout(5):
            await endpoint.arrived.wait()
    assert events_in(endpoint.stored) == [event(1)]


async def test_events_of_an_async_source_are_published(endpoint: QueueEndpoint) -> None:
    """publish_many also takes an asynchronous iterable."""

    async def source() -> AsyncIterator[dict[str, Any]]:
        for number in range(3):
            yield event(number)

    async with endpoint.client() as queue, Publisher(queue) as publisher:
        await publisher.publish_many(source())
    assert events_in(endpoint.stored) == [event(0), event(1), event(2)]


async def test_an_event_changed_after_publishing_is_sent_as_it_was(endpoint: QueueEndpoint) -> None:
    """The publisher keeps what it was given, not a reference to it."""
    reused = event(1)
    async with endpoint.client() as queue, Publisher(queue) as publisher:
        await publisher.publish(reused)
        reused["id"] = "changed"
    assert events_in(endpoint.stored) == [event(1)]


async def test_a_retry_repeats_the_very_same_message(endpoint: QueueEndpoint) -> None:
    """A failed send is repeated byte by byte, batch id included, until it succeeds."""
    endpoint.faults = [503, 500, 429]
    async with endpoint.client() as queue, Publisher(queue, retry_delays=[0, 0, 0]) as publisher:
        await publisher.publish(event(1))
    assert len(endpoint.attempts) == 4
    assert len(set(endpoint.attempts)) == 1
    assert len(endpoint.stored) == 1


async def test_what_cannot_be_sent_is_handed_back(endpoint: QueueEndpoint) -> None:
    """After the last retry the error holds all unsent messages, in order and complete."""
    endpoint.faults = [503] * 100
    async with endpoint.client() as queue:
        publisher = Publisher(queue, max_events=10, retry_delays=[0])
        await publisher.publish_many(event(n) for n in range(9))
        with pytest.raises(SendFailed):
            await publisher.publish(event(9))
        await publisher.publish(event(10))
        with pytest.raises(SendFailed) as caught:
            await publisher.flush()
    assert events_in(caught.value.unsent) == [event(n) for n in range(11)]
    assert endpoint.stored == []


async def test_a_flush_after_an_outage_sends_what_was_kept(endpoint: QueueEndpoint) -> None:
    """Messages that failed stay, and the next flush sends the same bytes first."""
    endpoint.faults = [503, 503]
    async with endpoint.client() as queue, Publisher(queue, retry_delays=[0]) as publisher:
        await publisher.publish(event(1))
        with pytest.raises(SendFailed) as caught:
            await publisher.flush()
        await publisher.publish(event(2))
    assert endpoint.stored[0] == caught.value.unsent[0]
    assert events_in(endpoint.stored) == [event(1), event(2)]


async def test_a_failed_background_flush_is_made_up_for(
    endpoint: QueueEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    """A flush by the clock that fails is logged, and its events are sent when the queue is back."""
    endpoint.faults = [503]
    async with endpoint.client() as queue, Publisher(queue, retry_delays=[], max_seconds=0.01) as publisher:
        await publisher.publish(event(1))
        async with asyncio.timeout(5):
            await endpoint.arrived.wait()
    assert "1 messages could not be sent" in caplog.text
    assert len(set(endpoint.attempts)) == 1
    assert events_in(endpoint.stored) == [event(1)]


async def test_an_unreachable_queue_is_a_send_failure() -> None:
    """No listener at all gives the same named error."""
    queue = queue_of(f"AccountName=a;AccountKey={KEY};QueueEndpoint=http://127.0.0.1:1/a")
    async with queue:
        with pytest.raises(SendFailed):
            async with Publisher(queue, retry_delays=[0]) as publisher:
                await publisher.publish(event(1))


async def test_an_event_larger_than_a_message_is_refused_alone(endpoint: QueueEndpoint) -> None:
    """The oversized event is named and refused; the others are sent."""
    async with endpoint.client() as queue, Publisher(queue) as publisher:
        await publisher.publish(event(1))
        with pytest.raises(EventTooLarge, match="e-2"):
            await publisher.publish(event(2, pad=noise(2, 60_000)))
        with pytest.raises(EventTooLarge, match="e-3"):
            await publisher.publish(event(3, pad="x" * MAX_BYTES))
        await publisher.publish(event(4, pad="x" * 100_000))
    assert [event["id"] for event in events_in(endpoint.stored)] == ["e-1", "e-4"]


def test_a_lone_event_that_cannot_fit_is_an_error_not_a_loop() -> None:
    """Splitting ends with the named error when nothing is left to split."""
    with pytest.raises(EventTooLarge):
        list(messages([orjson.dumps(noise(1, 80_000))]))
