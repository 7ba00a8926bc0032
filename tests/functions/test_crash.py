"""Killed hosts: whatever was in hand comes back, and counts once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from local.stack import Stack
from tests.stack import Api, api_of, eventually


@pytest.fixture
async def crashing() -> AsyncIterator[Api]:
    """A service of its own, whose hosts may be killed."""
    async with Stack(lease=3) as stack, api_of(stack) as api:
        yield api


async def test_another_host_takes_over_a_backlog(crashing: Api) -> None:
    """Killed again and again in the middle of its messages, the service still counts each event once."""
    stack = crashing.stack
    customer = await crashing.customer()
    events = [customer.event(user={"id": f"user-{n % 9}"}, cost_usd="0.000000001") for n in range(3000)]
    await crashing.fault(operations=["create"], delay_ms=100, times=None)
    sending = asyncio.create_task(crashing.publish(*events, *events[::50], max_events=20))
    for part in (200, 900):
        counted = 0
        while counted < part:
            counted = await customer.requests()
        assert counted < len(events)
        assert stack.host
        await stack.host.kill()
        await stack.start_host()
    await sending
    await crashing.no_faults()
    await eventually(customer.counts, (3000, 60, 0), seconds=60)
    await eventually(crashing.waiting, 0, seconds=60)
    assert await customer.counts() == (3000, 60, 0)
    answer = await customer.get("by-user")
    assert answer["totals"]["tokens"] == 30_000
    assert str(answer["totals"]["cost_usd"]) == "0.000003"
    assert len(answer["data"]) == 9
