"""Tickets, as the operator's endpoint gets them."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from json import loads

from shared.channels.outbound import Caller
from shared.channels.ticket import TicketSender
from tests.channels.cast import FIRING, NOW, TICKET, OneTenant, note
from tests.channels.receiver import receiver

NEAR = Caller(to_private=True, seconds=5)


async def test_a_ticket_says_who_what_and_how_urgent() -> None:
    """For people in words, for programs as a firing; the URL may be private, the key is the token's."""
    critical = replace(FIRING, severity="critical")
    async with receiver() as there:
        sender = TicketSender(there.url, "token", OneTenant(), "https://usage.example.com/", NEAR)
        assert (await sender.send(note(TICKET, firing=critical), NOW)).is_delivered
        call = there.calls[0]
    assert call.headers["Authorization"] == "Bearer token"
    assert call.headers["Idempotency-Key"] == note(TICKET, firing=critical).id
    ticket = loads(call.body, parse_float=Decimal)
    description = ticket.pop("description")
    firing = ticket.pop("firing")
    assert ticket == {
        "title": "[Critical] Stay within the quota: 80.42 %",
        "priority": "high",
        "type": "usage.alert.fired",
        "tenant_id": "contoso",
        "rule": {"id": "r1", "name": "Stay within the quota"},
        "link": "https://usage.example.com/",
    }
    assert (firing["value"], firing["threshold"], firing["limit"]) == (Decimal("80.42"), 80, 1_500_000)
    assert "At this rate the limit is reached on 27 November." in description
    assert "Customer: Contoso & Sons Ltd" in description


async def test_a_ticket_that_is_asked_for_again_has_the_same_key() -> None:
    """So that it is opened once; another moment of the firing is another ticket."""
    async with receiver() as there:
        sender = TicketSender(there.url, None, OneTenant(None), None, NEAR)
        for what in (note(TICKET), note(TICKET, attempt=1), note(TICKET, "resolved")):
            await sender.send(what, NOW + timedelta(hours=what.attempt))
        keys = [call.headers["Idempotency-Key"] for call in there.calls]
        assert (keys[0], there.calls[0].body) == (keys[1], there.calls[1].body)
        assert keys[2] != keys[0]
        assert "Authorization" not in there.calls[0].headers


async def test_whatever_the_endpoint_answers_may_be_mended() -> None:
    """The operator can set it right within hours, so nothing but success is the end."""
    async with receiver() as there:
        sender = TicketSender(there.url, None, OneTenant(), None, NEAR)
        for status in (400, 401, 404, 410, 500):
            there.status = status
            result = await sender.send(note(TICKET), NOW)
            assert (result.is_delivered, result.is_final, result.is_gone) == (False, False, False)
            assert result.status == status


async def test_without_an_endpoint_there_are_no_tickets() -> None:
    """That is final, and said."""
    result = await TicketSender(None, None, OneTenant(), None, NEAR).send(note(TICKET), NOW)
    assert (result.is_final, result.detail) == (True, "This service has no address for tickets.")
