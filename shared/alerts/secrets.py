"""The secrets that sign webhooks, by the scheme of Standard Webhooks.

They are not stored: each is derived from one master secret, the rule and how often its secret was rotated.
For a day after a rotation the old one signs beside the new one, so that a receiver has time to follow.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.alerts.rule import Rule

OVERLAP = timedelta(hours=24)
PREFIX = "whsec_"


def secret_of(master: str, rule: Rule) -> str:
    """The rule's present secret, as a receiver is given it."""
    return PREFIX + b64encode(_key(master, rule, rule.webhook_generation)).decode()


def signature(master: str, rule: Rule, message_id: str, body: bytes, now: datetime) -> str:
    """The header `webhook-signature` of a call at this time: a signature by each secret that holds."""
    signed = b"%s.%d.%s" % (message_id.encode(), int(now.timestamp()), body)
    older = len(of_last_day(rule.rotations, now))
    generations = range(rule.webhook_generation, rule.webhook_generation - older - 1, -1)
    keys = (_key(master, rule, generation) for generation in generations)
    return " ".join("v1," + b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)


def of_last_day(rotations: Iterable[datetime], now: datetime) -> list[datetime]:
    """Those of the rotations after which the secret before them still signs."""
    return [at for at in rotations if now < at + OVERLAP]


def _key(master: str, rule: Rule, generation: int) -> bytes:
    named = f"{rule.tenant_id}|{rule.id}|{generation}"
    return hmac.digest(master.encode(), named.encode(), hashlib.sha256)
