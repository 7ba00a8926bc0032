"""What alerts are kept in, in memory: a board that outlives every process that works on it.

`board.alerting(process)` is how one process sees it; a process may be killed at any of its operations
(see `tests.fakes`). Messages of the outbox are kept as the text that a queue would hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from itertools import count

from shared.alerts.firing import Firing
from shared.alerts.notification import Notification, read_notification
from shared.alerts.ports import Alerting, Delivery, Result, Sender
from shared.alerts.rule import Rule
from tests.fakes import NOW, Process

type Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """A message in the queue, and when it is to be seen."""

    text: str
    visible_at: datetime

    @property
    def notification(self) -> Notification:
        """What it says."""
        return read_notification(self.text)


@dataclass
class Board:
    """Everything of alerts that is stored. `put` are all messages ever sent, `queue` those that wait."""

    now: datetime = NOW
    rules: dict[Key, tuple[Rule, str]] = field(default_factory=dict)
    firings: dict[Key, Firing] = field(default_factory=dict)
    deliveries: dict[Key, Delivery] = field(default_factory=dict)
    put: list[Message] = field(default_factory=list)
    queue: list[Message] = field(default_factory=list)
    etags: "count[int]" = field(default_factory=count)

    def alerting(
        self, process: Process | None = None, senders: Mapping[str, Sender] | None = None
    ) -> Alerting:
        """The stores as a process sees them, and its senders."""
        process = process or Process()
        return Alerting(
            FakeRules(self, process), FakeFirings(self, process), FakeDeliveries(self, process),
            FakeOutbox(self, process), senders or {},
        )  # fmt: skip

    def add_rule(self, rule: Rule) -> None:
        """Stores a rule, whatever was there."""
        self.rules[rule.tenant_id, rule.id] = rule, self.etag()

    def notifications(self) -> list[Notification]:
        """Everything that was ever put into the outbox, in order; what was put again is there again."""
        return [message.notification for message in self.put]

    def take(self) -> list[Notification]:
        """Takes the messages that are to be seen by now out of the queue."""
        seen = [message for message in self.queue if message.visible_at <= self.now]
        self.queue = [message for message in self.queue if message.visible_at > self.now]
        return [message.notification for message in seen]

    def etag(self) -> str:
        """One that was never there before."""
        return f'"{next(self.etags)}"'


class _Fake:
    def __init__(self, board: Board, process: Process) -> None:
        self.board, self.process = board, process


class FakeRules(_Fake):
    """`Rules`."""

    async def of_tenant(self, tenant_id: str) -> list[Rule]:
        """The tenant's stored rules, by id."""

        def find() -> list[Rule]:
            found = (rule for (owner, _), (rule, _) in self.board.rules.items() if owner == tenant_id)
            return sorted(found, key=lambda rule: rule.id)

        return await self.process.do(find)

    async def find(self, tenant_id: str, rule_id: str) -> tuple[Rule, str] | None:
        """The rule and its etag; None where none is stored."""
        return await self.process.do(lambda: self.board.rules.get((tenant_id, rule_id)))

    async def save(self, rule: Rule, etag: str | None) -> bool:
        """Creates the rule (no etag) or replaces the version of that etag; False if others came first."""

        def write() -> bool:
            _, stored = self.board.rules.get((rule.tenant_id, rule.id), (None, None))
            if stored == etag:
                self.board.add_rule(rule)
            return stored == etag

        return await self.process.do(write)

    async def delete(self, tenant_id: str, rule_id: str, etag: str) -> bool:
        """Removes the version of that etag, if the rule is there; False if others changed it first."""

        def remove() -> bool:
            _, stored = self.board.rules.get((tenant_id, rule_id), (None, etag))
            if stored == etag:
                self.board.rules.pop((tenant_id, rule_id), None)
            return stored == etag

        return await self.process.do(remove)


class FakeFirings(_Fake):
    """`Firings`."""

    async def since(self, tenant_id: str, first: date) -> list[Firing]:
        """The firings of periods that began on this day or later."""
        found = await self.process.do(lambda: self._of(tenant_id))
        return [firing for firing in found if firing.period.first >= first]

    async def of_rule(self, tenant_id: str, rule_id: str, limit: int) -> list[Firing]:
        """The newest firings of a rule."""
        found = await self.process.do(lambda: self._of(tenant_id))
        own = [firing for firing in found if firing.rule_id == rule_id]
        return sorted(own, key=lambda one: (one.period.first, one.fired_at), reverse=True)[:limit]

    async def add(self, firing: Firing) -> None:
        """Writes a firing down; one that is there stays as it is."""
        await self.process.do(lambda: self.board.firings.setdefault((firing.tenant_id, firing.id), firing))

    async def resolve(self, firing: Firing) -> None:
        """Writes down that, and how, a firing was resolved."""

        def write() -> None:
            self.board.firings[firing.tenant_id, firing.id] = firing

        await self.process.do(write)

    async def drop_before(self, day: date) -> int:
        """Drops firings of periods that began before this day, not all at once; gives how many."""
        old = [key for key, one in self.board.firings.items() if one.period.first < day]
        for key in old:
            await self.process.do(partial(self.board.firings.pop, key, None))
        return len(old)

    def _of(self, tenant_id: str) -> list[Firing]:
        found = (firing for (owner, _), firing in self.board.firings.items() if owner == tenant_id)
        return sorted(found, key=lambda firing: (-firing.period.first.toordinal(), firing.id))


class FakeDeliveries(_Fake):
    """`Deliveries`."""

    async def find(self, notification: Notification) -> Delivery | None:
        """The delivery of this notification; None before its first attempt."""
        key = (notification.firing.tenant_id, notification.id)
        return await self.process.do(lambda: self.board.deliveries.get(key))

    async def by_id(self, tenant_id: str, rule_id: str, delivery_id: str) -> Delivery | None:
        """The delivery of a notification's id, if it is one of this rule."""
        found = await self.process.do(lambda: self.board.deliveries.get((tenant_id, delivery_id)))
        return found if found and found.notification.firing.rule_id == rule_id else None

    async def of_rule(self, tenant_id: str, rule_id: str, limit: int) -> list[Delivery]:
        """The newest deliveries of a rule."""

        def find() -> list[Delivery]:
            stored = (one for (owner, _), one in self.board.deliveries.items() if owner == tenant_id)
            return [one for one in stored if one.notification.firing.rule_id == rule_id]

        found = await self.process.do(find)

        def age(one: Delivery) -> tuple[date, datetime]:
            return one.notification.firing.period.first, one.created_at

        return sorted(found, key=age, reverse=True)[:limit]

    async def save(self, delivery: Delivery) -> Delivery | None:
        """Creates it (no etag) or replaces the version of its etag."""
        key = (delivery.notification.firing.tenant_id, delivery.notification.id)

        def write() -> Delivery | None:
            stored = self.board.deliveries.get(key)
            if (stored.etag if stored else "") != delivery.etag:
                return None
            self.board.deliveries[key] = replace(delivery, etag=self.board.etag())
            return self.board.deliveries[key]

        return await self.process.do(write)

    async def drop_before(self, day: date) -> int:
        """Drops deliveries of periods that began before this day, not all at once; gives how many."""
        stored = self.board.deliveries.items()
        old = [key for key, one in stored if one.notification.firing.period.first < day]
        for key in old:
            await self.process.do(partial(self.board.deliveries.pop, key, None))
        return len(old)


class FakeOutbox(_Fake):
    """`Outbox`."""

    async def put(self, notification: Notification, after: timedelta = timedelta(0)) -> None:
        """Puts a message into the queue, to be seen after a while."""

        def send() -> None:
            message = Message(notification.text(), self.board.now + after)
            self.board.put.append(message)
            self.board.queue.append(message)

        await self.process.do(send)


@dataclass
class FakeSender:
    """A channel that answers with these results in turn, the last one for ever."""

    results: list[Result] = field(default_factory=lambda: [Result(is_delivered=True, status=200, detail="")])
    sent: list[Notification] = field(default_factory=list)

    async def send(self, notification: Notification, now: datetime) -> Result:
        """Makes one attempt."""
        del now
        self.sent.append(notification)
        return self.results.pop(0) if len(self.results) > 1 else self.results[0]
