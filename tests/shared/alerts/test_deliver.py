"""Delivery on fakes: what is tried again, when it ends, who hears of it, and what kills leave behind."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from shared.alerts.deliver import BUSY, DELAYS, LONGEST, deliver, unhandled
from shared.alerts.notification import Notification
from shared.alerts.ports import Attempt, Delivery, Result
from shared.alerts.rule import DEFAULT_RULE, Channel, EmailChannel
from shared.tenants import Tenant
from tests.alerts import Board, FakeSender
from tests.channels.cast import CONTOSO, FIRING, MAIL, TICKET, OneTenant, hook, note, rule
from tests.fakes import NOW, Process, Stopped

HOOK = hook("https://hooks.example.com/usage")
CONTACTS = EmailChannel(type="email", to=["admin@contoso.example"])
TENANT = CONTOSO.model_copy(update={"contacts": CONTACTS.to})
OK = Result(is_delivered=True, status=200, detail="ok")
BAD = Result(is_delivered=False, status=500, detail="bad")
FINAL = Result(is_delivered=False, status=550, detail="never", is_final=True)
GONE = Result(is_delivered=False, status=410, detail="gone", is_final=True, is_gone=True)
COMES_BACK = timedelta(seconds=10)  # a message that was not handled to its end
SECOND = timedelta(seconds=1)


@dataclass
class World:
    """The board, a tenant, and channels that answer as told."""

    board: Board = field(default_factory=Board)
    tenants: OneTenant = field(default_factory=lambda: OneTenant(TENANT))
    hook: FakeSender = field(default_factory=FakeSender)
    mail: FakeSender = field(default_factory=FakeSender)
    ticket: FakeSender = field(default_factory=FakeSender)

    async def put(self, *notifications: Notification) -> None:
        """Puts messages into the queue."""
        for one in notifications:
            await self.board.alerting().outbox.put(one)

    async def handle(self, notification: Notification, process: Process | None = None) -> str:
        """One message, handled by a process."""
        senders = {"webhook": self.hook, "email": self.mail, "ticket": self.ticket}
        alerting = self.board.alerting(process, senders)
        return await deliver(alerting, self.tenants, notification, self.board.now)

    async def work(self, process: Process | None = None) -> None:
        """Handles all messages, each when it is to be seen; one that was not handled comes back."""
        while self.board.queue:
            self.board.now = max(self.board.now, min(one.visible_at for one in self.board.queue))
            for notification in self.board.take():
                try:
                    await self.handle(notification, process)
                except Stopped:
                    process = None  # another one goes on
                    await self.board.alerting().outbox.put(notification, COMES_BACK)

    def delivery(self, notification: Notification) -> Delivery:
        """How far a notification has come."""
        return self.board.deliveries["contoso", notification.id]

    def of(self, channel: Channel) -> FakeSender:
        """Where a channel's notifications arrive."""
        return {"webhook": self.hook, "email": self.mail, "ticket": self.ticket}[channel.type]


def world(*channels: Channel, tenant: Tenant = TENANT) -> World:
    """With a rule of these channels."""
    made = World(tenants=OneTenant(tenant))
    made.board.add_rule(rule(channels))
    return made


def times(delivery: Delivery) -> list[timedelta]:
    """How long after the one before each attempt was."""
    moments = [one.at for one in delivery.attempts]
    return [after - before for before, after in pairwise(moments)]


async def test_what_arrives_is_sent_once() -> None:
    """Also when its message comes several times; the log tells of one attempt."""
    one, what = world(HOOK), note(HOOK)
    await one.put(what, what, what)
    await one.work()
    assert [sent.id for sent in one.hook.sent] == [what.id]
    found = one.delivery(what)
    assert (found.state, found.busy_until, found.next_at) == ("delivered", None, None)
    assert [(made.at, made.is_delivered, made.status) for made in found.attempts] == [(NOW, True, 200)]


async def test_what_fails_is_tried_again_with_growing_delays_until_it_arrives() -> None:
    """Each attempt is in the log with its status and time; copies of a message make no more of them."""
    one, what = world(HOOK), note(HOOK)
    one.hook.results = [BAD, BAD, BAD, OK]
    await one.put(what, what)
    await one.work()
    found = one.delivery(what)
    assert found.state == "delivered"
    assert [made.status for made in found.attempts] == [500, 500, 500, 200]
    assert times(found) == list(DELAYS[:3])
    assert one.mail.sent == []


async def test_after_all_attempts_it_has_failed_and_the_contacts_hear_of_it() -> None:
    """Over hours, with one id; the mail names channel and reason, and what was to be told."""
    one, what = world(HOOK), note(HOOK)
    one.hook.results = [BAD]
    await one.put(what)
    await one.work()
    found = one.delivery(what)
    assert (found.state, len(found.attempts), times(found)) == ("failed", len(DELAYS) + 1, list(DELAYS))
    assert {sent.id for sent in one.hook.sent} == {what.id}
    (told,) = one.mail.sent
    assert (told.moment, told.channel, told.firing) == ("undelivered", CONTACTS, FIRING)
    assert (told.failed, told.reason) == (HOOK, "bad")


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        (timedelta(seconds=2), DELAYS[0]),
        (timedelta(minutes=7), timedelta(minutes=7)),
        (timedelta(days=400), LONGEST),
    ],
)
async def test_a_receiver_may_ask_for_time(asked: timedelta, waits: timedelta) -> None:
    """For more than we would wait, for a day at most."""
    one, what = world(HOOK), note(HOOK)
    one.hook.results = [Result(is_delivered=False, status=429, detail="busy", retry_after=asked), OK]
    await one.put(what)
    await one.work()
    assert times(one.delivery(what)) == [waits]


async def test_what_is_final_is_not_tried_again() -> None:
    """It has failed at once."""
    one, what = world(HOOK), note(HOOK)
    one.hook.results = [FINAL]
    await one.put(what)
    await one.work()
    assert (one.delivery(what).state, len(one.hook.sent), len(one.mail.sent)) == ("failed", 1, 1)


async def test_a_url_that_is_gone_is_written_down_in_its_rule() -> None:
    """Beside what others change in the rule at the same time, and once."""
    one = world(HOOK)
    one.board.add_rule(rule([HOOK], gone=["https://elsewhere.example.com"]))
    one.hook.results = [GONE]
    await one.put(note(HOOK), note(HOOK, "resolved"))
    await one.work()
    stored, _ = one.board.rules["contoso", "r1"]
    assert stored.gone == ["https://elsewhere.example.com", HOOK.url]
    assert one.delivery(note(HOOK)).state == "failed"


async def test_a_url_that_left_its_rule_meanwhile_is_not_written_down() -> None:
    """Nobody could enable it again; what is there now is another channel."""
    one = world(HOOK)

    class Late(FakeSender):
        async def send(self, notification: Notification, now: datetime) -> Result:
            one.board.add_rule(rule([TICKET]))
            return await super().send(notification, now)

    one.hook = Late([GONE])
    await one.handle(note(HOOK))
    assert one.board.rules["contoso", "r1"][0].gone == []


@pytest.mark.parametrize(
    ("channels", "tenant", "told"),
    [
        ([HOOK], TENANT, CONTACTS),
        ([HOOK, TICKET], TENANT, CONTACTS),
        ([HOOK, TICKET], CONTOSO, TICKET),
        ([HOOK, MAIL], CONTOSO, MAIL),
        ([HOOK, hook("https://other.example.com"), MAIL], CONTOSO, MAIL),
        ([HOOK, hook("https://other.example.com")], CONTOSO, hook("https://other.example.com")),
        ([HOOK, hook("https://gone.example.com")], CONTOSO, None),
        ([HOOK], CONTOSO, None),
        ([TICKET], TENANT, None),  # the webhook was taken out of the rule
    ],
)
async def test_who_hears_of_what_is_undelivered(
    channels: Sequence[Channel], tenant: Tenant, told: Channel | None
) -> None:
    """The contacts by mail, else another channel of the rule; nobody for a channel that is wanted no more."""
    one = world(tenant=tenant)
    one.board.add_rule(rule(channels, gone=["https://gone.example.com"]))
    one.hook.results, first = [FINAL, OK], note(HOOK)
    await one.put(first)
    await one.work()
    sent = [*one.mail.sent, *one.ticket.sent, *one.hook.sent[1:]]
    assert [notice.channel for notice in sent] == ([told] if told else [])
    assert all(notice.moment == "undelivered" for notice in sent)


async def test_a_mail_that_fails_is_told_by_another_type_of_channel() -> None:
    """What keeps one mail from arriving may keep the next; without any other the contacts get theirs."""
    for channels, told in (([MAIL, TICKET], TICKET), ([MAIL], CONTACTS)):
        one = world(*channels)
        one.mail.results = [FINAL, OK]
        await one.put(note(MAIL))
        await one.work()
        assert [sent.channel for sent in (*one.ticket.sent, *one.mail.sent[1:])] == [told]


async def test_the_contacts_of_the_default_rule_hear_of_nothing_twice() -> None:
    """The rule is there without being stored; its mail is that to the contacts, and there is no other."""
    one = World()
    one.mail.results, what = [FINAL], note(CONTACTS)
    mine = Notification("fired", CONTACTS, what.firing.__replace__(rule_id=DEFAULT_RULE))
    await one.put(mine)
    await one.work()
    assert (one.delivery(mine).state, len(one.mail.sent)) == ("failed", 1)


async def test_of_notices_and_tests_that_fail_there_are_no_notices() -> None:
    """Or there would be no end; who tests looks at the log."""
    one = world(HOOK, TICKET)
    one.hook.results = one.mail.results = [FINAL]
    await one.put(note(HOOK), note(HOOK, "test"))
    await one.work()
    assert [sent.moment for sent in one.mail.sent] == ["undelivered"]
    assert one.ticket.sent == []


async def test_only_addresses_that_have_not_taken_a_mail_get_it_again() -> None:
    """The log keeps which are left, under one id."""
    one, what = world(MAIL), note(MAIL)
    one.mail.results = [Result(is_delivered=False, status=450, detail="later", left=("bo@example.com",)), OK]
    await one.put(what)
    await one.work()
    assert [(sent.id, sent.left) for sent in one.mail.sent] == [
        (what.id, ()),
        (what.id, ("bo@example.com",)),
    ]


@pytest.mark.parametrize("channel", [HOOK, MAIL, TICKET], ids=lambda channel: channel.type)
@pytest.mark.parametrize("left", ["another", "none", "no rule", "no tenant"])
async def test_a_channel_that_has_left_its_rule_is_not_called(channel: Channel, left: str) -> None:
    """Of any type, also while it waits for another attempt; nobody is told of that."""
    one, what = world(channel, tenant=CONTOSO if left == "another" else TENANT), note(channel)
    sender = one.of(channel)
    sender.results = [BAD, OK]
    assert await one.handle(what) == "again"
    if left == "no rule":
        one.board.rules.clear()
    elif left == "no tenant":
        one.tenants.tenant = None
    else:
        one.board.add_rule(rule([hook("https://new.example.com")] if left == "another" else []))
    await one.work()
    found = one.delivery(what)
    assert (found.state, len(sender.sent)) == ("failed", 1)
    assert found.attempts[-1].detail == "The alert does not name this channel any more."
    assert len(one.mail.sent) + len(one.ticket.sent) + len(one.hook.sent) == 1


async def test_a_url_that_is_gone_is_called_no_more() -> None:
    """Not by messages either that were on their way when it answered 410."""
    one = world(HOOK, TICKET)
    one.hook.results = [GONE]
    await one.put(note(HOOK), note(HOOK, "resolved"))
    await one.work()
    assert len(one.hook.sent) == 1
    assert one.delivery(note(HOOK, "resolved")).attempts[-1].detail.startswith("The URL answered 410 before")


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    "results", [[OK], [BAD, BAD, OK], [BAD], [FINAL], [GONE]], ids=["ok", "later", "never", "final", "gone"]
)
async def test_a_kill_at_any_operation_loses_nothing(results: list[Result], after: bool) -> None:
    """The outcome is that of a run without kills; no other id is sent, and the same one once more at most."""
    plain, what = world(HOOK), note(HOOK)
    plain.hook.results = list(results)
    await plain.put(what)
    whole = Process()
    await plain.work(whole)
    for stop_at in range(1, whole.steps + 1):
        killed = world(HOOK)
        killed.hook.results = list(results)
        await killed.put(what)
        await killed.work(Process(stop_at, after=after))
        assert killed.delivery(what).state == plain.delivery(what).state, stop_at
        assert {one.id for one in killed.hook.sent} == {what.id}, stop_at
        assert len(killed.hook.sent) <= len(plain.hook.sent) + 1, stop_at
        assert {one.id for one in killed.mail.sent} == {one.id for one in plain.mail.sent}, stop_at
        assert len(killed.mail.sent) <= len(plain.mail.sent) + 1, stop_at
        assert killed.board.rules["contoso", "r1"][0].gone == plain.board.rules["contoso", "r1"][0].gone


async def test_a_process_that_always_dies_comes_to_an_end() -> None:
    """Each attempt that never ended counts as one, so that a poisonous message is given up and told of."""
    one, what = world(HOOK), note(HOOK)
    await one.put(what)

    class Deadly(FakeSender):
        async def send(self, notification: Notification, now: datetime) -> Result:
            self.sent.append(notification)
            raise Stopped

    one.hook = Deadly()
    await one.work()
    found = one.delivery(what)
    assert (found.state, len(found.attempts)) == ("failed", len(DELAYS) + 1)
    assert {(made.status, made.detail) for made in found.attempts} == {(None, "The attempt did not end.")}
    assert len(one.mail.sent) == 1


async def test_a_message_waits_while_another_process_makes_the_attempt() -> None:
    """It is put back until the attempt must have ended; then it is a copy, and is dropped."""
    one, what = world(HOOK), note(HOOK)
    started, goes_on = asyncio.Event(), asyncio.Event()

    class Slow(FakeSender):
        async def send(self, notification: Notification, now: datetime) -> Result:
            started.set()
            await goes_on.wait()
            return await super().send(notification, now)

    one.hook = Slow()
    first = asyncio.create_task(one.handle(what))
    await started.wait()
    one.board.now += SECOND
    assert await one.handle(what) == "waiting"
    assert [message.visible_at for message in one.board.queue] == [NOW + BUSY]
    goes_on.set()
    assert await first == "delivered"
    await one.work()
    assert len(one.hook.sent) == 1


@pytest.mark.parametrize("pauses", range(1, 4))
async def test_two_processes_with_copies_of_a_message_send_once(pauses: int) -> None:
    """However they interleave, one of them claims the attempt."""
    one, what = world(HOOK), note(HOOK)
    first, second = Process(), Process(pause=lambda: pauses)
    outcomes = await asyncio.gather(one.handle(what, first), one.handle(what, second))
    assert outcomes.count("delivered") == 1
    await one.work()
    assert len(one.hook.sent) == 1


async def test_the_next_attempt_is_not_made_before_its_time() -> None:
    """A message that comes early, say a copy, is put back until then."""
    one, what = world(HOOK), note(HOOK)
    one.hook.results = [BAD, OK]
    assert await one.handle(what) == "again"
    (again,) = (message.notification for message in one.board.queue)
    one.board.queue.clear()
    one.board.now += DELAYS[0] - SECOND
    assert await one.handle(again) == "waiting"
    await one.work()
    assert times(one.delivery(what)) == [DELAYS[0]]


async def test_a_message_that_cannot_be_handled_counts_as_a_failed_attempt() -> None:
    """It is tried again like any other, and given up after as many; a copy of one that arrived is dropped."""
    one, what = world(HOOK), note(HOOK)
    alerting = one.board.alerting(None, {})
    assert await unhandled(alerting, one.tenants, what, one.board.now) == "again"
    await one.work()
    found = one.delivery(what)
    assert [made.is_delivered for made in found.attempts] == [False, True]
    assert await unhandled(alerting, one.tenants, what, one.board.now) == "stale"
    other = note(HOOK, "resolved")
    made = [Attempt(NOW, False, 500, "bad", 1)] * len(DELAYS)
    await alerting.deliveries.save(Delivery(other, NOW, attempts=made))
    last = other.__replace__(attempt=len(DELAYS))
    with suppress(Stopped):
        assert await unhandled(alerting, one.tenants, last, one.board.now) == "failed"
    await one.work()
    assert [sent.reason for sent in one.mail.sent] == ["The service could not make the attempt."]
