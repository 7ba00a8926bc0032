"""Firings on a real table."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from shared.alerts.firing import Firing
from shared.days import Period
from shared.services import Services, build_alerting
from shared.stores import by_rule
from shared.stores.firings import FiringStore

DAY = date(2026, 3, 10)
FIRED = Firing(
    id="0", tenant_id="t", rule_id="r", rule_name="Über 80 %", severity="warning",
    metric="monthly_tokens_percent", unit="percent", filter="feature: a", threshold=Decimal("80.000000001"),
    value=Decimal("80.01"), limit=Decimal(10**15), reached_on=DAY, period=Period(DAY, date(2026, 4, 9)),
    fired_at=datetime(2026, 3, 10, 12, 30, 15, 250_000, UTC),
)  # fmt: skip


@pytest.fixture
def firings(services: Services) -> FiringStore:
    """The store, as the service builds it."""
    store = build_alerting(services).firings
    assert isinstance(store, FiringStore)
    return store


async def test_a_firing_comes_back_as_it_was(firings: FiringStore, tenant_id: str) -> None:
    """Every digit, and what is unknown."""
    bare = replace(FIRED, id="1", limit=None, reached_on=None, muted=True, is_test=True)
    for one in (FIRED, bare):
        await firings.add(replace(one, tenant_id=tenant_id))
    found = await firings.since(tenant_id, DAY)
    assert found == [replace(one, tenant_id=tenant_id) for one in (FIRED, bare)]


async def test_a_firing_that_is_there_stays_until_it_is_resolved(
    firings: FiringStore, tenant_id: str
) -> None:
    """Another instance may add it again; the first stays, and so does that it was resolved."""
    first = replace(FIRED, tenant_id=tenant_id)
    over = replace(first, resolved_at=first.fired_at + timedelta(hours=1), resolved_value=Decimal("7.5"))
    await firings.add(first)
    await firings.add(replace(first, value=Decimal(99)))
    assert await firings.since(tenant_id, DAY) == [first]
    for _ in range(2):
        await firings.resolve(over)
    await firings.add(first)
    assert await firings.since(tenant_id, DAY) == [over]


async def test_firings_are_listed_from_the_latest_period(firings: FiringStore, tenant_id: str) -> None:
    """Those since a day, or so many of a rule; other tenants and rules are not among them."""
    days = [DAY + timedelta(days=distance) for distance in (0, 300, -1, 2, 1, -300)]
    for number, day in enumerate(days):
        one = replace(FIRED, id=str(number), tenant_id=tenant_id, period=Period(day, day))
        await firings.add(one)
        await firings.add(replace(one, tenant_id=f"{tenant_id}-2"))
        await firings.add(replace(one, id=f"{number}x", rule_id="s"))
    since = await firings.since(tenant_id, DAY)
    assert [one.id for one in since] == ["1", "1x", "3", "3x", "4", "4x", "0", "0x"]
    assert [one.id for one in await firings.of_rule(tenant_id, "r", 4)] == ["1", "3", "4", "0"]
    assert [one.id for one in await firings.of_rule(tenant_id, "s", 99)] == [
        "1x",
        "3x",
        "4x",
        "0x",
        "2x",
        "5x",
    ]
    assert await firings.of_rule(tenant_id, "nobody", 9) == []


async def test_old_firings_are_dropped(
    firings: FiringStore, tenant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every tenant, those of periods that began before the day; never more than so many at once."""
    long_ago = date(2001, 3, 10)
    for tenant in (tenant_id, f"{tenant_id}-2"):
        for number, distance in enumerate((-400, -2, -1, 0, 1)):
            first = long_ago + timedelta(days=distance)
            one = replace(FIRED, id=str(number), tenant_id=tenant, period=Period(first, first))
            await firings.add(one)
    monkeypatch.setattr(by_rule, "MOST_DROPPED", 4)
    monkeypatch.setattr(by_rule, "TRANSACTION", 2)
    assert [await firings.drop_before(long_ago) for _ in range(3)] == [4, 2, 0]
    for tenant in (tenant_id, f"{tenant_id}-2"):
        assert [one.id for one in await firings.since(tenant, date(2000, 1, 1))] == ["4", "3"]


async def test_of_a_period_the_latest_firing_comes_first(firings: FiringStore, tenant_id: str) -> None:
    """Whatever their ids, and however few are asked for, or many more than a page may have."""
    for name, minute in (("a", 1), ("b", 3), ("c", 2)):
        fired_at = FIRED.fired_at + timedelta(minutes=minute)
        await firings.add(replace(FIRED, id=name, tenant_id=tenant_id, fired_at=fired_at))
    found = {limit: await firings.of_rule(tenant_id, "r", limit) for limit in (1, 2, 11_000)}
    assert {limit: "".join(one.id for one in some) for limit, some in found.items()} == {
        1: "b",
        2: "bc",
        11_000: "bca",
    }
