"""What a notification says, in words and numbers for people: the same in mails and tickets."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from shared.alerts.firing import Firing
from shared.alerts.notification import Notification
from shared.alerts.rule import METRICS, Channel, EmailChannel, Unit, WebhookChannel
from shared.days import Period, day_of
from shared.tenants import Tenant, zone

CENT, MILLIONTH = Decimal("0.01"), Decimal("0.000001")
DASH = "\N{EN DASH}"
UTC_ZONE = "UTC"
LABEL_UNITS = (" %", " $")


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a notification as people read them. `title` is one line; the others are sentences.

    `outlook` says when the limit is or was reached, `reason` why a channel could not be reached; each is
    empty where there is nothing to say. `table` has the names and values of the rest.
    """

    title: str
    headline: str
    summary: str
    outlook: str
    reason: str
    table: list[tuple[str, str]]


def facts_of(notification: Notification, tenant: Tenant | None) -> Facts:
    """The facts, in the tenant's time where it is known."""
    firing = notification.firing
    where = tenant.zone if tenant else zone(UTC_ZONE)
    label = label_of(firing)
    return Facts(
        title=_one_line(_title(notification)),
        headline=_headline(notification, label),
        summary=_summary(notification, label),
        outlook=_outlook(firing, where) if notification.moment == "fired" else "",
        reason=notification.reason,
        table=_table(firing, tenant, label, where),
    )


def label_of(firing: Firing) -> str:
    """The name of the metric, without its unit."""
    label = METRICS[firing.metric].label if firing.metric in METRICS else firing.metric
    for unit in LABEL_UNITS:
        label = label.removesuffix(unit)
    return label


def amount(value: Decimal, unit: Unit) -> str:
    """A value as people read it, rounded down: `80.4 %`, `$1,234.56`, `12,000`."""
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "percent":
        return f"{_plain(value.quantize(CENT, ROUND_DOWN))} %"
    if value >= 1 or value == value.quantize(CENT, ROUND_DOWN):
        return f"${value.quantize(CENT, ROUND_DOWN):,.2f}"
    return f"${_plain(value.quantize(MILLIONTH, ROUND_DOWN))}"


def limit_text(firing: Firing) -> str:
    """What the value is held against, or per cent of what it is; empty where there is no such thing."""
    if firing.limit is None:
        return ""
    if firing.unit != "percent":
        return amount(firing.limit, firing.unit)
    return amount(firing.limit, "usd") if "budget" in firing.metric else f"{firing.limit:,.0f} tokens"


def day_text(day: date) -> str:
    """A day with its year: `27 November 2026`."""
    return f"{day.day} {day:%B %Y}"


def period_text(period: Period) -> str:
    """A period: `1-30 November 2026` with a dash, or a day."""
    first, last = period.first, period.last
    if first == last:
        return day_text(first)
    if first.year != last.year:
        return f"{day_text(first)} {DASH} {day_text(last)}"
    if first.month != last.month:
        return f"{first.day} {first:%B} {DASH} {day_text(last)}"
    return f"{first.day}{DASH}{day_text(last)}"


def moment_text(moment: datetime, where: ZoneInfo) -> str:
    """A moment on the clocks of a zone."""
    local = moment.astimezone(where)
    return f"{day_text(local.date())}, {local:%H:%M} ({where.key})"


def channel_text(channel: Channel) -> str:
    """A channel as people call it; of a URL only the host, as the rest may be a secret."""
    if isinstance(channel, EmailChannel):
        return f"email to {', '.join(channel.to)}"
    if isinstance(channel, WebhookChannel):
        return f"webhook to {urlsplit(channel.url).netloc}"
    return "ticket"


def _title(notification: Notification) -> str:
    firing = notification.firing
    match notification.moment:
        case "fired":
            return f"[{firing.severity.title()}] {firing.rule_name}: {amount(firing.value, firing.unit)}"
        case "resolved":
            return f"[Resolved] {firing.rule_name}: {_now(firing) or 'over'}"
        case "test":
            return f"[Test] {firing.rule_name}: a test of this alert"
    return f"[Undelivered] {firing.rule_name}: {_failed(notification)}"


def _headline(notification: Notification, label: str) -> str:
    firing = notification.firing
    match notification.moment:
        case "fired":
            return f"{label} is at {amount(firing.value, firing.unit)}"
        case "resolved":
            return f"{label} is back at {_now(firing)}" if _now(firing) else f"The alert on {label} is over"
        case "test":
            return "This is a test: nothing has happened"
    return "An alert could not be delivered"


def _summary(notification: Notification, label: str) -> str:
    firing = notification.firing
    threshold = amount(firing.threshold, firing.unit)
    match notification.moment:
        case "fired":
            return f"The alert “{firing.rule_name}” fires at {threshold}."
        case "resolved":
            return f"The alert “{firing.rule_name}”, which fires at {threshold}, is over."
        case "test":
            return f"Somebody tested the alert “{firing.rule_name}”. A real one comes the same way."
    return (
        f"The alert “{firing.rule_name}” did not get through by {_failed(notification)}. "
        f"{label} was at {amount(firing.value, firing.unit)}; the alert fires at {threshold}."
    )


def _outlook(firing: Firing, where: ZoneInfo) -> str:
    if firing.reached_on is None:
        return ""
    day = f"{firing.reached_on.day} {firing.reached_on:%B}"
    if firing.reached_on <= day_of(firing.fired_at, where):
        return f"The limit was reached on {day}."
    return f"At this rate the limit is reached on {day}."


def _table(firing: Firing, tenant: Tenant | None, label: str, where: ZoneInfo) -> list[tuple[str, str]]:
    rows = [
        ("Customer", tenant.name if tenant else firing.tenant_id),
        ("Measured", label),
        ("Only for", firing.filter),
        ("Value", amount(firing.value, firing.unit)),
        ("Fires at", amount(firing.threshold, firing.unit)),
        ("Limit", limit_text(firing)),
        ("Period", period_text(firing.period)),
        ("Fired", moment_text(firing.fired_at, where)),
    ]
    if firing.resolved_at and not firing.is_test:
        at = f", at {_now(firing)}" if _now(firing) else ""
        rows.append(("Resolved", moment_text(firing.resolved_at, where) + at))
    return [(name, text) for name, text in rows if text]


def _now(firing: Firing) -> str:
    """The value with which a firing was resolved; empty where it is not known, say without a limit."""
    return "" if firing.resolved_value is None else amount(firing.resolved_value, firing.unit)


def _failed(notification: Notification) -> str:
    return channel_text(notification.failed) if notification.failed else "its channel"


def _plain(value: Decimal) -> str:
    """Without the zeros at its end, and never with an exponent."""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _one_line(text: str) -> str:
    """Without line breaks of any kind, which no header may have."""
    return " ".join(text.split())
