"""Rejects: what could not be counted is there to be read, and to be counted after all."""

import gzip
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Sized
from uuid import uuid4

import orjson
import pytest
import pytest_asyncio

from local.stack import Stack
from shared.publisher import queue_of
from shared.stores.schema import POISON_QUEUE
from tests.stack import Api, Customer, ago, api_of, eventually

FAST_POISON = {
    "AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "2",
    "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.2",
}
NO_ENCODING = "The message is not JSON, gzip or base64 of these"
UNREADABLE = {
    "": NO_ENCODING,
    "  \n": NO_ENCODING,
    "%%%": NO_ENCODING,
    "eyJ_-_": NO_ENCODING,  # the other alphabet of base64
    "no json: ü ☃ 😀 <&>": NO_ENCODING,
    b64encode(b"no json: \xc3\xbc \xff").decode(): NO_ENCODING,
    b64encode(gzip.compress(b"{}")[:-9]).decode(): "The message is not one whole gzip member.",
    '{"events": [': "The message is not JSON: ",
    "[]": "The message holds no event",
    b64encode(b"[]").decode(): "The message holds no event",
}


async def test_events_of_an_unknown_tenant_wait_for_it(api: Api) -> None:
    """Once the tenant exists its rejects are replayed and count as if they had just come."""
    tenant_id = f"tenant-{uuid4().hex[:12]}"
    nobody = Customer(api, tenant_id, "")
    await api.publish(nobody.event(id="first"), nobody.event(id="second"))
    await eventually(lambda: _count(api, tenant_id), 2)
    rejects = await api.rejects(tenant_id=tenant_id)
    assert [one["errors"] for one in rejects] == [[{"field": "tenant_id", "reason": "is no tenant"}]] * 2
    path = f"rejects/{rejects[0]['id']}/replay"
    assert (await api.refused("POST", path)).fields == ["events[0].tenant_id"]

    customer = await api.customer(tenant_id)
    for one in rejects:
        answer = await api.operate("POST", f"rejects/{one['id']}/replay")
        assert answer == {"accepted": 1, "duplicates": 0, "rejected": 0}
    assert await customer.counts() == (2, 0, 0)
    assert (await api.refused("POST", path)).status == 409
    assert await customer.counts() == (2, 0, 0)
    assert await api.rejects(tenant_id=tenant_id, status="open") == []
    assert {one["status"] for one in await api.rejects(tenant_id=tenant_id)} == {"replayed"}


async def test_a_reject_tells_everything_and_leaves_the_count(api: Api) -> None:
    """Every reason, the payload as it came, and the tenant's freshness without it once it is replayed."""
    customer = await api.customer()
    late = customer.event(time=ago(days=40))
    early = customer.event(time=ago(minutes=-5.5), extra={"nested": "«as it came»"})
    await api.publish(customer.event(), late, early)
    await eventually(customer.counts, (1, 0, 2))
    rejects = {one["index"]: one for one in await api.rejects(tenant_id=customer.id)}
    assert rejects[1]["errors"] == [
        {"field": "time", "reason": "is more than 35 days ago; older usage goes through the import"}
    ]
    assert [error["field"] for error in rejects[2]["errors"]] == ["extra"]
    assert orjson.loads(rejects[2]["payload"]) == early
    refused = await api.refused("POST", f"rejects/{rejects[1]['id']}/replay")
    assert (refused.status, refused.fields) == (400, ["events[0].time"])
    assert await customer.counts() == (1, 0, 2)


async def test_a_message_that_holds_no_events_is_a_reject(api: Api) -> None:
    """Whatever text there is in the queue, it is kept as it came, with the reason."""
    before = {one["id"] for one in await api.rejects(limit=1000)}
    await api.send(*UNREADABLE)

    async def reasons() -> dict[str, str]:
        new = [one for one in await api.rejects(limit=1000) if one["id"] not in before]
        return {one["payload"]: one["errors"][0]["reason"] for one in new if one["index"] is None}

    await eventually(lambda: _size(reasons), len(UNREADABLE))
    found = await reasons()
    assert {text: found[text][: len(reason)] for text, reason in UNREADABLE.items()} == UNREADABLE
    await eventually(api.waiting, 0)


async def test_rejects_are_paged_and_filtered(api: Api) -> None:
    """Each of a tenant's rejects is on exactly one page."""
    customer = await api.customer()
    await customer.post(*[customer.event(primitive="none") for _ in range(7)])
    pages = [await api.rejects(tenant_id=customer.id, limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(one["index"] for page in pages for one in page) == list(range(7))
    assert (await api.refused("GET", "rejects?limit=0")).fields == ["limit"]
    assert (await api.refused("GET", f"rejects?tenant={customer.id}")).fields == ["tenant"]


@pytest.mark.parametrize("name", ["1.none.0", "none", f"1.{'a' * 32}.0", f"1.{'a' * 31}%2F.0", "1.%23%3F.0"])
async def test_what_names_no_reject_is_not_found(api: Api, name: str) -> None:
    """Whether none has that id or none could have it."""
    assert (await api.refused("POST", f"rejects/{name}/replay")).status == 404


async def test_a_message_that_keeps_failing_is_kept_and_replayed(fragile: Api) -> None:
    """After its last attempt it is a reject; replayed once the store is back, the numbers are exact."""
    customer = await fragile.customer()
    await fragile.publish(customer.event(id="before"))
    await eventually(customer.counts, (1, 0, 0))
    await fragile.fault(operations=["create"], status=449, times=None)
    events = [customer.event(id=f"poison-{number}") for number in range(20)]
    await fragile.publish(*events, events[0], customer.event(id="before"))
    await eventually(lambda: _size(fragile.rejects), 1)
    assert await customer.counts() == (1, 0, 0)
    await fragile.no_faults()

    (reject,) = await fragile.rejects()
    assert reject["errors"] == [{"field": "message", "reason": "could not be handled in all its attempts"}]
    answer = await fragile.operate("POST", f"rejects/{reject['id']}/replay")
    assert answer == {"accepted": 20, "duplicates": 2, "rejected": 0}
    assert await customer.counts() == (21, 2, 0)
    await fragile.publish(*events)
    await eventually(customer.counts, (21, 22, 0))


@pytest.mark.parametrize("encode", [bytes, b64encode])
async def test_a_given_up_message_in_any_encoding_is_replayed(
    api: Api, encode: Callable[[bytes], bytes]
) -> None:
    """What stands in the poison queue is kept as it came, JSON or base64, and still counts later."""
    customer = await api.customer()
    text = encode(orjson.dumps(customer.event())).decode()
    await give_up(api, text)

    async def ids() -> list[str]:
        return [one["id"] for one in await api.rejects(limit=1000) if one["payload"] == text]

    await eventually(lambda: _size(ids), 1)
    (reject_id,) = await ids()
    answer = await api.operate("POST", f"rejects/{reject_id}/replay")
    assert answer == {"accepted": 1, "duplicates": 0, "rejected": 0}
    assert await customer.counts() == (1, 0, 0)


async def test_a_given_up_message_that_nobody_can_read_is_kept(api: Api) -> None:
    """It does not expire in the poison queue, unread: its text and its fate are there to be seen."""
    text = f"%%% {uuid4()} ü"
    await give_up(api, text)

    async def reasons() -> list[str]:
        found = await api.rejects(limit=1000)
        return [one["errors"][0]["reason"] for one in found if one["payload"] == text]

    await eventually(reasons, ["could not be handled in all its attempts"])


async def give_up(api: Api, text: str) -> None:
    """Puts a message where the host puts those that keep failing."""
    async with queue_of(api.stack.storage, queue=POISON_QUEUE) as queue:
        await queue.send_message(text)


async def test_a_failed_attempt_leaves_no_second_reject(fragile: Api) -> None:
    """A message with a bad event whose first attempt fails after the reject was stored has one reject."""
    customer = await fragile.customer()
    await fragile.fault(operations=["create"], status=449)
    await fragile.publish(customer.event(), customer.event(primitive="ai.magic"))
    await eventually(customer.counts, (1, 0, 1))
    assert len(await fragile.rejects(tenant_id=customer.id)) == 1


@pytest_asyncio.fixture(scope="module")
async def fragile() -> AsyncIterator[Api]:
    """A service of its own that soon gives a message up."""
    async with Stack(settings=FAST_POISON) as stack, api_of(stack) as api:
        yield api


async def _size(of: Callable[[], Awaitable[Sized]]) -> int:
    return len(await of())


async def _count(api: Api, tenant_id: str) -> int:
    return len(await api.rejects(tenant_id=tenant_id))
