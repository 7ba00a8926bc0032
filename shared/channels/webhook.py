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
from shared.channels.told import happened_at, to_json, told

NOT_SET_UP = Result(False, None, "This service has no secret to sign webhooks with.", is_final=True)
NOT_WANTED = Result(False, None, "The rule has no such webhook any more.", is_final=True)
GONE = Result(False, None, "The URL answered 410 before and is called no more.", is_final=True)


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """`shared.alerts.ports.Sender` for webhooks. The rules say which secret signs."""

    secret: str | None
    rules: Rules
    caller: Caller

    async def send(self, notification: Notification, now: datetime) -> Result:
        """Calls the URL, unless the rule does not name it any more or it is gone."""
        channel, firing = notification.channel, notification.firing
        if not self.secret or not isinstance(channel, WebhookChannel):
            return NOT_SET_UP
        found = await self.rules.find(firing.tenant_id, firing.rule_id)
        if found is None or channel not in found[0].channels:
            return NOT_WANTED
        if channel.url in found[0].gone:
            return GONE
        body = body_of(notification)
        headers = headers_of(self.secret, found[0], notification, body, now)
        return await self.caller.post(channel.url, body, headers, now)


def body_of(notification: Notification) -> bytes:
    """What is posted: `{"type": "usage.alert.fired", "timestamp": …, "data": {…}}`."""
    kind = f"usage.alert.{notification.moment}"
    return to_json({"type": kind, "timestamp": happened_at(notification), "data": told(notification)})


def headers_of(
    master: str, rule: Rule, notification: Notification, body: bytes, now: datetime
) -> dict[str, str]:
    """The three headers of the scheme, for an attempt at this time."""
    return {
        "webhook-id": notification.id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature(master, rule, notification.id, body, now),
    }
