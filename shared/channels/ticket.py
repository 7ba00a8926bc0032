"""Tickets: calls to the operator's PSA, or to what stands before it.

    POST <TICKETS_URL>
    Authorization: Bearer <TICKETS_TOKEN>
    Idempotency-Key: <id of the notification>

    {"title": …, "description": …, "priority": "low" | "medium" | "high", "type": "usage.alert.fired",
     "tenant_id": …, "rule": {"id": …, "name": …}, "firing": {…}, "link": … or null}

The key is the same in each attempt: the receiver opens one ticket a key, and answers 2xx again for one
that it has. `firing` is what webhooks have as `data`; `type` tells a resolved alert from a new one.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.alerts.notification import Notification
from shared.alerts.ports import Result
from shared.alerts.rule import Severity
from shared.channels.outbound import Caller
from shared.channels.payload import payload_of
from shared.channels.wording import facts_of
from shared.money import to_json
from shared.ports import Tenants
from shared.tenants import Tenant

NOT_SET_UP = Result(False, None, "This service has no address for tickets.", is_final=True)
PRIORITIES: dict[Severity, str] = {"info": "low", "warning": "medium", "critical": "high"}


@dataclass(frozen=True, slots=True)
class TicketSender:
    """`shared.alerts.ports.Sender` for tickets. The URL is the operator's, and may be a private one."""

    url: str | None
    token: str | None
    tenants: Tenants
    dashboard_url: str | None
    caller: Caller

    async def send(self, notification: Notification, now: datetime) -> Result:
        """Asks for the ticket. A URL that is gone is the operator's to mend, like any other failure."""
        if not self.url:
            return NOT_SET_UP
        tenant = await self.tenants.find(notification.firing.tenant_id)
        body = to_json(ticket_of(notification, tenant, self.dashboard_url))
        headers = {"Idempotency-Key": notification.id}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        result = await self.caller.post(self.url, body, headers, now)
        return replace(result, is_final=False, is_gone=False)


def ticket_of(notification: Notification, tenant: Tenant | None, link: str | None) -> dict[str, Any]:
    """The body of the request."""
    firing, facts = notification.firing, facts_of(notification, tenant)
    sentences = [facts.summary, facts.reason, facts.outlook]
    rows = [f"{name}: {text}" for name, text in facts.table]
    return {
        "title": facts.title,
        "description": "\n".join([*filter(None, [facts.headline, *sentences]), "", *rows]),
        "priority": PRIORITIES[firing.severity],
        "type": f"usage.alert.{notification.moment}",
        "tenant_id": firing.tenant_id,
        "rule": {"id": firing.rule_id, "name": firing.rule_name},
        "firing": payload_of(notification),
        "link": link,
    }
