"""A fresh world outside for each test, and those who send to it."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import aiohttp
import aiosmtplib
import pytest
from standardwebhooks import Webhook as Signer

from local.outside import TICKETS_TOKEN, WEBHOOK_SECRET, Outside
from shared.alerts.rule import Rule, default_rule
from shared.alerts.secrets import secret_of
from shared.tenants import Tenant

RULE = default_rule(Tenant(id="contoso", name="Contoso"))


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone who sends things and looks at the pages."""

    outside: Outside
    http: aiohttp.ClientSession

    async def mail(self, subject: str = "Hello", text: str = "Text.", html: str = "") -> None:
        """Sends a mail, as any mail program does."""
        message = EmailMessage()
        message["From"], message["To"] = "Usage <usage@example.com>", "ann@contoso.example"
        message["Subject"] = subject
        message.set_content(text)
        if html:
            message.add_alternative(html, subtype="html")
        await self.deliver(message.as_bytes())

    async def deliver(self, content: bytes) -> None:
        """Hands over a mail as these bytes."""
        host, port = self.outside.smtp.removeprefix("smtp://").split(":")
        async with aiosmtplib.SMTP(hostname=host, port=int(port), start_tls=False) as client:
            await client.sendmail("usage@example.com", ["ann@contoso.example"], content)

    async def call(self, secret: str, path: str = "/hooks/contoso/default") -> int:
        """Calls a webhook, signed with this secret; the status of the answer."""
        body, now = json.dumps({"type": "usage.alert.fired", "data": {}}), datetime.now(UTC)
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Signer(secret).sign("msg_1", now, body),
        }
        async with self.http.post(path, data=body, headers=headers) as response:
            return response.status

    async def ticket(self, key: str, token: str = TICKETS_TOKEN, body: object = None) -> tuple[int, str]:
        """Asks for a ticket; status and text of the answer."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        async with self.http.post("/tickets", json=body, headers=headers) as response:
            return response.status, await response.text()

    async def listed(self, room: str) -> list[dict[str, Any]]:
        """What arrived, for scripts."""
        async with self.http.get(f"/{room}.json") as response:
            found: list[dict[str, Any]] = (await response.json())["data"]
            return found

    async def page(self, path: str) -> str:
        """The text of a page that is there."""
        async with self.http.get(path) as response:
            assert response.status == 200, path
            return await response.text()


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    """A visitor of a fresh world."""
    async with Outside() as outside, aiohttp.ClientSession(outside.url) as http:
        yield Visitor(outside, http)


def secret(rule: Rule = RULE) -> str:
    """The secret that signs the rule's webhooks, as the service gives it to customers."""
    return secret_of(WEBHOOK_SECRET, rule)
