"""Hostile input against the running service: all of it is refused by name, and nothing else suffers."""

import base64
import csv
import gzip
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from azure.storage.queue.aio import QueueClient

import function_app  # noqa: F401 - declares every operation
from functions._api import OPERATIONS, Operation
from local.stack import OPERATOR_KEY, Stack
from shared.message import batch_id_of, read_batch
from shared.stores.schema import POISON_QUEUE
from tests.fuzz.hostile import BAD, HOSTILE_NAMES, TOO_LARGE, UNREADABLE, as_users
from tests.stack import Api, Customer, ago, eventually

QUEUE_BYTES = 64 * 1024
MOST_GROWTH = 400.0  # MB of the host's process, at its peak
NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
PIECES = [
    "'",
    "a|b",
    "a/b",
    "a\\b",
    "#?",
    "\0",
    "\x7f",
    "\u0085",
    "\U0001f600",
    "%2e",
    "9" * 400,
    "x" * 2_000,
]
PARAMETER = re.compile(r"{(\w+)}")
KEYED = [one for one in OPERATIONS if PARAMETER.search(one.path)]


def in_queue(message: bytes) -> str | None:
    """The message as text that a queue holds; None where it cannot hold it."""
    for text in (message, base64.b64encode(message), base64.b64encode(gzip.compress(message))):
        if len(text) <= QUEUE_BYTES and text.isascii() and not NO_XML.search(text.decode()):
            return text.decode()
    return None


QUEUED = {
    name: text for name, message in {**UNREADABLE, **TOO_LARGE, **BAD}.items() if (text := in_queue(message))
}


async def kept(api: Api) -> dict[str, list[str]]:
    """The reasons of all rejects, by what names each but for its time."""
    found = dict[str, list[str]]()
    while some := await api.rejects(limit=20, offset=len(found)):
        for one in some:
            found[one["id"].split(".", 1)[1]] = [error["reason"] for error in one["errors"]]
    return found


def rejects_of(text: str, *, is_read: bool) -> Iterator[str]:
    """What will name the rejects of a queue message."""
    body = text.encode()
    if is_read:
        batch = read_batch(body)
        yield from (f"{batch.rejects_id}.{bad.index}" for bad in batch.bad)
    else:
        yield f"{batch_id_of(body)}.message"


def megabytes(stack: Stack) -> float:
    """The most memory that the host's process ever had."""
    assert stack.host
    status = Path(f"/proc/{stack.host.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


@pytest.fixture(autouse=True)
def bounded(stack: Stack) -> Iterator[None]:
    """The host stays the same process, and takes no more memory than is allowed."""
    assert stack.host
    before = megabytes(stack)
    yield
    assert stack.host.process.returncode is None
    assert megabytes(stack) - before < MOST_GROWTH


async def test_every_hostile_message_of_the_queue_is_one_reject(api: Api) -> None:
    """At once: none is tried again until it is poison. What else is in the queue is counted."""
    customer = await api.customer()
    await api.send(*QUEUED.values())
    await api.publish(customer.event())
    await eventually(api.waiting, 0)
    assert await customer.counts() == (1, 0, 0)
    found = await kept(api)
    expected = [one for name, text in QUEUED.items() for one in rejects_of(text, is_read=name in BAD)]
    assert len(expected) == len(QUEUED) > 50
    assert {one for one in expected if one not in found} == set()
    assert all("attempts" not in reason for one in expected for reason in found[one])
    async with QueueClient.from_connection_string(api.stack.storage, POISON_QUEUE) as poison:
        assert (await poison.get_queue_properties()).approximate_message_count == 0


@pytest.mark.parametrize(
    ("messages", "status"), [(UNREADABLE, 400), (TOO_LARGE, 413), (BAD, 400)], ids=["broken", "large", "bad"]
)
async def test_every_hostile_request_is_told_why(api: Api, messages: dict[str, bytes], status: int) -> None:
    """As problem details of a documented status, never a 500; nothing is counted."""
    customer = await api.customer()
    for name, message in messages.items():
        mine = message.replace(b'"tenant_id":"contoso"', f'"tenant_id":"{customer.id}"'.encode())
        answer = await api.ask("POST", "usage/events", customer.key, data=mine)
        assert (name, answer.status) == (name, status)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["detail"]
        assert len(answer.raw) < 20_000
    assert (await customer.counts())[0] == 0
    assert (await customer.counts())[2] == (len(BAD) if messages is BAD else 0)


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity", "x"])
async def test_a_header_opens_no_way_around_the_bounds(api: Api, encoding: str) -> None:
    """Whatever a request says of its encoding, a bomb stays packed."""
    customer = await api.customer()
    headers = {"Content-Encoding": encoding}
    bomb = TOO_LARGE["a zip bomb"]
    answer = await api.ask("POST", "usage/events", customer.key, data=bomb, headers=headers)
    assert answer.status == 413


async def test_hostile_names_are_users_like_any(api: Api) -> None:
    """Each is one user, one model and one event, in every view, the filters and the CSV."""
    customer = await api.customer()
    events = as_users(customer.event(time=ago(minutes=1)), HOSTILE_NAMES)
    half = len(events) // 2
    assert (await customer.post(*events[:half])).status == 202
    await api.publish(*events[half:])
    await eventually(customer.requests, len(events))
    await said(customer)
    await api.run_timer("fold_days")
    await said(customer)


async def said(customer: Customer) -> None:
    """Holds the views to the hostile names."""
    for view, name in (("by-user", "user_id"), ("by-model", "model")):
        rows = (await customer.get(view, limit=1000))["data"]
        assert {row[name]: row["requests"] for row in rows} == dict.fromkeys(HOSTILE_NAMES, 1)
    text = (await customer.ask("export/by-user.csv")).raw.decode()
    cells = {row["user_id"] for row in csv.DictReader(io.StringIO(text, newline=""))}
    assert {one.removeprefix("'") for one in cells} == {one.removeprefix("'") for one in HOSTILE_NAMES}
    listed: list[dict[str, Any]] = (await customer.get("events", limit=1000))["data"]
    assert {one["id"] for one in listed} == set(HOSTILE_NAMES)
    for one in HOSTILE_NAMES:
        found = await customer.get("by-user", user=quote(one, safe=""))
        assert [row["user_id"] for row in found["data"]] == [one]
        assert found["totals"]["requests"] == 1


@pytest.mark.parametrize("one", KEYED, ids=lambda one: f"{one.method} {one.path}")
async def test_a_hostile_piece_of_a_path_names_nothing(api: Api, one: Operation) -> None:
    """It is not found, or told as no id: never a 500, and never another path."""
    customer = await api.customer()
    key = await api.new_key(customer.id, "alerts") if one.caller == "alerts" else OPERATOR_KEY
    body: dict[str, str] | None = {} if one.method in ("POST", "PUT") else None
    known = {"tenant_id": customer.id, "rule_id": "default"}
    for hostile in PARAMETER.findall(one.path):
        for piece in PIECES:
            path = path_of(one.path, {**known, hostile: piece})
            answer = await api.ask(one.method, path, key, body=body)
            assert 400 <= answer.status < 500, (piece, answer)


def path_of(template: str, pieces: dict[str, str]) -> str:
    """The path with these pieces, quoted, and `x` for all others."""
    return PARAMETER.sub(lambda found: quote(pieces.get(found[1], "x"), safe=""), template)
