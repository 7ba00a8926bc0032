"""Mails: each is taken and can be read, whatever it consists of."""

from hypothesis import example, given
from hypothesis import strategies as st

from local.outside.mail import read_mail
from tests.local.outside.conftest import Visitor


async def test_a_mail_arrives_with_all_its_parts(visitor: Visitor) -> None:
    """Subject, addresses, text and HTML are those that were sent, in any script."""
    await visitor.mail("80 % für Ünïcode ✓", "Plain ✓", "<p>Rich ✓</p>")
    (mail,) = await visitor.listed("mails")
    assert mail["subject"] == "80 % für Ünïcode ✓"
    assert (mail["sender"], mail["to"]) == ("usage@example.com", ["ann@contoso.example"])
    assert (mail["text"].strip(), mail["html"].strip()) == ("Plain ✓", "<p>Rich ✓</p>")
    assert ["From", "Usage <usage@example.com>"] in mail["headers"]


async def test_a_mail_in_pieces_of_nonsense_is_taken(visitor: Visitor) -> None:
    """Unknown charsets and broken encodings are shown as far as they can be."""
    await visitor.deliver(
        b"Subject: =?klingon?B?////?=\r\nX-Odd: \xfe\r\n"
        b"Content-Type: text/plain; charset=klingon\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8=\r\n"
    )
    (mail,) = await visitor.listed("mails")
    assert mail["text"] == "Hello"
    assert "klingon" in mail["subject"]


@given(st.binary(max_size=300), st.text(max_size=50))
@example(b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n\xff", "\ud800")
@example(b"Content-Type: text/plain; charset=utf-16\r\nSubject: =?utf-8?q?=ED=A0=80?=\r\n\r\n\x00\xd8", "")
def test_any_bytes_are_a_mail(content: bytes, sender: str) -> None:
    """Nothing makes the reader fail, and what it gives is proper text."""
    mail = read_mail(1, sender, [sender], content)
    assert mail.model_dump_json().encode()
