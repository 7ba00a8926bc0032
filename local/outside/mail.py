"""The SMTP server: takes every mail and delivers none."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message

from aiosmtpd.smtp import SMTP, Envelope, Session

from local.outside.arrivals import Arrivals, Mail

MAX_BYTES = 2_000_000


class Sink:
    """What the SMTP server does with a mail."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keeps it. The sender gets the number, as other servers give the id in their queue."""
        content = envelope.content
        mail = read_mail(
            self._arrivals.next(),
            envelope.mail_from or "",
            [str(address) for address in envelope.rcpt_tos],
            content.encode() if isinstance(content, str) else content or b"",
        )
        self._arrivals.put(mail)
        return f"250 Kept as {mail.number}"


def protocol(arrivals: Arrivals) -> Callable[[], SMTP]:
    """Makes the protocol of a connection."""
    sink = Sink(arrivals)
    return lambda: SMTP(sink, hostname="localhost", data_size_limit=MAX_BYTES, enable_SMTPUTF8=True)


def read_mail(number: int, sender: str, to: list[str], content: bytes) -> Mail:
    """A mail as it came: whatever is wrong in it, it can be read."""
    message = message_from_bytes(content)
    parts = [part for part in message.walk() if not part.is_multipart() and not part.get_filename()]
    return Mail(
        number=number,
        at=datetime.now(UTC),
        sender=sender,
        to=to,
        subject=_decoded(str(message.get("Subject", ""))),
        headers=[(name, _decoded(str(value))) for name, value in message.items()],
        text=_body(parts, "text/plain"),
        html=_body(parts, "text/html"),
    )


def _decoded(value: str) -> str:
    """A header's text, on one line."""
    with suppress(HeaderParseError, LookupError, ValueError):
        value = str(make_header(decode_header(value)))
    return " ".join(value.split())


def _body(parts: Iterable[Message], kind: str) -> str:
    for part in parts:
        if part.get_content_type() == kind:
            data = part.get_payload(decode=True)
            return _text(data if isinstance(data, bytes) else b"", part.get_content_charset("utf-8"))
    return ""


def _text(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, errors="replace")
    except (LookupError, ValueError):
        return data.decode(errors="replace")
