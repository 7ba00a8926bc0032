"""The secrets and signatures of webhooks, as the library of receivers sees them."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared.alerts.rule import Rule
from shared.alerts.secrets import OVERLAP, secret_of, signature
from tests.channels.cast import rule

MASTER, BODY = "a master secret", '{"type":"usage.alert.fired","rule":"Größe"}'


def is_believed(secret: str, signed_by: Rule, now: datetime) -> bool:
    """Whether a receiver with this secret believes a call of the rule."""
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature(MASTER, signed_by, "msg_1", BODY.encode(), now),
    }
    try:
        Webhook(secret).verify(BODY, headers)
    except WebhookVerificationError:
        return False
    return True


def test_a_receiver_believes_what_its_rule_signs() -> None:
    """And nobody else's: not another rule's, tenant's or master's."""
    now, own = datetime.now(UTC), rule([])
    assert is_believed(secret_of(MASTER, own), own, now)
    others = [own.model_copy(update={"id": "r2"}), own.model_copy(update={"tenant_id": "fabrikam"})]
    foreign = [secret_of(MASTER, one) for one in others] + [secret_of("another master", own)]
    assert [is_believed(one, own, now) for one in foreign] == [False] * 3


@pytest.mark.parametrize(
    ("later", "old_too"),
    [(timedelta(0), True), (OVERLAP - timedelta(seconds=1), True), (OVERLAP, False)],
)
def test_after_a_rotation_both_secrets_hold_for_a_day(later: timedelta, old_too: bool) -> None:
    """The new one from the first moment, the old one until the day is over, the one before that never."""
    now = datetime.now(UTC)
    generations = [rule([], webhook_generation=number) for number in range(3)]
    rotated = generations[2].model_copy(update={"rotated_at": now - later})
    believed = [is_believed(secret_of(MASTER, one), rotated, now) for one in generations]
    assert believed == [False, old_too, True]
