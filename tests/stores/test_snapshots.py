"""Snapshots of quotas on a real table."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from shared.days import Period
from shared.ports import Snapshot
from shared.services import Services

DAY = date(2026, 3, 10)
LARGE = Snapshot(
    day=DAY, as_of=datetime(2026, 3, 10, 12, 30, 15, 250_000, UTC), tokens=2**62 + 1,
    projected_tokens=2**80 + 1, token_limit=10**15, spend=2**62 + 3, projected_spend=2**80 + 3, budget=10**18,
)  # fmt: skip
UNKNOWN = replace(
    LARGE, tokens=0, projected_tokens=None, token_limit=None, spend=None, projected_spend=None, budget=None
)


async def test_a_snapshot_comes_back_as_it_was(services: Services, tenant_id: str) -> None:
    """Every digit of large numbers, and what is unknown, also in place of numbers kept before."""
    for one in (LARGE, UNKNOWN):
        await services.snapshots.save(tenant_id, one)
        assert await services.snapshots.of_period(tenant_id, Period(DAY, DAY)) == [one]


async def test_snapshots_are_those_of_a_period_in_order(services: Services, tenant_id: str) -> None:
    """Whatever the order they were kept in; those of other days and tenants are not among them."""
    days = [DAY + timedelta(days=distance) for distance in (30, -1, 0, 2, 1, -300)]
    for day in days:
        await services.snapshots.save(tenant_id, replace(LARGE, day=day))
    await services.snapshots.save(f"{tenant_id}-2", UNKNOWN)
    found = await services.snapshots.of_period(tenant_id, Period(DAY, DAY + timedelta(days=2)))
    assert [one.day for one in found] == [DAY + timedelta(days=distance) for distance in (0, 1, 2)]
    assert LARGE in found
