"""The secrets and signatures of webhooks, as the library of receivers sees them."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from shared.alerts.rule import Rule
from shared.alerts.secrets import secret_of, signature
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
    ("ago", "believed"),
    [
        ([0], [False, False, True, True]),
        ([24 * 3_600 - 1], [False, False, True, True]),
        ([24 * 3_600], [False, False, False, True]),
        ([3_600, 0], [False, True, True, True]),
        ([24 * 3_600, 3_600, 0], [False, True, True, True]),
        ([2, 1, 0], [True] * 4),
    ],
)
def test_after_a_rotation_the_old_secret_holds_for_a_day(ago: list[int], believed: list[bool]) -> None:
    """The new one from the first moment; each that was replaced in the last 24 hours, however many."""
    now = datetime.now(UTC)
    generations = [rule([], webhook_generation=number) for number in range(4)]
    rotations = [now - timedelta(seconds=one) for one in ago]
    rotated = generations[3].model_copy(update={"rotations": rotations})
    assert [is_believed(secret_of(MASTER, one), rotated, now) for one in generations] == believed
