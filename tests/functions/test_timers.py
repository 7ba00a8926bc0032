"""The timers that set off alerts, on the whole service."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from local.import_history import import_rows
from shared.alerts.ports import Delivery
from shared.days import Period
from shared.services import build, build_alerting
from tests.channels.cast import FIRING, MAIL, NOW, note
from tests.stack import Api, Customer


@pytest.mark.parametrize("timer", ["evaluate_alerts", "fold_days"])
async def test_usage_sets_off_the_default_alert_once(api: Api, timer: str) -> None:
    """By the clock, and at once when it is folded; the other timer, or the same again, adds nothing."""
    one = await api.customer(tier={"monthly_tokens": 12})
    other = await api.customer(tier={"monthly_tokens": 13})
    for customer in (one, other):
        assert (await customer.post(customer.event())).status == 202
    for name in (timer, "fold_days", "evaluate_alerts"):
        await api.run_timer(name)
        [firing] = await fired(api, one.id)
        assert (firing["threshold"], firing["value"]) == (80, Decimal("83.33"))
        assert await fired(api, other.id) == []


@pytest.mark.parametrize("changed", ["limits", "rule"])
async def test_what_is_said_anew_is_news_of_a_tenant_that_rests(api: Api, changed: str) -> None:
    """A limit or a rule that past usage has reached already fires without any more usage."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    settings: dict[str, Any] = {"name": "Idle", "billing_day": yesterday.day}
    one = await api.customer(**settings)
    await remember(one, time=yesterday.isoformat())
    await api.run_timer("evaluate_alerts")
    assert await fired(api, one.id) == []
    if changed == "limits":
        await api.operate("PUT", f"tenants/{one.id}", {**settings, "tier": {"monthly_tokens": 12}})
    else:
        rule = {"name": "Users", "metric": "monthly_active_users", "thresholds": [1]}
        key = await api.new_key(one.id, "alerts")
        assert (await api.ask("PUT", "usage/alerts/default", key, body=rule)).status == 200
    await api.run_timer("evaluate_alerts")
    assert len(await fired(api, one.id)) == 1


async def test_the_history_of_alerts_ends_after_13_months(api: Api) -> None:
    """What fired then and how it was delivered is dropped; what came after stays."""
    one, today = await api.customer(), datetime.now(UTC).date()
    services = build(api.stack.service_settings)
    alerting = build_alerting(services)
    for name, days in (("old", 400), ("new", 390)):
        first = today - timedelta(days=days)
        firing = replace(FIRING, id=name, tenant_id=one.id, rule_id="default", period=Period(first, first))
        await alerting.firings.add(firing)
        await alerting.deliveries.save(Delivery(note(MAIL, firing=firing), NOW, "delivered"))
    await api.run_timer("drop_old")
    deliveries = await alerting.deliveries.of_rule(one.id, "default", 9)
    await services.close()
    assert [firing["id"] for firing in await fired(api, one.id)] == ["new"]
    assert [delivery.notification.firing.id for delivery in deliveries] == ["new"]


async def remember(customer: Customer, **fields: object) -> None:
    """Imports an event, which is sealed at once."""
    services = build(customer.api.stack.service_settings)
    await import_rows(services, customer.id, [(1, customer.event(**fields))], lambda _: None)
    await services.close()


async def fired(api: Api, tenant_id: str) -> list[dict[str, object]]:
    """The firings of the default rule."""
    key = await api.new_key(tenant_id, "alerts")
    answer = await api.ask("GET", "usage/alerts/default/firings", key)
    assert answer.status == 200, answer
    found: list[dict[str, object]] = answer.json["data"]
    return found
