"""The program: it says where it listens, keeps what came, and says when it cannot start."""

import socket
from pathlib import Path

import aiohttp
import aiosmtplib
import pytest

from local.outside.arrivals import Arrivals, Mail
from local.stack import CannotStart, Process

MAIL = b"Subject: Kept\r\n\r\nText\r\n"


async def test_it_runs_as_other_programs_do(tmp_path: Path) -> None:
    """Both servers are where its first line says; what came is there after its end."""
    arguments = ("local.outside", "--smtp", "0", "--http", "0", "--folder", str(tmp_path))
    process = await Process.start("The world outside", *arguments, environment={})
    try:
        port = int(process.said.split()[2].rsplit(":", 1)[1])
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            await client.sendmail("a@b.example", ["c@d.example"], MAIL)
        async with aiohttp.ClientSession() as http, http.get(process.url) as page:
            assert "<h1>Kept</h1>" in await page.text()
    finally:
        await process.stop()
    assert process.process.returncode == 0
    assert [mail.subject for mail in Arrivals(tmp_path).newest(Mail)] == ["Kept"]


async def test_a_port_in_use_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    """It ends at once, and says why."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(CannotStart, match="It did not start"):
            await Process.start("It", "local.outside", "--smtp", "0", "--http", port, environment={})
    assert "error while attempting to bind" in capfd.readouterr().err
