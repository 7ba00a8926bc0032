"""Notifications out: one message is one attempt at one channel."""

import logging

import azure.functions as func

from functions._http import now
from shared.alerts.deliver import Outcome, deliver, unhandled
from shared.alerts.notification import Notification, read_notification
from shared.errors import Undecodable
from shared.services import alerting, services
from shared.stores.schema import NOTIFICATIONS_QUEUE, UNDELIVERED_QUEUE
from shared.telemetry import NOTIFICATIONS, traced

notifications = func.Blueprint()
log = logging.getLogger("usage.notifications")
WORTH_A_WARNING = {"again", "failed"}


@notifications.queue_trigger("message", NOTIFICATIONS_QUEUE, "USAGE_STORAGE")
@traced
async def deliver_notification(message: func.QueueMessage) -> None:
    """Makes the attempt that the message stands for."""
    notification = read_notification(message.get_body())
    tell(notification, await deliver(alerting(), services().stores.tenants, notification, now()))


@notifications.queue_trigger("message", UNDELIVERED_QUEUE, "USAGE_STORAGE")
@traced
async def undelivered_notification(message: func.QueueMessage) -> None:
    """Counts a message that kept failing as a failed attempt; one that cannot be read is only told of."""
    log.error("a notification could not be handled", extra={"message_id": message.id})
    try:
        notification = read_notification(message.get_body())
    except Undecodable:
        NOTIFICATIONS.add(1, {"channel": "unknown", "outcome": "unreadable"})
        return
    tell(notification, await unhandled(alerting(), services().stores.tenants, notification, now()))


def tell(notification: Notification, outcome: Outcome) -> None:
    """Counts and logs what became of a message: no addresses, no URLs."""
    channel, firing = notification.channel.type, notification.firing
    NOTIFICATIONS.add(1, {"channel": channel, "outcome": outcome})
    facts = {"tenant": firing.tenant_id, "rule": firing.rule_id, "notification": notification.id}
    level = logging.WARNING if outcome in WORTH_A_WARNING else logging.INFO
    log.log(level, "%s by %s: %s", notification.moment, channel, outcome, extra=facts)
