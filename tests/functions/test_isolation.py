"""Nothing of another tenant is in any answer: every declared operation is asked with a foreign key.

One tenant asks everything before and after another has usage, users, rejects, prices and keys, by the
other's very names and ids: every answer stays what it was, to the last count.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import pytest_asyncio

import function_app
from functions._api import OPERATIONS, Operation
from tests.stack import Answer, Api, Customer

SECRET = "zebra"  # in every name of the other tenant
THEIRS = {
    "feature": f"{SECRET}-feature",
    "user": f"{SECRET}-user",
    "model": f"{SECRET}-model",
    "q": SECRET,
}
MOVING = ("complete_through", "project", "as_of")  # parts of names: told of time, not of usage
CALLERS = {one.caller for one in OPERATIONS}
BY_CALLER = {caller: [one for one in OPERATIONS if one.caller == caller] for caller in CALLERS}


@dataclass(slots=True)
class Neighbours:
    """Two tenants: one that asks, and one that has something to hide."""

    mine: Customer
    theirs: Customer
    ids: dict[str, str] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)


@pytest_asyncio.fixture(scope="module")
async def neighbours(api: Api) -> Neighbours:
    """What the one was answered while the other had nothing; then the other has it all."""
    both = Neighbours(await api.customer(), await api.customer())
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    await both.mine.post(both.mine.event(), both.mine.event(time=yesterday, user={"id": "bob"}))
    for one in BY_CALLER["read"]:
        for path in questions(one):
            both.before[path] = stable(await api.ask("GET", path, both.mine.key))
    await hide(both)
    return both


async def hide(both: Neighbours) -> None:
    """Gives the other tenant events, a user, a reject, a price and keys."""
    theirs, operate = both.theirs, both.theirs.api.operate
    names = {
        "product": "psa",
        "feature": THEIRS["feature"],
        "model": THEIRS["model"],
        "source": f"{SECRET}/source",
    }
    user = {"id": THEIRS["user"], "name": f"{SECRET} Lee", "email": f"{SECRET}@contoso.example"}
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    sent = await theirs.post(
        *(theirs.event(user=user, **names) for _ in range(5)),
        theirs.event(time=yesterday),  # the very feature and user that the first one has
        theirs.event(primitive=f"{SECRET}.none"),
    )
    assert sent.fields == ["events[6].primitive"]
    price = {"primitive": "phone.sms", "valid_from": "2020-01-01", "unit_usd": "7", "tenant_id": theirs.id}
    (price_id,) = (await operate("POST", "prices", {"prices": [price]}))["ids"]
    (reject,) = await theirs.api.rejects(tenant_id=theirs.id)
    keys = (await operate("GET", f"tenants/{theirs.id}/keys"))["data"]
    rule_id, delivery_id = await hide_alerts(theirs)
    both.ids |= {
        "rule_id": rule_id,
        "delivery_id": delivery_id,
        "tenant_id": theirs.id,
        "key_id": keys[0]["id"],
        "reject_id": reject["id"],
        "price_id": price_id,
        "user_id": THEIRS["user"],
    }


async def hide_alerts(theirs: Customer) -> tuple[str, str]:
    """Gives a tenant a rule and a notification; their ids."""
    key, ask = await theirs.api.new_key(theirs.id, "alerts"), theirs.api.ask
    hook = {"type": "webhook", "url": f"{theirs.api.stack.outside}/hooks/{SECRET}/{SECRET}"}
    rule = {"name": SECRET, "metric": "daily_requests", "thresholds": [1], "channels": [hook]}
    made = (await ask("POST", "usage/alerts", key, body=rule)).json
    sent = (await ask("POST", f"usage/alerts/{made['id']}/test", key)).json
    return made["id"], sent["data"][0]["id"]


def questions(one: Operation, **more: str) -> Iterator[str]:
    """The paths of an operation: as it is, and with each filter at what only the other tenant has."""
    fields = [info.alias or name for name, info in one.query.model_fields.items()] if one.query else []
    for filters in ({}, *({name: value} for name, value in THEIRS.items() if name in fields)):
        query = urlencode({**filters, **more})
        yield f"{one.path}?{query}"


def stable(answer: Answer) -> Any:  # noqa: ANN401 - any JSON
    """What an answer says, without what only time moves."""
    assert answer.status == 200, answer
    if answer.headers["Content-Type"].startswith("text/csv"):
        return [still(row) for row in csv.DictReader(io.StringIO(answer.raw.decode()))]
    return still(answer.json)


def still(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The value without the fields that move."""
    if isinstance(value, dict):
        return {name: still(one) for name, one in value.items() if not any(part in name for part in MOVING)}
    return [still(one) for one in value] if isinstance(value, list) else value


def named(operations: list[Operation]) -> pytest.MarkDecorator:
    """One test an operation."""
    return pytest.mark.parametrize("one", operations, ids=lambda one: f"{one.method} {one.path}")


def filled(path: str, both: Neighbours) -> str:
    """The path with the other tenant's ids."""
    for name, value in both.ids.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path
    return path


def test_every_operation_is_driven() -> None:
    """Each function that answers HTTP is a declared operation, and each kind of caller is tried below."""
    assert BY_CALLER.keys() <= {"anyone", "read", "ingest", "alerts", "operator"}
    assert len(BY_CALLER["read"]) > 20
    function_app.app.functions_bindings = {}  # it would refuse to be asked twice
    triggers: list[Any] = [one.get_trigger() for one in function_app.app.get_functions()]
    routes = {trigger.route for trigger in triggers if trigger.type == "httpTrigger"}
    assert routes - {one.path for one in OPERATIONS} == {"{*path}"}


@named(BY_CALLER["read"])
async def test_no_answer_changes_with_what_others_do(neighbours: Neighbours, one: Operation) -> None:
    """Not a row, a name or a count, whatever is asked for."""
    mine, theirs = neighbours.mine, neighbours.theirs
    for path in questions(one):
        answer = await mine.api.ask("GET", path, mine.key)
        assert stable(answer) == neighbours.before[path]
        assert theirs.id not in answer.raw.decode()


@named(BY_CALLER["read"])
async def test_a_tenant_cannot_be_named(neighbours: Neighbours, one: Operation) -> None:
    """The key alone says whose usage is read: a parameter is refused."""
    for path in questions(one, tenant_id=neighbours.theirs.id):
        answer = await neighbours.mine.api.ask("GET", path, neighbours.mine.key)
        assert (answer.status, answer.fields) == (400, ["tenant_id"])


@pytest.mark.parametrize("code", ["' OR true --", '" OR "" = "', "@tenant", "x' or RowKey ne '", "%", "\\"])
async def test_a_filter_is_a_value_and_no_code(neighbours: Neighbours, code: str) -> None:
    """What would widen a query finds nothing, and breaks nothing."""
    for name in ("user", "feature", "q"):
        answer = await neighbours.mine.ask("by-user", **{name: quote(code, safe="")})
        assert (answer.status, answer.json.get("data", [])) in ((200, []), (400, []))


@named([*BY_CALLER["ingest"], *BY_CALLER.get("alerts", [])])
async def test_nothing_is_written_for_another_tenant(neighbours: Neighbours, one: Operation) -> None:
    """An event that names the other tenant is refused; no id of the other's opens anything."""
    mine, theirs = neighbours.mine, neighbours.theirs
    before = await theirs.counts(), await rules_of(theirs)
    rule = {
        "name": "mine",
        "metric": "daily_requests",
        "thresholds": [1],
        "filter": {"user": [THEIRS["user"]]},
    }
    body = {"events": [theirs.event()]} if one.caller == "ingest" else rule
    key = mine.key if one.caller == "ingest" else await mine.api.new_key(mine.id, "alerts")
    answer = await mine.api.ask(one.method, filled(one.path, neighbours), key, body=body)
    if "{" in one.path:
        assert answer.status == 404
    assert SECRET not in answer.raw.decode().replace(THEIRS["user"], "")  # of which we told ourselves
    assert (await theirs.counts(), await rules_of(theirs)) == before


async def rules_of(one: Customer) -> list[Any]:
    """A tenant's rules, as far as only their owner changes them."""
    key = await one.api.new_key(one.id, "alerts")
    rules = (await one.api.ask("GET", "usage/alerts", key)).json["data"]
    return [{name: rule[name] for name in ("id", "name", "updated_at", "channels")} for rule in rules]


@named(BY_CALLER["operator"])
async def test_a_tenant_s_key_is_no_operator_s(neighbours: Neighbours, one: Operation) -> None:
    """Every operation of operators is refused before anything is looked up, and changes nothing."""
    mine, operate = neighbours.mine, neighbours.mine.api.operate
    theirs = f"tenants/{neighbours.theirs.id}"
    watched = (theirs, f"{theirs}/keys", f"{theirs}/users", f"rejects?tenant_id={neighbours.theirs.id}")
    before = [await operate("GET", path) for path in watched]
    body: dict[str, Any] | None = {} if one.method in ("POST", "PUT") else None
    answer = await mine.api.ask(one.method, filled(f"{one.path}", neighbours), mine.key, body=body)
    assert answer.status == 401
    assert answer.json.keys() == {"type", "title", "status", "detail"}
    assert SECRET not in answer.raw.decode()
    assert neighbours.theirs.id not in answer.raw.decode()
    assert [await operate("GET", path) for path in watched] == before


@named(BY_CALLER["anyone"])
async def test_what_anybody_may_ask_tells_of_nobody(neighbours: Neighbours, one: Operation) -> None:
    """Health, contract and schema name no tenant."""
    said = (await neighbours.mine.api.ask(one.method, one.path)).raw.decode()
    for name in (SECRET, neighbours.theirs.id, neighbours.mine.id):
        assert name not in said


async def test_the_other_tenant_does_find_its_own(neighbours: Neighbours) -> None:
    """The names that nobody else finds are there to be found."""
    found = json.dumps((await neighbours.theirs.get("by-user", limit=1000))["data"], default=str)
    assert SECRET in found
    assert await neighbours.theirs.counts() == (6, 0, 1)
