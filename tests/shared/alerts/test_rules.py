"""Rules on fakes: the default one, versions, limits, and what is checked before one is kept."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.alerts import rules
from shared.alerts.ports import Rules
from shared.alerts.rule import DEFAULT_RULE, MAX_RULES, Rule, RuleSettings
from shared.config import AlertSettings, MailSettings
from shared.errors import Busy, Conflict, InvalidInput, NotFound, Outdated, TooLarge, TooMany
from shared.event import EPOCH
from shared.tenants import Tenant
from tests.alerts import Board
from tests.fakes import NOW, Interrupted, Process

LATER = NOW + timedelta(minutes=1)
TENANT = Tenant(id="contoso", name="Contoso", contacts=["ann@contoso.example"])
OTHER = Tenant(id="fabrikam", name="Fabrikam")
MAIL = MailSettings("mail", 25, "none", None, None, "usage@example.com")
ALL = AlertSettings(MAIL, "https://psa", None, "master", to_private=False, dashboard_url=None)
NONE = AlertSettings(None, None, None, None, to_private=False, dashboard_url=None)
HOOK = {"type": "webhook", "url": "https://example.com/hook"}


def settings(**given: Any) -> RuleSettings:  # noqa: ANN401
    """What a tenant says of a rule."""
    whole = {"name": "Spend", "metric": "monthly_spend_usd", "thresholds": [Decimal(100)], **given}
    return RuleSettings.model_validate(whole)


def stores(board: Board) -> Rules:
    """The rules of the board."""
    return board.alerting().rules


async def test_every_tenant_has_the_default_rule() -> None:
    """A warning at 80 % of the monthly tokens by mail to its contacts, without anybody storing it."""
    board = Board()
    (rule,) = await rules.rules_of(stores(board), TENANT)
    assert (rule.id, rule.metric, rule.thresholds) == (DEFAULT_RULE, "monthly_tokens_percent", [Decimal(80)])
    assert (rule.severity, rule.enabled) == ("warning", True)
    assert [channel.model_dump() for channel in rule.channels] == [
        {"type": "email", "to": ["ann@contoso.example"]}
    ]
    assert await rules.find(stores(board), TENANT, DEFAULT_RULE) == rule
    assert board.rules == {}


async def test_the_default_rule_is_edited_and_never_lost() -> None:
    """Editing stores it under its own id; it cannot be deleted, before or after."""
    board = Board()
    with pytest.raises(Conflict):
        await rules.delete(stores(board), TENANT, DEFAULT_RULE)
    await rules.replace(stores(board), TENANT, DEFAULT_RULE, settings(enabled=False), NOW)
    with pytest.raises(Conflict):
        await rules.delete(stores(board), TENANT, DEFAULT_RULE)
    (rule,) = await rules.rules_of(stores(board), TENANT)
    assert (rule.id, rule.name, rule.enabled) == (DEFAULT_RULE, "Spend", False)
    assert (rule.created_at, rule.updated_at) == (EPOCH, NOW)
    assert [one.enabled for one in await rules.rules_of(stores(board), OTHER)] == [True]


async def test_rules_are_the_tenant_s_own_by_age_after_the_default() -> None:
    """Those of others are neither listed nor found, replaced or deleted."""
    board = Board()
    second = await rules.create(stores(board), TENANT, settings(name="second"), LATER)
    first = await rules.create(stores(board), TENANT, settings(name="first"), NOW)
    await rules.create(stores(board), OTHER, settings(), NOW)
    listed = await rules.rules_of(stores(board), TENANT)
    assert [one.id for one in listed] == [DEFAULT_RULE, first.id, second.id]
    for action in (
        rules.find(stores(board), OTHER, first.id),
        rules.replace(stores(board), OTHER, first.id, settings(), NOW),
        rules.rotate(stores(board), OTHER, first.id, NOW),
        rules.delete(stores(board), OTHER, first.id),
    ):
        with pytest.raises(NotFound):
            await action
    assert await rules.find(stores(board), TENANT, first.id) == first


@pytest.mark.parametrize("rule_id", ["", "nothing", "../x", "Default", "0123456789abcdeF", "a" * 17, "'"])
async def test_what_cannot_be_an_id_is_not_found(rule_id: str) -> None:
    """It never reaches the table, which would refuse some."""
    with pytest.raises(NotFound):
        await rules.find(stores(Board()), TENANT, rule_id)


async def test_a_tenant_has_only_so_many_rules() -> None:
    """With the default one; a deleted one makes room."""
    board = Board()
    made = [await rules.create(stores(board), TENANT, settings(), NOW) for _ in range(MAX_RULES - 1)]
    with pytest.raises(Conflict, match="100 rules"):
        await rules.create(stores(board), TENANT, settings(), NOW)
    await rules.delete(stores(board), TENANT, made[0].id)
    await rules.create(stores(board), TENANT, settings(), NOW)


async def test_replacing_keeps_what_the_tenant_does_not_say() -> None:
    """Id, age and secret stay; webhooks that were given up are called again."""
    board = Board()
    made = await rules.create(stores(board), TENANT, settings(channels=[HOOK]), NOW)
    await rules.rotate(stores(board), TENANT, made.id, NOW)
    rotated = await rules.find(stores(board), TENANT, made.id)
    board.add_rule(rotated.model_copy(update={"gone": ["https://example.com/hook"]}))
    await rules.replace(stores(board), TENANT, made.id, settings(name="New"), LATER)
    rule = await rules.find(stores(board), TENANT, made.id)
    assert (rule.name, rule.channels, rule.gone) == ("New", [], [])
    assert (rule.created_at, rule.updated_at) == (NOW, LATER)
    assert (rule.webhook_generation, rule.rotations) == (1, [NOW])


@pytest.mark.parametrize(
    ("edit", "since"),
    [
        ({"name": "New", "severity": "critical", "enabled": False, "channels": [HOOK]}, NOW),
        ({"thresholds": [Decimal("100.0")], "filter": {"user": ["b", "a"]}}, NOW),
        ({"thresholds": [Decimal(100), Decimal(200)]}, LATER),
        ({"metric": "daily_requests"}, LATER),
        ({"filter": {"user": ["a"]}}, LATER),
    ],
)
async def test_a_rule_knows_since_when_it_watches_what_it_watches(edit: dict[str, Any], since: Any) -> None:  # noqa: ANN401
    """Who edits anything else, or says the same again, changes nothing of that."""
    board, said = Board(), {"filter": {"user": ["a", "b"]}}
    made = await rules.create(stores(board), TENANT, settings(**said), NOW)
    rule = await rules.replace(stores(board), TENANT, made.id, settings(**{**said, **edit}), LATER)
    assert (rule.watched_since, rule.created_at) == (since, NOW)


async def test_a_secret_is_rotated_so_many_times_a_day() -> None:
    """Those before it are kept for a day, however often it is rotated; then there is room again."""
    board = Board()
    made = await rules.create(stores(board), TENANT, settings(), NOW)
    times = [NOW + timedelta(minutes=minute) for minute in range(rules.MAX_ROTATIONS)]
    for at in times:
        rule = await rules.rotate(stores(board), TENANT, made.id, at)
    assert rule.rotations == times
    with pytest.raises(TooMany):
        await rules.rotate(stores(board), TENANT, made.id, LATER)
    rule = await rules.rotate(stores(board), TENANT, made.id, NOW + timedelta(hours=24))
    assert rule.rotations == [*times[1:], NOW + timedelta(hours=24)]
    assert rule.webhook_generation == rules.MAX_ROTATIONS + 1


type Change = Callable[[Rules, Rule, set[str] | None], Awaitable[Any]]
CHANGES: dict[str, Change] = {
    "replace": lambda one, rule, known: rules.replace(one, TENANT, rule.id, settings(name="x"), LATER, known),
    "delete": lambda one, rule, known: rules.delete(one, TENANT, rule.id, known),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_only_the_version_that_is_known_is_changed(change: Change) -> None:
    """Another one stays as it is, whoever changed it in between."""
    board = Board()
    made = await rules.create(stores(board), TENANT, settings(), NOW)
    known = {rules.version_of(made)}
    newer = await rules.replace(stores(board), TENANT, made.id, settings(name="Theirs"), LATER)
    for stale in (known, set[str]()):
        with pytest.raises(Outdated):
            await change(stores(board), made, stale)
    assert await rules.find(stores(board), TENANT, made.id) == newer
    await change(stores(board), made, {*known, rules.version_of(newer)})


async def interrupted() -> tuple[Board, Rule, Rules]:
    """A rule, and a store in which somebody else changes it between its being read and being written."""
    board = Board()
    made = await rules.create(stores(board), TENANT, settings(), NOW)

    async def other() -> None:
        await rules.rotate(stores(board), TENANT, made.id, NOW)

    return board, made, board.alerting(Interrupted(2, other)).rules


async def test_a_change_in_between_is_not_overwritten_unseen() -> None:
    """Somebody who knows the version loses; somebody who takes any version comes after."""
    for is_known in (True, False):
        board, made, one = await interrupted()
        known = {rules.version_of(made)} if is_known else None
        change = rules.replace(one, TENANT, made.id, settings(name="Mine"), LATER, known)
        if is_known:
            with pytest.raises(Outdated):
                await change
        else:
            await change
        rule = await rules.find(stores(board), TENANT, made.id)
        assert (rule.name, rule.webhook_generation) == ("Spend" if is_known else "Mine", 1)


async def test_what_changes_in_between_is_not_deleted_unseen() -> None:
    """Somebody who knows the version does not delete the next one; somebody who takes any does."""
    for is_known in (True, False):
        board, made, one = await interrupted()
        delete = rules.delete(one, TENANT, made.id, {rules.version_of(made)} if is_known else None)
        if is_known:
            with pytest.raises(Outdated):
                await delete
        else:
            await delete
        assert len(board.rules) == is_known


async def test_who_always_loses_is_told_to_try_again() -> None:
    """Rather than waiting for ever."""
    board = Board()
    made = await rules.create(stores(board), TENANT, settings(), NOW)

    class Restless(Process):
        async def do[T](self, operation: Callable[[], T]) -> T:
            board.add_rule(made)
            return await super().do(operation)

    with pytest.raises(Busy):
        await rules.rotate(board.alerting(Restless()).rules, TENANT, made.id, NOW)


@pytest.mark.parametrize(
    ("channel", "without"),
    [
        ({"type": "email", "to": ["a@b.example"]}, replace(ALL, mail=None)),
        ({"type": "ticket"}, replace(ALL, tickets_url=None)),
        (HOOK, replace(ALL, webhook_secret=None)),
    ],
)
def test_a_channel_that_is_not_set_up_is_refused(channel: dict[str, Any], without: AlertSettings) -> None:
    """The error names the channel; with it everything is fine."""
    given = settings(channels=[channel])
    rules.check(given, ALL)
    for setup in (NONE, without):
        with pytest.raises(InvalidInput) as raised:
            rules.check(given, setup)
        ((field, reason),) = [(one.field, one.reason) for one in raised.value.errors]
        assert field == "channels.0.type"
        assert channel["type"] in reason


def test_a_url_inside_the_network_is_refused() -> None:
    """The error names the channel's URL; where calls may go anywhere, it may."""
    given = settings(channels=[HOOK, {"type": "webhook", "url": "https://127.0.0.1/hook"}])
    with pytest.raises(InvalidInput) as raised:
        rules.check(given, ALL)
    assert [one.field for one in raised.value.errors] == ["channels.1.url"]
    rules.check(given, replace(ALL, to_private=True))


def test_no_channel_is_told_twice() -> None:
    """Its notifications would be one and the same."""
    with pytest.raises(InvalidInput, match="not valid") as raised:
        rules.check(settings(channels=[HOOK, {"type": "ticket"}, HOOK]), ALL)
    assert [one.field for one in raised.value.errors] == ["channels.2.type"]


def test_a_rule_is_no_larger_than_a_row() -> None:
    """The texts that it may hold are more than a message takes."""
    names = ["user", "feature", "product", "provider", "model"]
    texts = ["é" * 125 + f"{number:03}" for number in range(20)]
    rules.check(settings(filter=dict.fromkeys(names[:2], texts)), ALL)
    with pytest.raises(TooLarge):
        rules.check(settings(filter=dict.fromkeys(names, texts)), ALL)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"metric": "colour"}, "metric"),
        ({"thresholds": []}, "thresholds"),
        ({"thresholds": [0]}, "thresholds"),
        ({"thresholds": [1, 1]}, "thresholds"),
        ({"thresholds": list(range(1, 7))}, "thresholds"),
        ({"metric": "monthly_tokens_percent", "filter": {"feature": ["x"]}}, "filter"),
        ({"channels": [{"type": "pigeon"}]}, "channels"),
        ({"channels": [{"type": "email", "to": ["a@b\r\nBcc: c@d"]}]}, "channels"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], field: str) -> None:
    """Before anything is stored."""
    with pytest.raises(ValueError, match=field):
        settings(**given)
