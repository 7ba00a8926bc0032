"""Whether a webhook's call is signed as Standard Webhooks says, by the package that its receivers use."""

import hashlib
import hmac
from collections.abc import Mapping

from standardwebhooks import Webhook, WebhookVerificationError

GENERATIONS = 50  # of a rule's secret that are tried: a customer would know the one


def verdict(master: str, tenant: str, rule: str, headers: Mapping[str, str], body: bytes) -> tuple[bool, str]:
    """Whether a secret of this rule signed the call, and that in words."""
    reason = "nothing signed it"
    for generation in range(GENERATIONS):
        named = f"{tenant}|{rule}|{generation}".encode()
        receiver = Webhook(hmac.digest(master.encode(), named, hashlib.sha256))
        try:
            receiver.verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError, OverflowError) as error:
            reason = str(error)
        else:
            return True, f"Signature verified, by secret {generation} of the rule"
    return False, f"Signature not verified: {reason}"
