"""Delivery: a message in the queue is one attempt at one channel, and puts the next attempt there itself.

An attempt is claimed before and written down after it; the message of the next one is in the queue before
that. So a process that ends anywhere loses nothing: its message comes back, finds an attempt that never
ended, counts it and makes the next one, which is known by the same id. Copies of a message find that its
attempt has been made.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Literal

from shared.alerts.notification import Notification
from shared.alerts.ports import Alerting, Attempt, Delivery, Result, Sender
from shared.alerts.rule import Channel, EmailChannel, Rule, WebhookChannel
from shared.alerts.rules import stored_or_default
from shared.ports import Tenants
from shared.tenants import Tenant

DELAYS = tuple(
    timedelta(seconds=seconds) for seconds in (5, 60, 300, 1_800, 7_200, 18_000, 36_000)
)  # after each attempt that failed; after the last one nothing more is tried
BUSY = timedelta(minutes=2)  # longer than any sender takes
LONGEST = timedelta(hours=24)  # what a receiver may ask us to wait
UNFINISHED = "The attempt did not end."
NOT_WANTED = Result(False, None, "The alert does not name this channel any more.", is_final=True)
GONE = Result(False, None, "The URL answered 410 before and is called no more.", is_final=True)

type Outcome = Literal["delivered", "again", "failed", "stale", "waiting"]
"""What became of a message. `stale`: its attempt was made before; `waiting`: it is put back for later."""


@dataclass(frozen=True, slots=True)
class Unhandled:
    """Stands in for a sender where a message could not be handled in all its tries."""

    async def send(self, notification: Notification, now: datetime) -> Result:
        """Fails."""
        return Result(False, None, "The service could not make the attempt.")


async def deliver(alerting: Alerting, tenants: Tenants, notification: Notification, now: datetime) -> Outcome:
    """Makes the attempt that a message stands for."""
    sender = alerting.senders[notification.channel.type]
    return await _attempt(alerting, tenants, notification, sender, now)


async def unhandled(
    alerting: Alerting, tenants: Tenants, notification: Notification, now: datetime
) -> Outcome:
    """Counts as a failed attempt a message that could not be handled; the next one comes as after any."""
    return await _attempt(alerting, tenants, notification, Unhandled(), now)


async def _attempt(
    alerting: Alerting, tenants: Tenants, notification: Notification, sender: Sender, now: datetime
) -> Outcome:
    found = await alerting.deliveries.find(notification)
    delivery = found or Delivery(notification, created_at=now)
    if _is_stale(delivery, notification):
        return "stale"
    due = delivery.busy_until or delivery.next_at
    if due and now < due:
        await alerting.outbox.put(notification, due - now)
        return "waiting"
    claimed = await alerting.deliveries.save(_claimed(delivery, now))
    if claimed is None:
        return "stale"  # whoever came first has a message of its own
    if delivery.busy_until and len(claimed.attempts) > len(DELAYS):
        return await _fail(alerting, tenants, claimed)
    started = monotonic()
    refused = await _refused(alerting, tenants, claimed.notification)
    result = refused or await sender.send(claimed.notification, now)
    took = int((monotonic() - started) * 1_000)
    attempt = Attempt(now, result.is_delivered, result.status, result.detail, took)
    left = replace(claimed.notification, left=result.left)
    made = replace(claimed, notification=left, attempts=[*claimed.attempts, attempt])
    return await _settle(alerting, tenants, made, result)


def _is_stale(delivery: Delivery, notification: Notification) -> bool:
    """Whether there is nothing left to do for a message. While an attempt has no end, there is."""
    if delivery.state != "pending":
        return True
    return not delivery.busy_until and notification.attempt < len(delivery.attempts)


def _claimed(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery with an attempt under way; one that was under way too long is counted as failed."""
    attempts = list(delivery.attempts)
    if delivery.busy_until:
        attempts.append(Attempt(delivery.busy_until - BUSY, False, None, UNFINISHED, 0))
    return replace(delivery, attempts=attempts, busy_until=now + BUSY, next_at=None)


async def _refused(alerting: Alerting, tenants: Tenants, notification: Notification) -> Result | None:
    """Why the channel is not called any more; None as long as its rule wants it to be."""
    tenant = await tenants.find(notification.firing.tenant_id)
    rule = await _rule(alerting, tenant, notification) if tenant else None
    if tenant is None or rule is None:
        return NOT_WANTED
    notices = _contacts(tenant) if notification.moment == "undelivered" else []
    if notification.channel not in (*rule.channels, *notices):
        return NOT_WANTED
    return GONE if _is_gone(notification.channel, rule) else None


async def _settle(alerting: Alerting, tenants: Tenants, delivery: Delivery, result: Result) -> Outcome:
    """Writes down how the attempt went, once its consequences are in the queue."""
    made = len(delivery.attempts)
    if result.is_delivered:
        await alerting.deliveries.save(replace(delivery, state="delivered", busy_until=None))
        return "delivered"
    if result.is_gone:
        await _mark_gone(alerting, delivery.notification)
    if result.is_final or made > len(DELAYS):
        return await _fail(alerting, tenants, delivery)
    delay = max(DELAYS[made - 1], min(result.retry_after or timedelta(0), LONGEST))
    await alerting.outbox.put(replace(delivery.notification, attempt=made), delay)
    next_at = delivery.attempts[-1].at + delay
    await alerting.deliveries.save(replace(delivery, busy_until=None, next_at=next_at))
    return "again"


async def _fail(alerting: Alerting, tenants: Tenants, delivery: Delivery) -> Outcome:
    """Gives up, and sees to it that somebody hears of it."""
    notice = await _notice(alerting, tenants, delivery)
    if notice:
        await alerting.outbox.put(notice)
    await alerting.deliveries.save(replace(delivery, state="failed", busy_until=None))
    return "failed"


async def _notice(alerting: Alerting, tenants: Tenants, delivery: Delivery) -> Notification | None:
    """What tells another channel; None where there is no other, or where nobody relies on this one."""
    lost = delivery.notification
    tenant = await tenants.find(lost.firing.tenant_id)
    if lost.moment in ("undelivered", "test") or tenant is None:
        return None
    rule = await _rule(alerting, tenant, lost)
    channel = other_channel(rule, tenant, lost.channel) if rule else None
    if channel is None:
        return None
    reason = delivery.attempts[-1].detail
    return Notification("undelivered", channel, lost.firing, failed=lost.channel, reason=reason)


async def _rule(alerting: Alerting, tenant: Tenant, notification: Notification) -> Rule | None:
    found = await stored_or_default(alerting.rules, tenant, notification.firing.rule_id)
    return found[0] if found else None


def other_channel(rule: Rule, tenant: Tenant, failed: Channel) -> Channel | None:
    """Who is told that a channel of the rule failed: the tenant's contacts, else another channel of it.

    One of another type goes first, as what keeps one mail from arriving may keep the next one.
    """
    known = (*_contacts(tenant), *rule.channels)
    others = [one for one in known if one != failed and not _is_gone(one, rule)]
    if failed not in rule.channels or not others:
        return None
    return next((one for one in others if one.type != failed.type), others[0])


def _contacts(tenant: Tenant) -> Sequence[Channel]:
    return [EmailChannel(type="email", to=tenant.contacts)] if tenant.contacts else []


def _is_gone(channel: Channel, rule: Rule) -> bool:
    return isinstance(channel, WebhookChannel) and channel.url in rule.gone


async def _mark_gone(alerting: Alerting, notification: Notification) -> None:
    """Writes down that the URL is to be called no more, if its rule still names it."""
    firing, channel = notification.firing, notification.channel
    while isinstance(channel, WebhookChannel):
        found = await alerting.rules.find(firing.tenant_id, firing.rule_id)
        if found is None or channel not in found[0].channels or channel.url in found[0].gone:
            return
        rule, etag = found
        if await alerting.rules.save(rule.model_copy(update={"gone": [*rule.gone, channel.url]}), etag):
            return
