"""What a notification tells programs: the same JSON in webhooks and tickets."""

from datetime import datetime
from typing import Any

from shared.alerts.answers import facts_of
from shared.alerts.firing import Firing
from shared.alerts.notification import Notification


def payload_of(notification: Notification) -> dict[str, Any]:
    """The firing as JSON has it: times in RFC 3339, decimals as exact numbers."""
    firing = notification.firing
    facts: dict[str, Any] = {
        **facts_of(firing),
        "tenant_id": firing.tenant_id,
        "reached_on": firing.reached_on,
        "period": {"from": firing.period.first, "to": firing.period.last},
        "fired_at": firing.fired_at,
        "resolved_at": None if firing.is_test else firing.resolved_at,
        "resolved_value": None if firing.is_test else firing.resolved_value,
        "is_test": firing.is_test,
    }
    if notification.failed:
        facts["undelivered"] = {"channel": notification.failed.type, "reason": notification.reason}
    return facts


def happened_at(notification: Notification) -> datetime:
    """When what is told of happened: the same in each attempt."""
    firing: Firing = notification.firing
    resolved = firing.resolved_at if notification.moment == "resolved" else None
    return resolved or firing.fired_at
