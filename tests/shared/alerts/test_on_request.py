"""Tests and replays on fakes: what is sent, how often, and what a kill leaves behind."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.alerts.on_request import HEAD_START, MAX_TESTS, replay, send_test
from shared.alerts.ports import Attempt, Delivery
from shared.alerts.rule import Channel, Rule, TicketChannel, WebhookChannel
from shared.errors import Conflict, NotFound, TooMany
from shared.tenants import Tenant
from tests.alerts import Board
from tests.fakes import NOW, Process, Stopped

TENANT = Tenant(id="contoso", name="Contoso", time_zone="Pacific/Auckland")
CHANNELS: list[Channel] = [
    WebhookChannel(type="webhook", url="https://example.com/hook"), TicketChannel(type="ticket")
]  # fmt: skip
RULE = Rule(
    id="0123456789abcdef", tenant_id=TENANT.id, name="Spend", metric="monthly_spend_usd",
    thresholds=[Decimal(100), Decimal(200)], channels=CHANNELS,
    created_at=NOW, updated_at=NOW, watched_since=NOW,
)  # fmt: skip


async def test_a_test_goes_to_every_channel_and_is_marked() -> None:
    """Through the outbox; its firing is in the history as a test that is over."""
    board = Board()
    sent = await send_test(board.alerting(), TENANT, RULE, NOW)
    assert [message.text for message in board.put] == [one.text() for one in sent]
    assert [one.channel for one in sent] == CHANNELS
    assert {one.moment for one in sent} == {"test"}
    (firing,) = board.firings.values()
    assert (firing.is_test, firing.resolved_at, firing.threshold) == (True, NOW, Decimal(100))
    assert [one.firing for one in sent] == [firing, firing]
    again = await send_test(board.alerting(), TENANT, RULE, NOW)
    assert not {one.id for one in again} & {one.id for one in sent}


async def test_a_rule_without_channel_cannot_be_tried() -> None:
    """That is said, and nothing is sent."""
    board = Board()
    with pytest.raises(Conflict):
        await send_test(board.alerting(), TENANT, RULE.model_copy(update={"channels": []}), NOW)
    assert (board.put, board.firings) == ([], {})


async def test_a_tenant_has_so_many_tests_on_each_of_its_days() -> None:
    """Over all its rules; the next day of its own time zone begins anew, and others have theirs."""
    board = Board()
    midnight = NOW.replace(hour=11)  # in Auckland
    rules = [RULE, RULE.model_copy(update={"id": "f" * 16})]
    for number in range(MAX_TESTS):
        await send_test(board.alerting(), TENANT, rules[number % 2], midnight - timedelta(seconds=1))
    for rule in rules:
        with pytest.raises(TooMany):
            await send_test(board.alerting(), TENANT, rule, midnight - timedelta(seconds=1))
    assert len(board.put) == 2 * MAX_TESTS
    await send_test(board.alerting(), TENANT, RULE, midnight)
    other = RULE.model_copy(update={"tenant_id": "fabrikam"})
    await send_test(board.alerting(), TENANT.model_copy(update={"id": "fabrikam"}), other, midnight)


async def failed(board: Board, channel: Channel = CHANNELS[0]) -> Delivery:
    """A delivery that failed after two attempts."""
    (told, *_) = await send_test(
        board.alerting(), TENANT, RULE.model_copy(update={"channels": [channel]}), NOW
    )
    board.queue.clear()
    board.put.clear()
    attempts = [Attempt(NOW, False, 500, "It answered 500.", 12)] * 2
    saved = await board.alerting().deliveries.save(Delivery(told, NOW, "failed", attempts))
    assert saved
    return saved


async def test_a_failed_delivery_is_sent_again() -> None:
    """Under the same id, as the attempt after the last; the log keeps what was before."""
    board = Board()
    before = await failed(board)
    after = await replay(board.alerting(), RULE, before.notification.id, NOW)
    assert (after.state, after.attempts, after.next_at) == ("pending", before.attempts, NOW + HEAD_START)
    (message,) = board.put
    assert message.text == replace(before.notification, attempt=2).text()
    assert message.notification.id == before.notification.id
    with pytest.raises(Conflict, match="pending"):
        await replay(board.alerting(), RULE, before.notification.id, NOW)


@pytest.mark.parametrize("delivery_id", ["", "msg_", "msg_" + "0" * 32, "'"])
async def test_only_a_delivery_of_the_rule_is_found(delivery_id: str) -> None:
    """Neither one that never was, nor that of another rule or tenant."""
    board = Board()
    before = await failed(board)
    for rule in (
        RULE.model_copy(update={"id": "f" * 16}),
        RULE.model_copy(update={"tenant_id": "fabrikam"}),
    ):
        with pytest.raises(NotFound):
            await replay(board.alerting(), rule, before.notification.id, NOW)
    with pytest.raises(NotFound):
        await replay(board.alerting(), RULE, delivery_id, NOW)
    assert board.put == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("stop_at", [1, 2, 3])
async def test_a_replay_that_was_killed_can_be_asked_for_again(stop_at: int, after: bool) -> None:
    """Never is a delivery pending without a message on its way."""
    board = Board()
    before = await failed(board)
    process = Process(stop_at, after=after)
    with pytest.raises(Stopped):
        await replay(board.alerting(process), RULE, before.notification.id, NOW)
    (stored,) = board.deliveries.values()
    if stored.state == "failed":
        await replay(board.alerting(), RULE, before.notification.id, NOW)
    assert [one.state for one in board.deliveries.values()] == ["pending"]
    assert {one.id for one in board.notifications()} == {before.notification.id}
