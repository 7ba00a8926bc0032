"""Webhooks, as a receiver that checks them by the Standard Webhooks library gets them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from json import loads
from typing import Any

import pytest
from standardwebhooks import Webhook

from shared.alerts.firing import Moment
from shared.alerts.notification import Notification
from shared.alerts.ports import Result
from shared.alerts.rule import Rule
from shared.alerts.secrets import secret_of
from shared.channels.outbound import Caller
from shared.channels.webhook import WebhookSender, body_of
from shared.days import Period
from tests.alerts import Board
from tests.channels.cast import FIRING, MAIL, NOW, hook, note, rule
from tests.channels.receiver import Call, Receiver, receiver

MASTER = "a master secret"


def sender_of(stored: Rule | None, **changed: Any) -> WebhookSender:  # noqa: ANN401 - any field
    """The sender, beside this stored rule."""
    board = Board()
    if stored:
        board.add_rule(stored)
    settings = {
        "secret": MASTER,
        "rules": board.alerting().rules,
        "caller": Caller(to_private=True, seconds=5),
    }
    return WebhookSender(**{**settings, **changed})


async def call(there: Receiver, stored: Rule, what: Notification, now: datetime) -> tuple[Result, Call]:
    """Sends to a receiver; the result, and what arrived."""
    result = await sender_of(stored).send(what, now)
    return result, there.calls[-1]


async def test_a_receiver_can_verify_what_it_gets() -> None:
    """With the rule's secret, over the very bytes; each attempt has the same id and body."""
    async with receiver() as there:
        stored, now = rule([hook(there.url)]), datetime.now(UTC)
        result, first = await call(there, stored, note(hook(there.url)), now)
        _, again = await call(there, stored, note(hook(there.url), attempt=3), now + timedelta(seconds=60))
    assert result == Result(True, 204, "The receiver answered 204.")
    told = Webhook(secret_of(MASTER, stored)).verify(first.body, dict(first.headers))
    assert told["type"] == "usage.alert.fired"
    assert first.headers["webhook-id"] == again.headers["webhook-id"] == note(hook(there.url)).id
    assert first.body == again.body
    assert int(again.headers["webhook-timestamp"]) == int(first.headers["webhook-timestamp"]) + 60
    Webhook(secret_of(MASTER, stored)).verify(again.body, dict(again.headers))


async def test_after_a_rotation_a_receiver_with_the_old_secret_still_verifies() -> None:
    """For a day there are two signatures, and either secret finds its own."""
    async with receiver() as there:
        now, old = datetime.now(UTC), rule([hook(there.url)])
        new = old.model_copy(update={"webhook_generation": 1, "rotations": [now - timedelta(hours=23)]})
        _, made = await call(there, new, note(hook(there.url)), now)
        for secret in (secret_of(MASTER, old), secret_of(MASTER, new)):
            Webhook(secret).verify(made.body, dict(made.headers))
    assert len(made.headers["webhook-signature"].split(" ")) == 2


def test_the_body_tells_why_the_rule_fired() -> None:
    """Value, limit, threshold, period and projected date; decimals to the last digit."""
    exact = replace(FIRING, unit="usd", value=Decimal("1234.567890123"), threshold=Decimal("0.000000001"))
    body = body_of(note(hook("https://example.com"), firing=exact))
    told = loads(body, parse_float=Decimal)
    assert told == {
        "type": "usage.alert.fired",
        "timestamp": "2026-11-22T14:35:00+00:00",
        "data": {
            "id": FIRING.id, "tenant_id": "contoso",
            "rule": {"id": "r1", "name": "Stay within the quota"}, "severity": "warning",
            "metric": "monthly_tokens_percent", "unit": "usd", "filter": "",
            "threshold": Decimal("0.000000001"), "value": Decimal("1234.567890123"), "limit": 1_500_000,
            "reached_on": "2026-11-27", "period": {"from": "2026-11-01", "to": "2026-11-30"},
            "fired_at": "2026-11-22T14:35:00+00:00", "resolved_at": None, "resolved_value": None,
            "is_test": False,
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "happened"),
    [("fired", NOW), ("resolved", NOW + timedelta(hours=2)), ("test", NOW), ("undelivered", NOW)],
)
def test_each_moment_has_its_type_and_time(moment: Moment, happened: datetime) -> None:
    """A resolved one tells when and at what; the time is that of what happened, not of the attempt."""
    day = Period(date(2026, 11, 22), date(2026, 11, 22))
    over = replace(FIRING, period=day, resolved_at=NOW + timedelta(hours=2), resolved_value=Decimal(3))
    told = loads(body_of(note(hook("https://example.com"), moment, over)))
    assert (told["type"], told["timestamp"]) == (f"usage.alert.{moment}", happened.isoformat())
    assert told["data"]["resolved_value"] == 3


def test_a_notice_tells_which_channel_failed() -> None:
    """And why; of the channel only the type, as its addresses are not the receiver's business."""
    told = loads(body_of(note(hook("https://example.com"), "undelivered", failed=MAIL, reason="Refused.")))
    assert told["data"]["undelivered"] == {"channel": "email", "reason": "Refused."}


async def test_what_cannot_be_signed_or_is_inside_is_not_called() -> None:
    """Without a secret or a rule, or at a private address; all are final."""
    async with receiver() as there:
        channel = hook(there.url)
        deleted = await sender_of(None).send(note(channel), NOW)
        assert (deleted.is_delivered, deleted.is_final, deleted.status) == (False, True, None)
        unset = await sender_of(rule([channel]), secret=None).send(note(channel), NOW)
        assert unset.detail == "This service has no secret to sign webhooks with."
        private = await sender_of(rule([channel]), caller=Caller()).send(note(channel), NOW)
        assert (private.is_final, there.calls) == (True, [])


async def test_a_receiver_that_is_gone_or_busy_says_so() -> None:
    """410 ends it; 429 with its wait; neither counts as delivered."""
    async with receiver() as there:
        channel = hook(there.url)
        there.status = 410
        gone = await sender_of(rule([channel])).send(note(channel), NOW)
        there.status, there.headers = 429, {"Retry-After": "90"}
        busy = await sender_of(rule([channel])).send(note(channel), NOW)
    assert (gone.is_delivered, gone.is_gone, gone.is_final) == (False, True, True)
    assert (busy.is_delivered, busy.is_final, busy.retry_after) == (False, False, timedelta(seconds=90))
