"""No answer, count or time tells whether something of another tenant exists.

Each request is made in two worlds: in one a neighbour has usage, users, rules, deliveries, rejects,
prices and keys of the very names that are asked for; in the other there is no neighbour. The answers
are the same bytes, by the same operations on the stores with the same arguments: nothing is left
from which a difference in time could come.
"""

import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import azure.functions as func
import orjson
import pytest

import function_app
from functions._api import OPERATIONS, Operation
from functions._http import NoQuery
from shared.alerts.ports import Alerting, Delivery
from shared.config import AlertSettings
from shared.ingest import ingest
from shared.keys import KeySettings, issue
from shared.ports import Snapshot, Stores
from shared.pricing import Price, PriceBook
from shared.rollup import fold_day
from tests.alerts import Board
from tests.channels.cast import FIRING, MAIL, note, rule
from tests.events import CONTOSO, FABRIKAM, body, event
from tests.fakes import NOW, Cloud
from tests.shared.test_keys import FakeKeys
from tests.shared.test_snapshots import FakeSnapshots

KEY, STORED_KEY = issue("contoso", KeySettings(scopes=["read", "ingest", "alerts"]), NOW)
THEIR_KEY, THEIR_STORED_KEY = issue("fabrikam", KeySettings(scopes=["read"]), NOW)
OWN_RULE, THEIR_RULE = "0" * 16, "f" * 16
THEIR_FIRING = replace(FIRING, tenant_id="fabrikam", rule_id=THEIR_RULE)
THEIR_NOTE = note(MAIL, firing=THEIR_FIRING)
SECRET = {
    "feature": "their-feature",
    "provider": "their-provider",
    "model": "their-model",
    "user": "their-user",
}
THEIRS = event(
    "e1", tenant_id="fabrikam", source="psa/tickets", product="psa", **SECRET | {"user": {"id": "their-user"}}
)
IDS = {
    "rule_id": THEIR_RULE,
    "delivery_id": THEIR_NOTE.id,
    "tenant_id": "fabrikam",
    "key_id": THEIR_STORED_KEY.id,
    "price_id": "0123456789abcdef",
    "reject_id": "1773144000000.b.0",
}
THEIR_PRICE = Price(
    tenant_id="fabrikam",
    primitive="ai.chat",
    valid_from=date(2020, 1, 1),
    input_usd=Decimal(7),
    output_usd=Decimal(7),
)
SETTINGS = AlertSettings(None, None, None, "a webhook secret", to_private=False, dashboard_url=None)
RULE = {"name": "r", "metric": "daily_requests", "thresholds": [1], "filter": {"user": ["their-user"]}}
BODIES: dict[str, list[object]] = {
    "ingest": [
        {"events": [THEIRS]},
        {"events": [event("e1", source="psa/tickets")]},  # the name of an event of theirs, but our own
        {"events": [event("e7", product="psa", **SECRET | {"user": {"id": "their-user"}})]},
    ],
    "alerts": [{}, RULE],
    "operator": [{}],
}


class Watched:
    """A store whose operations are written down, with what they were asked."""

    def __init__(self, store: Any, log: list[str]) -> None:  # noqa: ANN401 - any store
        self._store, self._log = store, log

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._store, name)

        def call(*args: object, **named: object) -> Any:  # noqa: ANN401
            self._log.append(f"{type(self._store).__name__}.{name} {args} {named}")
            return operation(*args, **named)

        return call


@dataclass
class World:
    """What is stored of our tenant and perhaps of its neighbour, and a log of all operations."""

    cloud: Cloud = field(default_factory=lambda: Cloud(tenants={"contoso": CONTOSO}))
    board: Board = field(default_factory=Board)
    keys: FakeKeys = field(default_factory=lambda: FakeKeys(STORED_KEY))
    snapshots: FakeSnapshots = field(default_factory=FakeSnapshots)
    log: list[str] = field(default_factory=list)

    async def begin(self) -> None:
        """Our tenant has usage, a rule and a snapshot."""
        await self.use(body(event("own"), event("two", user={"id": "bo"})), "contoso")
        self.board.add_rule(rule([MAIL], id=OWN_RULE))
        await self.snapshots.save("contoso", snapshot(10))

    async def move_in(self) -> None:
        """The neighbour has everything that is asked for."""
        self.cloud.tenants["fabrikam"] = FABRIKAM
        await self.use(body(THEIRS, event("e2", tenant_id="fabrikam"), {}), "fabrikam")
        self.board.add_rule(rule([MAIL], id=THEIR_RULE, tenant_id="fabrikam"))
        self.board.firings["fabrikam", THEIR_FIRING.id] = THEIR_FIRING
        self.board.deliveries["fabrikam", THEIR_NOTE.id] = Delivery(THEIR_NOTE, NOW, "failed")
        self.keys.keys[THEIR_STORED_KEY.id] = THEIR_STORED_KEY
        await self.snapshots.save("fabrikam", snapshot(7_000))
        self.cloud.book = PriceBook([THEIR_PRICE], lambda *_: None)

    async def use(self, message: bytes, tenant_id: str) -> None:
        """Counts and folds events."""
        await ingest(self.cloud.stores(), message, NOW, tenant_id)
        await fold_day(self.cloud.stores().usage, tenant_id, NOW.date(), NOW)

    def services(self) -> SimpleNamespace:
        """What handlers call, watched."""
        names = ("usage", "claims", "marks", "rejects", "tenants", "prices")
        plain = self.cloud.stores()
        watched: Any = {name: Watched(getattr(plain, name), self.log) for name in names}
        return SimpleNamespace(
            stores=Stores(**watched),
            keys=Watched(self.keys, self.log),
            snapshots=Watched(self.snapshots, self.log),
            tokens=None,
            settings=SimpleNamespace(alerts=SETTINGS, operator_key_sha256="0" * 64),
            **{name: watched[name] for name in ("rejects", "tenants", "prices", "claims")},
        )

    def alerting(self) -> Alerting:
        """What handlers of alerts call, watched."""
        plain = self.board.alerting()
        names = ("rules", "firings", "deliveries", "outbox")
        watched: Any = {name: Watched(getattr(plain, name), self.log) for name in names}
        return replace(plain, **watched)


def snapshot(tokens: int) -> Snapshot:
    """How a quota stood yesterday."""
    return Snapshot(NOW.date(), NOW, tokens, None, None, None, None, None)


@dataclass(frozen=True)
class Request:
    """What is asked, of which operation, with which key."""

    one: Operation
    key: str = KEY
    ids: tuple[tuple[str, str], ...] = tuple(IDS.items())
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def made(self) -> func.HttpRequest:
        """The request as the host hands it on."""
        url = f"http://localhost/api/{self.one.path}?{urlencode(self.query)}"
        headers = {"authorization": f"Bearer {self.key}"}
        return func.HttpRequest(
            self.one.method, url, headers=headers, route_params=dict(self.ids), body=self.body
        )


def requests(one: Operation) -> Iterator[Request]:
    """The operation with every name of the neighbour's that it takes, in path, query and body."""
    bodies = BODIES.get(one.caller, []) if one.method in ("POST", "PUT") else [b""]
    for given in bodies:
        text = given if isinstance(given, bytes) else orjson.dumps(given)
        yield Request(one, body=text)
        if "{delivery_id}" in one.path:
            yield Request(one, ids=tuple({**IDS, "rule_id": OWN_RULE}.items()), body=text)
    names = [info.alias or name for name, info in one.query.model_fields.items()]
    for name, value in {**SECRET, "q": "their", "tenant_id": "fabrikam", "offset": "1"}.items():
        if name in names or name == "tenant_id":
            yield Request(one, query=((name, value),))


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[func.HttpRequest], Any]]:
    """The handlers by the names of their operations, at a time that stands still and with no chance."""
    monkeypatch.setattr(secrets, "token_hex", lambda size: "ab" * size)
    for module in (module for name, module in sys.modules.items() if name.startswith("functions.")):
        if hasattr(module, "now"):
            monkeypatch.setattr(module, "now", lambda: NOW)
    function_app.app.functions_bindings = {}  # it would refuse to be asked twice
    return {str(one.get_function_name()): one.get_user_function() for one in function_app.app.get_functions()}


async def told(
    world: World, handler: Callable[[func.HttpRequest], Any], request: Request, patch: pytest.MonkeyPatch
) -> tuple[int, bytes, dict[str, str], list[str]]:
    """The answer in this world, and the operations that it took."""
    services, alerting = world.services(), world.alerting()
    for module in (module for name, module in sys.modules.items() if name.startswith("functions.")):
        for name, value in (("services", services), ("alerting", alerting)):
            if hasattr(module, name) and callable(getattr(module, name)):
                patch.setattr(module, name, lambda value=value: value)
    world.log.clear()
    answer = await handler(request.made())
    return answer.status_code, answer.get_body(), dict(answer.headers), list(world.log)


ASKED = [one for one in OPERATIONS if one.caller != "anyone"]


@pytest.mark.parametrize("one", ASKED, ids=lambda one: f"{one.method} {one.path}")
async def test_an_answer_is_the_same_whether_there_is_a_neighbour_or_not(
    one: Operation,
    handlers: dict[str, Callable[[func.HttpRequest], Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bytes, headers, and each operation with its arguments, for every name of the neighbour's."""
    for request in requests(one):
        alone, beside = World(), World()
        for world in (alone, beside):
            await world.begin()
        await beside.move_in()
        expected = await told(alone, handlers[one.name], request, monkeypatch)
        assert await told(beside, handlers[one.name], request, monkeypatch) == expected
        assert "{" not in one.path or expected[0] in (400, 401, 404)  # by no id of the neighbour's
        if one.caller == "operator":
            unasked = request.query and one.query is NoQuery
            assert (expected[0], expected[3]) == (400 if unasked else 401, [])


async def test_the_neighbour_is_seen_where_it_may_be(
    handlers: dict[str, Callable[[func.HttpRequest], Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own key tells the worlds apart, so that the tests above could."""
    world = World()
    await world.begin()
    request = Request(next(one for one in OPERATIONS if one.name == "get_by_user"), THEIR_KEY)
    assert (await told(world, handlers["get_by_user"], request, monkeypatch))[0] == 401
    await world.move_in()
    status, said, _, log = await told(world, handlers["get_by_user"], request, monkeypatch)
    assert (status, b"their-user" in said, bool(log)) == (200, True, True)
