"""The secrets that sign webhooks, by the scheme of Standard Webhooks.

They are not stored: each is derived from one master secret, the rule and how often its secret was rotated.
For a day after a rotation both the new and the old one sign, so that a receiver has time to follow.
"""

import hashlib
import hmac
from base64 import b64encode
from datetime import datetime, timedelta

from shared.alerts.rule import Rule

OVERLAP = timedelta(hours=24)
PREFIX = "whsec_"


def secret_of(master: str, rule: Rule) -> str:
    """The rule's present secret, as a receiver is given it."""
    return PREFIX + b64encode(_key(master, rule, rule.webhook_generation)).decode()


def signature(master: str, rule: Rule, message_id: str, body: bytes, now: datetime) -> str:
    """The header `webhook-signature` of a call at this time: one signature, or two after a rotation."""
    signed = b"%s.%d.%s" % (message_id.encode(), int(now.timestamp()), body)
    generations = [rule.webhook_generation]
    if rule.rotated_at and now < rule.rotated_at + OVERLAP:
        generations.append(rule.webhook_generation - 1)
    keys = (_key(master, rule, generation) for generation in generations)
    return " ".join("v1," + b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)


def _key(master: str, rule: Rule, generation: int) -> bytes:
    named = f"{rule.tenant_id}|{rule.id}|{generation}"
    return hmac.digest(master.encode(), named.encode(), hashlib.sha256)
