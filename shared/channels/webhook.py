"""Webhooks: calls to URLs of customers by the scheme of Standard Webhooks.

The body is the same in each attempt, and `webhook-id` is that of the notification: a receiver that has
seen it needs to do nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.alerts.notification import Notification
from shared.alerts.ports import Result, Rules
from shared.alerts.rule import Rule, WebhookChannel
from shared.alerts.secrets import signature
from shared.channels.outbound import Caller
from shared.channels.payload import happened_at, payload_of
from shared.money import to_json

NOT_SET_UP = Result(False, None, "This service has no secret to sign webhooks with.", is_final=True)
NO_RULE = Result(False, None, "There is no rule whose secret could sign the call.", is_final=True)


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """`shared.alerts.ports.Sender` for webhooks. The rules say which secret signs."""

    secret: str | None
    rules: Rules
    caller: Caller

    async def send(self, notification: Notification, now: datetime) -> Result:
        """Calls the URL."""
        channel, firing = notification.channel, notification.firing
        if not self.secret or not isinstance(channel, WebhookChannel):
            return NOT_SET_UP
        found = await self.rules.find(firing.tenant_id, firing.rule_id)
        if found is None:
            return NO_RULE
        body = body_of(notification)
        headers = headers_of(self.secret, found[0], notification, body, now)
        return await self.caller.post(channel.url, body, headers, now)


def body_of(notification: Notification) -> bytes:
    """What is posted: `{"type": "usage.alert.fired", "timestamp": …, "data": {…}}`."""
    kind = f"usage.alert.{notification.moment}"
    return to_json({"type": kind, "timestamp": happened_at(notification), "data": payload_of(notification)})


def headers_of(
    master: str, rule: Rule, notification: Notification, body: bytes, now: datetime
) -> dict[str, str]:
    """The three headers of the scheme, for an attempt at this time."""
    return {
        "webhook-id": notification.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature(master, rule, notification.id, body, now),
    }
