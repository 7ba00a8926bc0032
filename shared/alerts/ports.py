"""What alerts ask of their stores and channels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

from shared.alerts.firing import Firing
from shared.alerts.notification import Notification
from shared.alerts.rule import Rule

type DeliveryState = Literal["pending", "delivered", "failed"]


class Rules(Protocol):
    """The rules that tenants have stored; the default rule is there only once it was changed."""

    async def of_tenant(self, tenant_id: str) -> list[Rule]:
        """The tenant's stored rules, by id."""
        ...

    async def find(self, tenant_id: str, rule_id: str) -> tuple[Rule, str] | None:
        """The rule and its etag; None where none is stored."""
        ...

    async def save(self, rule: Rule, etag: str | None) -> bool:
        """Creates the rule (no etag) or replaces the version of that etag; False if others came first."""
        ...

    async def delete(self, tenant_id: str, rule_id: str, etag: str) -> bool:
        """Removes the version of that etag, if the rule is there; False if others changed it first."""
        ...


class Firings(Protocol):
    """What fired, the latest periods first."""

    async def since(self, tenant_id: str, first: date) -> list[Firing]:
        """The firings of periods that began on this day or later."""
        ...

    async def of_rule(self, tenant_id: str, rule_id: str, limit: int) -> list[Firing]:
        """The newest firings of a rule."""
        ...

    async def add(self, firing: Firing) -> None:
        """Writes a firing down; one that is there stays as it is."""
        ...

    async def resolve(self, firing: Firing) -> None:
        """Writes down that, and how, a firing was resolved."""
        ...

    async def drop_before(self, day: date) -> int:
        """Drops firings of periods that began before this day, not all at once; gives how many."""
        ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver. `status` is that of HTTP or SMTP; None where nothing answered."""

    at: datetime
    is_delivered: bool
    status: int | None
    detail: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far a notification has come. `attempts` tells of each; as many have been made.

    `busy_until` is set while an attempt runs: should it never end, another may begin then.
    """

    notification: Notification
    created_at: datetime
    state: DeliveryState = "pending"
    attempts: Sequence[Attempt] = field(default=())
    busy_until: datetime | None = None
    next_at: datetime | None = None
    etag: str = ""


class Deliveries(Protocol):
    """The delivery log."""

    async def find(self, notification: Notification) -> Delivery | None:
        """The delivery of this notification; None before its first attempt."""
        ...

    async def by_id(self, tenant_id: str, rule_id: str, delivery_id: str) -> Delivery | None:
        """The delivery of a notification's id, if it is one of this rule."""
        ...

    async def of_rule(self, tenant_id: str, rule_id: str, limit: int) -> list[Delivery]:
        """The newest deliveries of a rule."""
        ...

    async def save(self, delivery: Delivery) -> Delivery | None:
        """Creates it (no etag) or replaces the version of its etag.

        Gives the new version; None if others came first.
        """
        ...

    async def drop_before(self, day: date) -> int:
        """Drops deliveries of periods that began before this day, not all at once; gives how many."""
        ...


class Outbox(Protocol):
    """The queue of notifications."""

    async def put(self, notification: Notification, after: timedelta = timedelta(0)) -> None:
        """Puts a message into the queue, to be seen after a while."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """How an attempt went. `is_final`: another one would go no better; `is_gone`: never call there again.

    `left` are the addresses of an email that might take it later, where others have taken or refused it.
    `detail` is a sentence for the customer and holds nothing secret.
    """

    is_delivered: bool
    status: int | None
    detail: str
    is_final: bool = False
    is_gone: bool = False
    retry_after: timedelta | None = None
    left: tuple[str, ...] = ()


class Sender(Protocol):
    """A channel. What goes wrong outside is a Result, never an exception."""

    async def send(self, notification: Notification, now: datetime) -> Result:
        """Makes one attempt, within bounded time."""
        ...


@dataclass(frozen=True, slots=True)
class Alerting:
    """Everything that alerts are kept in, and the senders by type of channel."""

    rules: Rules
    firings: Firings
    deliveries: Deliveries
    outbox: Outbox
    senders: Mapping[str, Sender]
