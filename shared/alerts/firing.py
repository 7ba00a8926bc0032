"""Firings: a rule's threshold that was reached in a period, and how it went on."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

import orjson

from shared.alerts.rule import Rule, Severity, Unit
from shared.days import Period

type Moment = Literal["fired", "resolved", "test", "undelivered"]
"""Of what a notification tells."""


@dataclass(frozen=True, slots=True)
class Firing:
    """Why a rule fired. `value` and `threshold` are in the unit of the metric.

    `limit` is what the value is held against, where there is such a thing: what per cent are of, in tokens or
    US dollars; `reached_on` is the day on which the limit was, or at the
    present rate will be, reached. There is one firing of an id, which names rule, threshold and period.
    """

    id: str
    tenant_id: str
    rule_id: str
    rule_name: str
    severity: Severity
    metric: str
    unit: Unit
    filter: str
    threshold: Decimal
    value: Decimal
    limit: Decimal | None
    reached_on: date | None
    period: Period
    fired_at: datetime
    muted: bool = False
    is_test: bool = False
    resolved_at: datetime | None = None
    resolved_value: Decimal | None = None


def firing_id(rule: Rule, threshold: Decimal, period: Period) -> str:
    """The id of the one firing of a rule's threshold in a period; what is watched belongs to the rule."""
    watched = [rule.metric, rule.filter.wanted(), f"{threshold.normalize():f}"]
    parts = [rule.tenant_id, rule.id, str(period.first), *watched]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()[:32]
