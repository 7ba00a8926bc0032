"""What tests of channels send, and to whom."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from shared.alerts.firing import Firing, Moment
from shared.alerts.notification import Notification
from shared.alerts.rule import Channel, EmailChannel, Rule, TicketChannel, WebhookChannel
from shared.days import Period
from shared.event import EPOCH
from shared.tenants import Tenant

NOW = datetime(2026, 11, 22, 14, 35, tzinfo=UTC)
CONTOSO = Tenant(id="contoso", name="Contoso & Sons Ltd", time_zone="America/Chicago")
MAIL = EmailChannel(type="email", to=["ann@example.com", "bo@example.com"])
TICKET = TicketChannel(type="ticket")
FIRING = Firing(
    id="f1" * 16,
    tenant_id="contoso",
    rule_id="r1",
    rule_name="Stay within the quota",
    severity="warning",
    metric="monthly_tokens_percent",
    unit="percent",
    filter="",
    threshold=Decimal(80),
    value=Decimal("80.42"),
    limit=Decimal(1_500_000),
    reached_on=date(2026, 11, 27),
    period=Period(date(2026, 11, 1), date(2026, 11, 30)),
    fired_at=NOW,
)


def hook(url: str) -> WebhookChannel:
    """A webhook to a URL."""
    return WebhookChannel(type="webhook", url=url)


def note(channel: Channel, moment: Moment = "fired", firing: Firing = FIRING, **more: Any) -> Notification:  # noqa: ANN401
    """What a channel is told."""
    return Notification(moment, channel, firing, **more)


def rule(channels: Sequence[Channel], **more: Any) -> Rule:  # noqa: ANN401 - any field
    """The rule that fired."""
    whole: dict[str, Any] = {
        "id": "r1", "tenant_id": "contoso", "name": "Stay within the quota",
        "metric": "monthly_tokens_percent", "thresholds": [Decimal(80)], "channels": list(channels),
        "created_at": EPOCH, "updated_at": EPOCH, "watched_since": EPOCH,
    }  # fmt: skip
    return Rule(**{**whole, **more})


@dataclass
class OneTenant:
    """`shared.ports.Tenants` with one tenant, or none."""

    tenant: Tenant | None = field(default=CONTOSO)

    async def find(self, tenant_id: str) -> Tenant | None:
        """The tenant."""
        return self.tenant if self.tenant and self.tenant.id == tenant_id else None
