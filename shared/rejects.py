"""Rejects: what could not be counted, with the reason and the payload, until somebody replays it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.errors import FieldError
from shared.event import milliseconds

REJECT_ID = re.compile(r"[0-9]{1,14}\.[0-9a-f]{32}\.(message|[0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class Reject:
    """An event, or a whole message (`index` is None) that could not be read as events.

    `counted` says that the tenant's freshness figures include it.
    """

    batch_id: str
    index: int | None
    received: datetime
    payload: bytes
    errors: Sequence[FieldError]
    tenant_id: str | None = None
    status: Literal["open", "replayed"] = "open"
    counted: bool = False

    @property
    def id(self) -> str:
        """`<arrival>.<batch>.<index>`: a redelivery of the message derives the same one."""
        place = "message" if self.index is None else self.index
        return f"{milliseconds(self.received)}.{self.batch_id}.{place}"
