"""A tenant's rules: found with the default one among them, checked, created, replaced and deleted."""

import hashlib
import re
import secrets
from collections.abc import Callable, Collection, Iterator
from datetime import datetime

from shared.alerts.ports import Rules
from shared.alerts.rule import (
    DEFAULT_RULE,
    MAX_RULES,
    Channel,
    Rule,
    RuleSettings,
    WebhookChannel,
    default_rule,
)
from shared.alerts.secrets import of_last_day
from shared.config import AlertSettings
from shared.errors import Busy, Conflict, FieldError, InvalidInput, NotFound, Outdated, TooLarge, TooMany
from shared.tenants import Tenant

MAX_BYTES = 16_000  # of a rule as JSON: it has to fit a row of a table, and into each of its messages
ATTEMPTS = 5
MAX_ROTATIONS = 5  # of a rule's secret within a day
WATCHED = ("metric", "filter", "thresholds")
CROWDED = "Others keep changing this rule. Try again."
RULE_ID = re.compile(rf"{DEFAULT_RULE}|[0-9a-f]{{16}}")


async def rules_of(rules: Rules, tenant: Tenant) -> list[Rule]:
    """All rules of a tenant: the default one, stored or not, and the others by age."""
    stored = await rules.of_tenant(tenant.id)
    default = next((rule for rule in stored if rule.id == DEFAULT_RULE), default_rule(tenant))
    others = (rule for rule in stored if rule.id != DEFAULT_RULE)
    return [default, *sorted(others, key=lambda rule: (rule.created_at, rule.id))]


async def find(rules: Rules, tenant: Tenant, rule_id: str) -> Rule:
    """One rule. Raises NotFound."""
    rule, _ = await _find(rules, tenant, rule_id)
    return rule


async def stored_or_default(rules: Rules, tenant: Tenant, rule_id: str) -> tuple[Rule, str | None] | None:
    """A rule, and the etag of what is stored of it; None where there is no such rule."""
    found = await rules.find(tenant.id, rule_id)
    return (default_rule(tenant), None) if found is None and rule_id == DEFAULT_RULE else found


async def create(rules: Rules, tenant: Tenant, given: RuleSettings, now: datetime) -> Rule:
    """A new rule. Raises Conflict when there are as many as a tenant may have."""
    if len(await rules_of(rules, tenant)) >= MAX_RULES:
        raise Conflict(f"There are {MAX_RULES} rules already, which is all that a tenant may have.")
    rule = Rule(
        id=secrets.token_hex(8),
        tenant_id=tenant.id,
        created_at=now,
        updated_at=now,
        watched_since=now,
        **dict(given),
    )
    if not await rules.save(rule, None):
        raise Busy("The rule could not be kept. Try again.")
    return rule


async def replace(
    rules: Rules,
    tenant: Tenant,
    rule_id: str,
    given: RuleSettings,
    now: datetime,
    known: Collection[str] | None = None,
) -> Rule:
    """Replaces what a tenant said of a rule; webhooks that were given up are called again.

    Raises NotFound, or Outdated where the stored version is none of those that the caller knows.
    """

    def changed(rule: Rule) -> Rule:
        _check_version(rule, known)
        is_same = all(getattr(rule, name) == getattr(given, name) for name in WATCHED)
        moments = {"updated_at": now, "watched_since": rule.watched_since if is_same else now}
        return rule.model_copy(update={**dict(given), **moments, "gone": []})

    return await _update(rules, tenant, rule_id, changed)


async def delete(rules: Rules, tenant: Tenant, rule_id: str, known: Collection[str] | None = None) -> None:
    """Removes a rule. Raises NotFound, Outdated, or Conflict for the default one, which stays."""
    for _ in range(ATTEMPTS):
        rule, etag = await _find(rules, tenant, rule_id)
        _check_version(rule, known)
        if rule_id == DEFAULT_RULE:
            raise Conflict("The default rule cannot be deleted; disable or mute it instead.")
        if await rules.delete(tenant.id, rule_id, etag or ""):
            return
    raise Busy(CROWDED)


async def rotate(rules: Rules, tenant: Tenant, rule_id: str, now: datetime) -> Rule:
    """Gives the rule a new webhook secret; for a day the one before signs as well.

    Raises NotFound, or TooMany as every secret that signs is in each call.
    """

    def changed(rule: Rule) -> Rule:
        rotations = [*of_last_day(rule.rotations, now), now]
        if len(rotations) > MAX_ROTATIONS:
            raise TooMany(f"A secret is rotated {MAX_ROTATIONS} times within 24 hours at most.")
        generation = rule.webhook_generation + 1
        return rule.model_copy(
            update={"webhook_generation": generation, "rotations": rotations, "updated_at": now}
        )

    return await _update(rules, tenant, rule_id, changed)


def check(given: RuleSettings, setup: AlertSettings) -> None:
    """Raises InvalidInput for channels that the service does not have, or may not call; TooLarge."""
    errors = [
        FieldError(f"channels.{index}.{field}", reason)
        for index, channel in enumerate(given.channels)
        for field, reason in _wrong(channel, given.channels[:index], setup)
    ]
    if errors:
        raise InvalidInput(errors)
    size = len(given.model_dump_json().encode())
    if size > MAX_BYTES:
        raise TooLarge(f"The rule has {size} bytes; {MAX_BYTES} are allowed.")


def version_of(rule: Rule) -> str:
    """Names this version of the rule."""
    return hashlib.sha256(rule.model_dump_json().encode()).hexdigest()[:16]


def _wrong(channel: Channel, before: Collection[Channel], setup: AlertSettings) -> Iterator[tuple[str, str]]:
    """The fields at fault, each with the reason."""
    from shared.channels.outbound import check_url  # late: it brings an HTTP client

    ready = {"email": setup.mail, "ticket": setup.tickets_url, "webhook": setup.webhook_secret}
    if not ready[channel.type]:
        yield "type", f"{channel.type} is not set up in this service"
    if channel in before:
        yield "type", "is the same channel as one before it"
    if isinstance(channel, WebhookChannel):
        try:
            check_url(channel.url, setup.to_private)
        except InvalidInput as error:
            yield "url", error.errors[0].reason


async def _find(rules: Rules, tenant: Tenant, rule_id: str) -> tuple[Rule, str | None]:
    found = await stored_or_default(rules, tenant, rule_id) if RULE_ID.fullmatch(rule_id) else None
    if found is None:
        raise NotFound("There is no such rule.")
    return found


async def _update(rules: Rules, tenant: Tenant, rule_id: str, changed: Callable[[Rule], Rule]) -> Rule:
    for _ in range(ATTEMPTS):
        rule, etag = await _find(rules, tenant, rule_id)
        new = changed(rule)
        if await rules.save(new, etag):
            return new
    raise Busy(CROWDED)


def _check_version(rule: Rule, known: Collection[str] | None) -> None:
    if known is not None and version_of(rule) not in known:
        raise Outdated("The rule has been changed since you read it.")
