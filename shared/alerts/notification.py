"""Notifications: the messages of the queue `usage-notifications`, one an attempt to reach one channel."""

import hashlib
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from shared.alerts.firing import Firing, Moment
from shared.alerts.rule import Channel
from shared.errors import Undecodable


@dataclass(frozen=True, slots=True)
class Notification:
    """What is to be told to whom. `attempt` counts from 0; all attempts have the same id.

    `left` are the addresses of an email that have not taken it yet; none means all. Where the moment is
    `undelivered`, `failed` is the channel that could not be reached, and `reason` says why.
    """

    moment: Moment
    channel: Channel
    firing: Firing
    attempt: int = 0
    left: tuple[str, ...] = ()
    failed: Channel | None = None
    reason: str = ""

    @property
    def id(self) -> str:
        """The same for each message about this moment of this firing to this channel."""
        text = f"{self.firing.id}|{self.moment}|{self.channel.model_dump_json()}"
        if self.failed:
            text += f"|{self.failed.model_dump_json()}"
        return "msg_" + hashlib.sha256(text.encode()).hexdigest()[:32]

    def text(self) -> str:
        """The message in the queue: ASCII, as messages travel in XML, which lacks some characters."""
        return MESSAGE.dump_json(self, ensure_ascii=True).decode()


MESSAGE: TypeAdapter[Notification] = TypeAdapter(Notification)


def read_notification(text: bytes | str) -> Notification:
    """The notification of a message. Raises Undecodable for anything else."""
    try:
        return MESSAGE.validate_json(text)
    except ValidationError:  # whose text quotes what was sent
        raise Undecodable("The message is no notification.") from None
