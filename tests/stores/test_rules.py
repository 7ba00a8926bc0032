"""Alert rules on a real table."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.alerts.rule import EmailChannel, Filter, Rule, RuleSettings, WebhookChannel
from shared.alerts.rules import MAX_BYTES
from shared.services import Services
from shared.stores.rules import RuleStore

NOW = datetime(2026, 3, 10, 12, 30, 15, 250_000, UTC)


@pytest.fixture
def rules(services: Services) -> RuleStore:
    """The store, on the service's own client."""
    return RuleStore(services.tables)


def rule(tenant_id: str, rule_id: str = "0" * 16, name: str = "Ausgaben über 5 €") -> Rule:
    """A rule with everything."""
    return Rule(
        id=rule_id, tenant_id=tenant_id, name=name, metric="monthly_spend_usd",
        thresholds=[Decimal("0.000000001"), Decimal(10**15)], severity="critical",
        filter=Filter(feature=["ticket-suggest"], user=["ann's \\ \"id\""]),
        channels=[EmailChannel(type="email", to=["a@b.example"]),
                  WebhookChannel(type="webhook", url="https://example.com/hook")],
        muted_until=NOW + timedelta(days=1), notify_resolved=True, created_at=NOW, updated_at=NOW,
        watched_since=NOW,
        gone=["https://example.com/hook"], webhook_generation=3, rotations=[NOW, NOW],
    )  # fmt: skip


async def test_a_rule_comes_back_as_it_was(rules: RuleStore, tenant_id: str) -> None:
    """Every digit and character."""
    one = rule(tenant_id)
    assert await rules.find(tenant_id, one.id) is None
    assert await rules.save(one, None)
    found = await rules.find(tenant_id, one.id)
    assert found
    assert found[0] == one
    assert await rules.of_tenant(tenant_id) == [one]


async def test_the_largest_rule_fits(rules: RuleStore, tenant_id: str) -> None:
    """Nearly as much as a tenant may say, with every webhook given up."""
    urls = [f"https://example.com/{number}".ljust(2_000, "x") for number in range(5)]
    texts = ["€".ljust(124, "x") + str(number) for number in range(20)]
    large = rule(tenant_id).model_copy(
        update={
            "channels": [WebhookChannel(type="webhook", url=url) for url in urls],
            "filter": Filter(feature=texts, user=texts),
            "gone": urls,
        }
    )
    said = len(large.model_dump_json(include=set(RuleSettings.model_fields)).encode())
    assert 0.95 * MAX_BYTES < said <= MAX_BYTES
    assert await rules.save(large, None)
    found = await rules.find(tenant_id, large.id)
    assert found
    assert found[0] == large


async def test_rules_are_the_tenant_s_own_by_id(rules: RuleStore, tenant_id: str) -> None:
    """Those of others are neither found nor deleted."""
    for number in (2, 0, 1):
        await rules.save(rule(tenant_id, f"{number:016}"), None)
    await rules.save(rule(f"{tenant_id}-2", f"{0:016}"), None)
    (_, etag) = await rules.find(f"{tenant_id}-2", f"{0:016}") or (None, "")
    assert await rules.delete(f"{tenant_id}-3", f"{0:016}", etag)
    assert await rules.delete(f"{tenant_id}-2", f"{0:016}", etag)
    assert [one.id for one in await rules.of_tenant(tenant_id)] == [f"{number:016}" for number in range(3)]
    assert await rules.of_tenant(f"{tenant_id}-2") == []


async def test_of_two_who_change_a_rule_one_is_told(rules: RuleStore, tenant_id: str) -> None:
    """Whoever creates what is there, or changes or deletes what has changed or is gone, writes nothing."""
    one = rule(tenant_id)
    assert await rules.save(one, None)
    assert not await rules.save(rule(tenant_id, name="other"), None)
    (_, etag) = await rules.find(tenant_id, one.id) or (None, "")
    assert await rules.save(rule(tenant_id, name="first"), etag)
    assert not await rules.save(rule(tenant_id, name="second"), etag)
    (found, etag) = await rules.find(tenant_id, one.id) or (None, "")
    assert found == rule(tenant_id, name="first")
    assert await rules.save(rule(tenant_id, name="second"), etag)
    assert not await rules.delete(tenant_id, one.id, etag)
    (_, etag) = await rules.find(tenant_id, one.id) or (None, "")
    assert await rules.delete(tenant_id, one.id, etag)
    assert not await rules.save(rule(tenant_id, name="third"), etag)
    assert await rules.of_tenant(tenant_id) == []


async def test_a_write_whose_answer_was_lost_counts_as_written(rules: RuleStore, tenant_id: str) -> None:
    """The client repeats it, and meets its own rule."""
    one = rule(tenant_id)
    for etag in (None, None, "W/\"datetime'2026-03-10T12%3A30%3A15.0000000Z'\""):
        assert await rules.save(one, etag)
