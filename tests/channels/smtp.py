"""An SMTP server on this machine that answers as told."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from shared.config import MailSettings

SENDER = "Usage Analytics <alerts@usage.example>"


@dataclass
class Server:
    """What arrived, and how it answers: by address, and to all mails."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    answer: str = "250 OK"

    def settings(self, security: str = "none", **more: Any) -> MailSettings:  # noqa: ANN401 - any setting
        """The settings that lead here."""
        whole = {"user": None, "password": None, "sender": SENDER, **more}
        return MailSettings("127.0.0.1", self.port, security, **whole)

    async def handle_RCPT(  # noqa: N802 - the name that the library looks for
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Takes or refuses an address."""
        if address in self.refuses:
            return self.refuses[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Takes or refuses a mail."""
        if self.answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.mails.append(message_from_bytes(content, policy=policy.default))
            self.envelopes.append(envelope)
            self.encrypted.append(session.ssl is not None)
        return self.answer

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        """Lets in whoever says `right`."""
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"right", handled=False)


@asynccontextmanager
async def smtp_server(tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Server]:  # noqa: ANN401
    """A server for the length of a test; with `tls` all of it is encrypted."""
    made, loop = Server(), asyncio.get_running_loop()
    more = {
        "authenticator": made.authenticate,
        "hostname": "mail.example",
        "enable_SMTPUTF8": True,
        **options,
    }
    running = await loop.create_server(lambda: SMTP(made, loop=loop, **more), "127.0.0.1", 0, ssl=tls)
    made.port = running.sockets[0].getsockname()[1]
    yield made
    running.close()
