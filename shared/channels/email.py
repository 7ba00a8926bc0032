"""Mails over SMTP: one for all recipients of a channel, as HTML and as text."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiosmtplib

from shared.alerts.firing import Firing
from shared.alerts.notification import Notification
from shared.alerts.ports import Result
from shared.alerts.rule import EmailChannel
from shared.channels.wording import Facts, amount, facts_of
from shared.config import MailSettings
from shared.ports import Tenants
from shared.tenants import Tenant

if TYPE_CHECKING:
    from jinja2 import Environment

SECONDS = 60.0  # for all of a mail
ACCEPTED = 250
PERMANENT = 500  # the first status by which SMTP says that trying again will not help
MOST_DETAIL = 300  # characters
TEMPLATES = Path(__file__).parent / "templates"
NOT_SET_UP = Result(False, None, "This service has no mail server.", is_final=True)

type Refusals = Mapping[str, int]
"""The status for each address that the server refused."""


@dataclass(frozen=True, slots=True)
class Bar:
    """How a value stands against its threshold, in per cent of a width that stands for `whole`."""

    filled: int
    threshold: int
    whole: str


@dataclass(frozen=True, slots=True)
class EmailSender:
    """`shared.alerts.ports.Sender` for mails."""

    settings: MailSettings | None
    tenants: Tenants
    dashboard_url: str | None = None
    context: ssl.SSLContext | None = None
    seconds: float = SECONDS

    async def send(self, notification: Notification, now: datetime) -> Result:
        """Hands the mail to the server for every address that has not taken it yet."""
        if self.settings is None or not isinstance(notification.channel, EmailChannel):
            return NOT_SET_UP
        tenant = await self.tenants.find(notification.firing.tenant_id)
        mail = mail_of(notification, tenant, self.settings.sender, self.dashboard_url, now)
        recipients = notification.left or notification.channel.to
        try:
            async with asyncio.timeout(self.seconds):
                refused = await self._hand_over(self.settings, mail, recipients)
        except (aiosmtplib.SMTPException, OSError) as error:
            return _failure(error)
        return _accepted(recipients, refused)

    async def _hand_over(
        self, settings: MailSettings, mail: EmailMessage, recipients: Sequence[str]
    ) -> Refusals:
        try:
            refused, _ = await aiosmtplib.send(
                mail,
                sender=parseaddr(settings.sender)[1],
                recipients=list(recipients),
                hostname=settings.host,
                port=settings.port,
                local_hostname=domain_of(settings.sender),
                username=settings.user,
                password=settings.password,
                use_tls=settings.security == "tls",
                start_tls=settings.security == "starttls",
                tls_context=self.context,
                timeout=self.seconds,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return {one.recipient: one.code for one in error.recipients}
        return {address: answer.code for address, answer in refused.items()}


def mail_of(
    notification: Notification, tenant: Tenant | None, sender: str, dashboard_url: str | None, now: datetime
) -> EmailMessage:
    """The mail: the same but for its date, whenever the same notification is sent."""
    facts, channel = facts_of(notification, tenant), notification.channel
    mail = EmailMessage()
    mail["Subject"] = facts.title
    mail["From"] = sender
    mail["To"] = ", ".join(channel.to) if isinstance(channel, EmailChannel) else ""
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{notification.id}@{domain_of(sender)}>"
    mail["Auto-Submitted"] = "auto-generated"
    shown = _shown(notification, facts, tenant, dashboard_url)
    mail.set_content(_environment().get_template("mail.txt").render(shown))
    mail.add_alternative(_environment().get_template("mail.html").render(shown), subtype="html")
    return mail


def _shown(
    notification: Notification, facts: Facts, tenant: Tenant | None, dashboard_url: str | None
) -> dict[str, Any]:
    """What the templates know."""
    firing = notification.firing
    resolved = firing.resolved_value if notification.moment == "resolved" else None
    return {
        "facts": facts,
        "firing": firing,
        "moment": notification.moment,
        "bar": bar_of(firing, firing.value if resolved is None else resolved),
        "threshold": amount(firing.threshold, firing.unit),
        "customer": tenant.name if tenant else firing.tenant_id,
        "link": dashboard_url,
    }


def domain_of(sender: str) -> str:
    """The domain of an address, with or without a name before it."""
    return parseaddr(sender)[1].rpartition("@")[2]


def bar_of(firing: Firing, value: Decimal) -> Bar:
    """The bar of a firing, with this value; its width is the limit, or what is larger."""
    limit = Decimal(100) if firing.unit == "percent" else firing.limit or Decimal(0)
    whole = max(limit, value, firing.threshold, firing.value)
    return Bar(int(100 * value / whole), int(100 * firing.threshold / whole), amount(whole, firing.unit))


def _accepted(recipients: Sequence[str], refused: Refusals) -> Result:
    """Addresses refused for now are tried again; of those refused for good the log tells."""
    if not refused:
        return Result(True, ACCEPTED, "The mail server took the mail.")
    status, taken = next(iter(refused.values())), len(recipients) - len(refused)
    named = ", ".join(f"{address} ({code})" for address, code in refused.items())
    detail = f"The mail server took the mail for {taken} of {len(recipients)}; it refused {named}."
    left = tuple(address for address, code in refused.items() if code < PERMANENT)
    if taken and not left:
        return Result(True, ACCEPTED, detail[:MOST_DETAIL])
    return Result(False, status, detail[:MOST_DETAIL], is_final=not left, left=left)


def _failure(error: Exception) -> Result:
    """What the server says of the mail is final where it says so; what it says of us can be mended."""
    if isinstance(error, aiosmtplib.SMTPResponseException):
        is_ours = isinstance(error, aiosmtplib.SMTPAuthenticationError)
        is_final = error.code >= PERMANENT and not is_ours
        return Result(False, error.code, f"The mail server answered {error.code}.", is_final=is_final)
    if isinstance(error, TimeoutError):
        return Result(False, None, "The mail server did not answer in time.")
    if isinstance(error, OSError):
        return Result(False, None, "The mail server cannot be reached.")
    return Result(False, None, "The mail server lacks what this service needs to send.")


@cache
def _environment() -> "Environment":
    """The templates; only processes that send mails pay for the import."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
