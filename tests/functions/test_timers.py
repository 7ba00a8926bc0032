"""The timers that set off alerts, on the whole service."""

from decimal import Decimal

import pytest

from tests.stack import Api


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


async def fired(api: Api, tenant_id: str) -> list[dict[str, object]]:
    """The firings of the default rule."""
    key = await api.new_key(tenant_id, "alerts")
    answer = await api.ask("GET", "usage/alerts/default/firings", key)
    assert answer.status == 200, answer
    found: list[dict[str, object]] = answer.json["data"]
    return found
