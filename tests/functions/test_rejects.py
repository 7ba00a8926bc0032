"""Rejects: what could not be counted is there to be read, and to be counted after all."""

import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Sized
from uuid import uuid4

import orjson
import pytest_asyncio

from local.stack import Stack
from tests.stack import Api, Customer, ago, api_of, eventually

FAST_POISON = {
    "AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "2",
    "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.2",
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
    """Bytes that nobody can read are kept as they came, with the reason."""
    before = {one["id"] for one in await api.rejects(limit=1000)}
    await api.send(b"no json: \xc3\xbc", gzip.compress(b"{}")[:-9], b"[]")

    async def reasons() -> dict[str, str]:
        new = [one for one in await api.rejects(limit=1000) if one["id"] not in before]
        return {one["payload"]: one["errors"][0]["reason"] for one in new if one["index"] is None}

    await eventually(lambda: _size(reasons), 3)
    found = await reasons()
    assert found["no json: ü"].startswith("The message is not JSON")
    assert found["[]"].startswith("The message holds no event")
    assert "The message is not one whole gzip member." in found.values()


async def test_rejects_are_paged_and_filtered(api: Api) -> None:
    """Each of a tenant's rejects is on exactly one page."""
    customer = await api.customer()
    await customer.post(*[customer.event(primitive="none") for _ in range(7)])
    pages = [await api.rejects(tenant_id=customer.id, limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(one["index"] for page in pages for one in page) == list(range(7))
    assert (await api.refused("GET", "rejects?limit=0")).fields == ["limit"]
    assert (await api.refused("GET", f"rejects?tenant={customer.id}")).fields == ["tenant"]
    assert (await api.refused("POST", "rejects/1.none.0/replay")).status == 404


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
