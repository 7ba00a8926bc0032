"""Notifications that somebody asks for: a test of a rule, and another attempt at what failed."""

import re
import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from shared.alerts.evaluate import described
from shared.alerts.firing import Firing
from shared.alerts.notification import Notification
from shared.alerts.ports import Alerting, Delivery
from shared.alerts.rule import METRICS, Rule
from shared.days import Period, day_of
from shared.errors import Busy, Conflict, NotFound, TooMany
from shared.tenants import Tenant

MAX_TESTS = 20  # of a tenant on one of its days
HEAD_START = timedelta(seconds=10)  # of the log before the message that it is about
DELIVERY_ID = re.compile(r"msg_[0-9a-f]{32}")


async def send_test(alerting: Alerting, tenant: Tenant, rule: Rule, now: datetime) -> list[Notification]:
    """Sends a notification marked as a test to every channel of the rule, and gives them.

    Raises Conflict where there is no channel, TooMany when there were enough tests today.
    """
    if not rule.channels:
        raise Conflict("The rule has no channel.")
    today = day_of(now, tenant.zone)
    tests = [one for one in await alerting.firings.since(tenant.id, today) if one.is_test]
    if len(tests) >= MAX_TESTS:
        raise TooMany(f"There were {MAX_TESTS} tests today, which is all that a tenant may do.")
    firing = _sample(rule, Period(today, today), now)
    await alerting.firings.add(firing)
    notifications = [Notification("test", channel, firing) for channel in rule.channels]
    for notification in notifications:
        await alerting.outbox.put(notification)
    return notifications


async def replay(alerting: Alerting, rule: Rule, delivery_id: str, now: datetime) -> Delivery:
    """Makes another attempt at a delivery that failed.

    Raises NotFound, Conflict where it did not fail, Busy if somebody else changes it now.
    """
    found = await _find(alerting, rule, delivery_id)
    if found.state != "failed":
        raise Conflict(f"Only a failed delivery is sent again; this one is {found.state}.")
    again = replace(found.notification, attempt=len(found.attempts))
    await alerting.outbox.put(again, HEAD_START)  # first: killed in between, it is dropped as still failed
    saved = await alerting.deliveries.save(replace(found, state="pending", next_at=now + HEAD_START))
    if saved is None:
        raise Busy("The delivery is being changed. Try again.")
    return saved


async def _find(alerting: Alerting, rule: Rule, delivery_id: str) -> Delivery:
    known = DELIVERY_ID.fullmatch(delivery_id)
    found = await alerting.deliveries.by_id(rule.tenant_id, rule.id, delivery_id) if known else None
    if found is None:
        raise NotFound("There is no such delivery.")
    return found


def _sample(rule: Rule, today: Period, now: datetime) -> Firing:
    """A firing that never was, and is over already: nothing follows from it."""
    threshold = rule.thresholds[0]
    return Firing(
        id=secrets.token_hex(16),
        tenant_id=rule.tenant_id,
        rule_id=rule.id,
        rule_name=rule.name,
        severity=rule.severity,
        metric=rule.metric,
        unit=METRICS[rule.metric].unit,
        filter=described(rule.filter),
        threshold=threshold,
        value=threshold,
        limit=None,
        reached_on=None,
        period=today,
        fired_at=now,
        is_test=True,
        resolved_at=now,
        resolved_value=threshold,
    )
