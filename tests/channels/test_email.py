"""Mails, as a real SMTP server takes them and as people read them."""

import asyncio
import ssl
from dataclasses import replace
from decimal import Decimal
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from shared.alerts.firing import Moment
from shared.alerts.notification import Notification
from shared.alerts.ports import Result
from shared.alerts.rule import TicketChannel, Unit
from shared.channels.email import EmailSender, bar_of, mail_of
from tests.channels.cast import CONTOSO, FIRING, MAIL, NOW, OneTenant, hook, note
from tests.channels.smtp import SENDER, Server, smtp_server
from tests.tls import new_certificate, server_context

LINK = "https://usage.example.com/?a=1&b=2"
MOMENTS: list[Moment] = ["fired", "resolved", "test", "undelivered"]


async def send(server: Server, what: Notification, security: str = "none", **more: Any) -> Result:  # noqa: ANN401
    """Sends through a server."""
    return await EmailSender(server.settings(security, **more), OneTenant(), LINK).send(what, NOW)


def mail(what: Notification) -> EmailMessage:
    """The mail of a notification."""
    return mail_of(what, CONTOSO, SENDER, LINK, NOW)


def part(of: EmailMessage, kind: str) -> str:
    """Its text or HTML."""
    body = of.get_body((kind,))
    assert body
    return str(body.get_content())


class Page(HTMLParser):
    """What a reader sees of HTML, which tags there are, and whether each is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags, self.open, self.links = "", set[str](), list[str](), list[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens a tag."""
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Closes it."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collects text."""
        self.text += data


async def test_one_mail_goes_to_all_recipients() -> None:
    """From the sender's address, with the headers of a mail that a machine sent."""
    async with smtp_server() as server:
        result = await send(server, note(MAIL))
    assert result == Result(True, 250, "The mail server took the mail.")
    (got,), (envelope,) = server.mails, server.envelopes
    assert envelope.mail_from == "alerts@usage.example"
    assert envelope.rcpt_tos == MAIL.to
    assert got["From"] == SENDER
    assert got["To"] == "ann@example.com, bo@example.com"
    assert got["Subject"] == "[Warning] Stay within the quota: 80.42 %"
    assert got["Message-ID"] == f"<{note(MAIL).id}@usage.example>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(got["Date"]) == NOW
    assert [one.get_content_type() for one in got.iter_parts()] == ["text/plain", "text/html"]


async def test_a_mail_that_is_sent_again_is_the_same_mail() -> None:
    """Its Message-ID lets servers and readers see that; another moment is another mail."""
    async with smtp_server() as server:
        for what in (note(MAIL), note(MAIL, attempt=2), note(MAIL, "resolved")):
            await send(server, what)
    first, again, other = (str(one["Message-ID"]) for one in server.mails)
    assert first == again != other


async def test_every_kind_of_connection_works(tmp_path: Path) -> None:
    """In the clear, by STARTTLS and by TLS, with a login where there is one."""
    certificate = new_certificate(tmp_path)
    trusting, tls = ssl.create_default_context(cafile=certificate), server_context(certificate)
    login = {"user": "usage", "password": "right"}
    async with (
        smtp_server() as plain,
        smtp_server(tls_context=tls, require_starttls=True, auth_required=True) as starttls,
        smtp_server(tls, auth_require_tls=False) as whole,
    ):
        settings = [plain.settings(), starttls.settings("starttls", **login), whole.settings("tls", **login)]
        for one in settings:
            sender = EmailSender(one, OneTenant(), None, trusting)
            assert (await sender.send(note(MAIL), NOW)).is_delivered, one.security
    assert (plain.encrypted, starttls.encrypted) == ([False], [True])
    assert starttls.logins == whole.logins == [(b"usage", b"right")]


async def test_a_server_that_cannot_be_trusted_gets_nothing(tmp_path: Path) -> None:
    """One whose certificate nobody vouches for, one that offers no TLS; either may be mended."""
    async with (
        smtp_server(tls_context=server_context(new_certificate(tmp_path))) as unknown,
        smtp_server() as plain,
    ):
        for server in (unknown, plain):
            result = await send(server, note(MAIL), "starttls")
            assert (result.is_delivered, result.is_final, server.mails) == (False, False, [])


@pytest.mark.parametrize(
    ("answer", "is_final"), [("550 spam", True), ("554 no", True), ("451 later", False), ("421 bye", False)]
)
async def test_the_servers_answer_decides_whether_to_try_again(answer: str, is_final: bool) -> None:
    """5xx is final, 4xx is not; the status is in the log, the server's words are not."""
    async with smtp_server() as server:
        server.answer = answer
        result = await send(server, note(MAIL))
    status = int(answer[:3])
    assert result == Result(False, status, f"The mail server answered {status}.", is_final=is_final)


@pytest.mark.parametrize(
    ("refuses", "is_delivered", "is_final", "left"),
    [
        ({"ann@example.com": "550 unknown"}, True, False, []),
        ({"ann@example.com": "450 later"}, False, False, ["ann@example.com"]),
        ({"ann@example.com": "550 unknown", "bo@example.com": "450 later"}, False, False, ["bo@example.com"]),
        ({"ann@example.com": "550 unknown", "bo@example.com": "551 gone"}, False, True, []),
        ({"ann@example.com": "450 later", "bo@example.com": "451 later"}, False, False, MAIL.to),
    ],
)
async def test_addresses_that_are_refused_are_told(
    refuses: dict[str, str], is_delivered: bool, is_final: bool, left: list[str]
) -> None:
    """Those refused for now are left for the next attempt; who was refused is in the log."""
    async with smtp_server() as server:
        server.refuses = refuses
        result = await send(server, note(MAIL))
    assert (result.is_delivered, result.is_final, list(result.left)) == (is_delivered, is_final, left)
    assert all(f"{address} ({answer[:3]})" in result.detail for address, answer in refuses.items())


async def test_the_next_attempt_goes_to_those_who_are_left() -> None:
    """The mail still names all."""
    async with smtp_server() as server:
        assert (await send(server, note(MAIL, left=("bo@example.com",)))).is_delivered
    assert server.envelopes[0].rcpt_tos == ["bo@example.com"]
    assert server.mails[0]["To"] == "ann@example.com, bo@example.com"


async def test_a_login_that_is_refused_may_be_mended(tmp_path: Path) -> None:
    """The operator's password is no reason to give up the customer's mail."""
    certificate = new_certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=certificate)
    async with smtp_server(tls_context=server_context(certificate)) as server:
        settings = server.settings("starttls", user="usage", password="wrong")
        result = await EmailSender(settings, OneTenant(), None, trusting).send(note(MAIL), NOW)
    assert (result.is_delivered, result.status, result.is_final) == (False, 535, False)


async def test_a_silent_server_is_left_after_a_while() -> None:
    """And one that hangs up, or is not there; all may be different later."""
    ends = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ends.wait()
        writer.close()

    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    details = []
    for behaviour in (silent, hangs_up):
        running = await asyncio.start_server(behaviour, "127.0.0.1", 0)
        settings = Server(running.sockets[0].getsockname()[1]).settings()
        result = await EmailSender(settings, OneTenant(), seconds=0.2).send(note(MAIL), NOW)
        assert (result.is_delivered, result.is_final, result.status) == (False, False, None)
        details.append(result.detail)
        running.close()
    ends.set()
    nobody = await EmailSender(settings, OneTenant(), seconds=0.2).send(note(MAIL), NOW)
    assert [*details, nobody.detail] == [
        "The mail server did not answer in time.",
        *["The mail server cannot be reached."] * 2,
    ]


async def test_without_a_server_there_are_no_mails() -> None:
    """That is final, and said."""
    result = await EmailSender(None, OneTenant()).send(note(MAIL), NOW)
    assert (result.is_final, result.detail) == (True, "This service has no mail server.")
    assert (await EmailSender(None, OneTenant()).send(note(TicketChannel(type="ticket")), NOW)).is_final


@pytest.mark.parametrize("moment", MOMENTS)
def test_text_and_html_say_the_same(moment: Moment) -> None:
    """The headline, the sentences, every fact, the link, and why one gets the mail."""
    over = replace(FIRING, resolved_at=NOW, resolved_value=Decimal(3))
    firing = over if moment == "resolved" else FIRING
    made = mail(note(MAIL, moment, firing, failed=hook("https://h.example.com"), reason="It broke."))
    text, page = part(made, "plain"), Page(part(made, "html"))
    assert page.open == []
    for said in (
        "Contoso & Sons Ltd",
        "80.42 %",
        "1,500,000 tokens",
        "1\N{EN DASH}30 November 2026",
        "It broke.",
    ):
        assert said in text
        assert said in page.text
    assert LINK in text
    assert page.links == [LINK]
    assert "You get this mail because" in text
    assert "You get this mail because" in page.text
    assert ("27 November" in text) == (moment == "fired")


def test_a_mail_loads_nothing_and_runs_nothing() -> None:
    """No picture, script or style from elsewhere: it tells nobody that it was read."""
    page = Page(part(mail(note(MAIL)), "html"))
    assert not page.tags & {"img", "script", "link", "iframe", "object", "form"}
    assert "url(" not in part(mail(note(MAIL)), "html")


@pytest.mark.parametrize(("threshold", "cells"), [(29, 2), (80, 2), (100, 1)])
def test_the_threshold_has_its_tick(threshold: int, cells: int) -> None:
    """Where it is; at 100 % that is the end of the bar, with nothing behind it."""
    firing = replace(FIRING, threshold=Decimal(threshold), value=Decimal(100))
    shown = part(mail(note(MAIL, firing=firing)), "html")
    row = shown[: shown.index('class="track"')].rpartition("<tr>")[2]
    assert (row.count("border-right:2px"), row.count("<td"), row.count("alert at")) == (1, cells, 1)
    assert f'width="{threshold}%"' in row


def test_what_customers_write_stays_text() -> None:
    """Markup in names of rules, filters and tenants is shown, not obeyed."""
    evil = '<script>alert("x")</script>{{ 7 * 7 }}'
    firing = replace(FIRING, rule_name=evil, filter=f"feature: {evil}")
    made = mail_of(note(MAIL, firing=firing), CONTOSO.model_copy(update={"name": evil}), SENDER, LINK, NOW)
    page = Page(part(made, "html"))
    assert "script" not in page.tags
    assert page.text.count(evil) >= 3
    assert evil in part(made, "plain")


def test_no_name_can_add_a_header() -> None:
    """Whatever a program might take for the end of a line."""
    for end in ("\x85", "\u2028", "\u2029"):
        made = mail(note(MAIL, firing=replace(FIRING, rule_name=f"A{end}Bcc: eve@example.com")))
        assert made["Bcc"] is None
        assert b"\nBcc:" not in bytes(made)
        assert made["Subject"] == "[Warning] A Bcc: eve@example.com: 80.42 %"


def test_long_names_in_any_alphabet_arrive() -> None:
    """In subject and body, folded and encoded as mails have it."""
    name = "Größe der 東京-Kontingente " * 4
    made = mail(note(MAIL, firing=replace(FIRING, rule_name=name)))
    assert all(len(line) <= 998 for line in bytes(made).splitlines())
    assert bytes(made).isascii()
    assert " ".join(name.split()) in str(made["Subject"])
    assert name in part(made, "plain")


@pytest.mark.parametrize(
    ("value", "threshold", "unit", "limit", "bar"),
    [
        ("80.42", "80", "percent", "1500000", (80, 80, "100 %")),
        ("250", "80", "percent", None, (100, 32, "250 %")),
        ("0", "80", "percent", None, (0, 80, "100 %")),
        ("120", "100", "usd", "400", (30, 25, "$400.00")),
        ("120", "100", "usd", None, (100, 83, "$120.00")),
        ("12007", "12000", "count", None, (100, 99, "12,007")),
    ],
)
def test_the_bar_shows_the_value_against_threshold_and_limit(
    value: str,
    threshold: str,
    unit: Unit,
    limit: str | None,
    bar: tuple[int, int, str],
) -> None:
    """Its whole width is the limit, or what goes beyond it."""
    firing = replace(
        FIRING,
        unit=unit,
        value=Decimal(value),
        threshold=Decimal(threshold),
        limit=Decimal(limit) if limit else None,
    )
    found = bar_of(firing, firing.value)
    assert (found.filled, found.threshold, found.whole) == bar
