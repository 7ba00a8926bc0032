"""Notifications from the queue through the functions to the servers on this machine."""

import json
import logging
from dataclasses import replace
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from azure.storage.queue.aio import QueueClient

from functions.notifications import tell
from shared.alerts.notification import Notification
from shared.alerts.rule import Channel, EmailChannel
from shared.stores.schema import NOTIFICATIONS_QUEUE, UNDELIVERED_QUEUE
from shared.telemetry import NOTIFICATIONS
from tests.channels.cast import FIRING, MAIL, TICKET, hook, note
from tests.stack import Api, Customer, eventually


class Told:
    """A tenant with a rule that tells all channels, and what comes of it."""

    def __init__(self, customer: Customer, key: str) -> None:
        self.api, self.id, self.key = customer.api, customer.id, key
        self.rule_id = ""
        self.channels: dict[str, Channel] = {}

    async def rule(self, query: str) -> None:
        """Creates the rule, and then its webhook: the receiver knows the secret by the rule's id."""
        given = {"name": "Spend", "metric": "monthly_spend_usd", "thresholds": [5]}
        made = await self.api.ask("POST", "usage/alerts", self.key, body=given)
        self.rule_id = made.json["id"]
        url = f"{self.api.stack.outside}/hooks/{self.id}/{self.rule_id}{query}"
        mail = EmailChannel(type="email", to=[f"ann@{self.id}.example"])
        self.channels = {"email": mail, "ticket": TICKET, "webhook": hook(url)}
        channels = [one.model_dump() for one in self.channels.values()]
        path = f"usage/alerts/{self.rule_id}"
        answer = await self.api.ask("PUT", path, self.key, body={**given, "channels": channels})
        assert answer.status == 200, answer

    def note(self, channel: str) -> Notification:
        """A notification of the rule."""
        firing = replace(FIRING, id=uuid4().hex, tenant_id=self.id, rule_id=self.rule_id)
        return note(self.channels[channel], firing=firing)

    async def log(self) -> list[str]:
        """The channel, the state and the status of each attempt, of each delivery."""
        answer = await self.api.ask("GET", f"usage/alerts/{self.rule_id}/deliveries", self.key)
        return sorted(
            " ".join(
                [row["channel"]["type"], row["state"], *(str(made["status"]) for made in row["attempts"])]
            )
            for row in answer.json["data"]
        )

    async def arrived(self, room: str, named: str = "") -> list[dict[str, Any]]:
        """What arrived in a room of the outside world for this tenant, or for who is named."""
        url = f"{self.api.stack.outside}/{room}.json"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            things = (await response.json())["data"]
        return [thing for thing in things if (named or self.id) in str(thing)]


async def told(api: Api, query: str = "", **settings: Any) -> Told:  # noqa: ANN401 - any JSON
    """A new tenant with its rule; `query` says how its webhook is answered."""
    customer = await api.customer(**settings)
    made = Told(customer, await api.new_key(customer.id, "alerts"))
    await made.rule(query)
    return made


async def put(api: Api, *texts: str, queue: str = NOTIFICATIONS_QUEUE) -> None:
    """Puts messages into a queue."""
    async with QueueClient.from_connection_string(api.stack.storage, queue) as client:
        for text in texts:
            await client.send_message(text)


async def test_a_notification_arrives_by_every_channel_once(api: Api) -> None:
    """Though each message comes twice: a mail, a ticket, and a call whose signature is right."""
    one = await told(api)
    notes = [one.note(channel) for channel in one.channels]
    await put(api, *(what.text() for what in notes), *(what.text() for what in notes))
    await eventually(one.log, ["email delivered 250", "ticket delivered 201", "webhook delivered 204"])
    (mail,), (ticket,), (call,) = [await one.arrived(room) for room in ("mails", "tickets", "webhooks")]
    assert mail["subject"] == "[Warning] Stay within the quota: 80.42 %"
    assert "A customer" in mail["html"]
    assert (ticket["requests"], ticket["key"]) == (1, notes[1].id)
    assert (call["is_verified"], json.loads(call["body"])["data"]["value"]) == (True, 80.42)


async def test_a_webhook_that_is_gone_is_told_to_the_contacts(api: Api) -> None:
    """By mail, which names the receiver's answer; the URL is not called for the next one."""
    contact = f"admin@{uuid4().hex}.example"
    one = await told(api, "?answer=410", contacts=[contact])
    await put(api, one.note("webhook").text())
    await eventually(one.log, ["email delivered 250", "webhook failed 410"])
    (mail,) = await one.arrived("mails", contact)
    assert mail["to"] == [contact]
    assert mail["subject"].startswith("[Undelivered] Stay within the quota: webhook to 127.0.0.1")
    assert "The receiver answered 410." in mail["text"]
    await put(api, one.note("webhook").text())
    notices = ["email delivered 250"] * 2
    await eventually(one.log, [*notices, "webhook failed 410", "webhook failed None"])
    assert len(await one.arrived("webhooks")) == 1


async def test_a_message_that_kept_failing_is_a_failed_attempt(api: Api) -> None:
    """It is in the log and goes on from there; one that nobody can read keeps no other from it."""
    one = await told(api)
    await put(api, "no notification", one.note("email").text(), queue=UNDELIVERED_QUEUE)
    await eventually(one.log, ["email delivered None 250"])
    assert len(await one.arrived("mails")) == 1

    async def waiting() -> int:
        async with QueueClient.from_connection_string(api.stack.storage, UNDELIVERED_QUEUE) as client:
            return (await client.get_queue_properties()).approximate_message_count or 0

    await eventually(waiting, 0)


@pytest.mark.parametrize("channel", [MAIL, hook("https://hooks.example.com/secret-path"), TICKET])
def test_neither_logs_nor_metrics_name_anybody(
    channel: Channel, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No address, no URL, no name of a rule: what became of it, and whose it is by ids."""
    counted: list[dict[str, str]] = []

    monkeypatch.setattr(NOTIFICATIONS, "add", lambda _, attributes: counted.append(attributes))
    with caplog.at_level(logging.INFO, "usage.notifications"):
        tell(note(channel), "failed")
    assert counted == [{"channel": channel.type, "outcome": "failed"}]
    (record,) = caplog.records
    said = f"{record.getMessage()} {vars(record)}"
    assert record.levelno == logging.WARNING
    assert not [one for one in ("example.com", "secret-path", "Stay within") if one in said]
