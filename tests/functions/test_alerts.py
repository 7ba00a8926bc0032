"""Alerts over HTTP: rules, the default one, versions, tests on their way, replays, secrets, other tenants."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from shared.alerts.on_request import MAX_TESTS
from shared.alerts.rule import RuleSettings
from tests.stack import Answer, Api, Customer, ago, eventually

SPEND = {"name": "Spend", "metric": "monthly_spend_usd", "thresholds": [0.5, 100], "channels": []}
DEFAULT = "usage/alerts/default"


@dataclass(frozen=True, slots=True)
class Watcher:
    """A tenant, and its key that may see to alerts."""

    customer: Customer
    key: str

    async def ask(self, method: str, path: str = "", body: object = None, **headers: str) -> Answer:
        """A request to a path under `usage/alerts`."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"usage/alerts{path}"
        return await self.customer.api.ask(method, url, self.key, body=body, headers=given)

    async def get(self, path: str = "") -> Any:  # noqa: ANN401 - any JSON
        """An answer that is given."""
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer
        return answer.json

    async def new(self, **given: object) -> Any:  # noqa: ANN401 - any JSON
        """A rule that is created."""
        answer = await self.ask("POST", "", {**SPEND, **given})
        assert answer.status == 201, answer
        return answer.json

    def hook(self, **query: object) -> dict[str, str]:
        """A channel that leads to the receiver on this machine."""
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        url = f"{self.customer.api.stack.outside}/hooks/{self.customer.id}/any?{asked}"
        return {"type": "webhook", "url": url}

    async def deliveries(self, rule_id: str) -> list[Any]:
        """The delivery log of a rule."""
        found: list[Any] = (await self.get(f"/{rule_id}/deliveries"))["data"]
        return found

    async def states(self, rule_id: str) -> list[str]:
        """The states of the rule's deliveries."""
        return sorted(one["state"] for one in await self.deliveries(rule_id))


async def watcher(api: Api, **settings: Any) -> Watcher:  # noqa: ANN401 - any JSON
    """A new tenant that sees to its alerts."""
    customer = await api.customer(**settings)
    return Watcher(customer, await api.new_key(customer.id, "alerts"))


async def test_a_rule_is_created_read_replaced_and_deleted(api: Api) -> None:
    """Exactly as it was said; what is left out has its default."""
    one = await watcher(api)
    made = await one.new(filter={"feature": ["ticket-suggest"]}, thresholds=[100, 0.000000001])
    assert made["thresholds"] == [Decimal("1E-9"), 100]
    assert (made["severity"], made["enabled"], made["is_default"]) == ("warning", True, False)
    assert made["filter"]["feature"] == ["ticket-suggest"]
    path = f"/{made['id']}"
    assert await one.get(path) == made
    replaced = await one.ask("PUT", path, {**SPEND, "name": "New", "muted_until": "2036-01-01T00:00:00Z"})
    assert replaced.status == 200
    rule = await one.get(path)
    assert (rule["name"], rule["thresholds"], rule["filter"]["feature"]) == ("New", [Decimal("0.5"), 100], [])
    assert rule["muted_until"].startswith("2036-01-01T00:00:00")
    assert rule["created_at"] == made["created_at"] < rule["updated_at"]
    assert (await one.ask("DELETE", path)).status == 204
    for method, body in (("GET", None), ("PUT", SPEND), ("DELETE", None)):
        assert (await one.ask(method, path, body)).status == 404


async def test_what_is_given_can_be_sent_back(api: Api) -> None:
    """The members that a rule is created of are taken as they were answered, and mean the same."""
    one = await watcher(api, contacts=["ann@contoso.example"])
    mail = {"type": "email", "to": ["ann@contoso.example"]}
    channels = [mail, {"type": "ticket"}, one.hook()]
    wanted = {"user": ["bo", "ann"], "feature": ["ticket-suggest"]}
    made = await one.new(channels=channels, filter=wanted, muted_until="2036-01-01T00:00:00.123456Z")
    assert made["channels"] == channels
    for rule_id in (made["id"], "default"):
        given = await one.get(f"/{rule_id}")
        said = {name: given[name] for name in RuleSettings.model_fields}
        said["thresholds"] = [float(one) for one in given["thresholds"]]
        replaced = await one.ask("PUT", f"/{rule_id}", said)
        assert replaced.status == 200, replaced
        assert replaced.json | {"updated_at": given["updated_at"]} == given
        assert {**(await one.get(f"/{rule_id}")), "updated_at": None} == {**given, "updated_at": None}
        more = await one.ask("PUT", f"/{rule_id}", {**said, "disabled_urls": [], "updated_at": "now"})
        assert more.fields == ["disabled_urls", "updated_at"], "what cannot be said is not ignored"


async def test_a_bad_address_is_told_plainly(api: Api) -> None:
    """In words for people, whatever is wrong with it."""
    one = await watcher(api)
    channel = {"type": "email", "to": ["ann", "a@b\r\nBcc: c@d", "ann@contoso.example", ""]}
    answer = await one.ask("POST", "", {**SPEND, "channels": [channel]})
    assert answer.json["errors"] == [
        {"field": f"channels.0.to.{index}", "reason": "must be an email address"} for index in (0, 1, 3)
    ]


async def test_the_default_rule_is_there_and_stays(api: Api) -> None:
    """Muted and edited it is still the default one; it cannot be deleted."""
    one = await watcher(api, contacts=["ann@contoso.example"])
    (rule,) = (await one.get())["data"]
    assert (rule["id"], rule["metric"], rule["thresholds"]) == ("default", "monthly_tokens_percent", [80])
    assert rule["channels"][0]["to"] == ["ann@contoso.example"]
    edited = {**SPEND, "metric": "monthly_tokens_percent", "thresholds": [70, 90], "enabled": False}
    assert (await one.ask("PUT", "/default", edited)).status == 200
    refused = await one.ask("DELETE", "/default")
    assert (refused.status, "mute" in refused.json["detail"]) == (409, True)
    listed = await one.get()
    assert [(rule["id"], rule["is_default"], rule["thresholds"]) for rule in listed["data"]] == [
        ("default", True, [70, 90])
    ]
    assert listed["pagination"] == {"limit": 50, "offset": 0, "total": 1}


async def test_a_rule_tells_how_it_stands(api: Api) -> None:
    """Value, limit and which thresholds are reached, now."""
    one = await watcher(api, tier={"name": "x", "monthly_tokens": 12})
    rule = await one.new(thresholds=[0.25, 0.5, 7])
    assert rule["state"]["reached"] == []
    await one.customer.post(one.customer.event(time=ago(seconds=1), cost_usd="0.5"))
    await eventually(one.customer.requests, 1)
    default, spend = (await one.get())["data"]
    assert (spend["state"]["value"], spend["state"]["limit"]) == (Decimal("0.5"), None)
    assert spend["state"]["reached"] == [Decimal("0.25"), Decimal("0.5")]
    assert (default["state"]["value"], default["state"]["limit"]) == (Decimal("83.33"), 12)
    assert default["state"]["reached"] == [80]
    assert default["state"]["period"]["time_zone"] == "UTC"


async def test_pages_of_rules(api: Api) -> None:
    """The default rule first, the others by age."""
    one = await watcher(api)
    for name in "abc":
        await one.new(name=name)
    page = await one.get("?limit=2&offset=1")
    assert [rule["name"] for rule in page["data"]] == ["a", "b"]
    assert page["pagination"] == {"limit": 2, "offset": 1, "total": 4}


async def test_a_version_is_changed_once(api: Api) -> None:
    """If-Match with an older ETag is refused; the ETag tells a new state from a known one."""
    one = await watcher(api)
    made = await one.ask("POST", "", SPEND)
    path, old = f"/{made.json['id']}", made.headers["ETag"]
    assert (await one.ask("GET", path, If_None_Match=old)).status == 304
    await one.customer.post(one.customer.event(time=ago(seconds=1), cost_usd="0.5"))
    await eventually(one.customer.requests, 1)
    read = await one.ask("GET", path, If_None_Match=old)
    assert (read.status, len(read.json["state"]["reached"])) == (200, 1)
    changed = await one.ask("PUT", path, {**SPEND, "name": "Mine"}, If_Match=old, If_None_Match="*")
    assert changed.status == 200, "usage goes on, and the rule is the same"
    for method, body in (("PUT", SPEND), ("DELETE", None)):
        assert (await one.ask(method, path, body, If_Match=old)).status == 412
    assert (await one.get(path))["name"] == "Mine"
    assert (await one.ask("DELETE", path, If_Match=changed.headers["ETag"])).status == 204


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"metric": "colour"}, ["metric"]),
        ({"thresholds": []}, ["thresholds"]),
        ({"thresholds": [-1, "x"]}, ["thresholds.0", "thresholds.1"]),
        ({"thresholds": [1, 1]}, ["thresholds"]),
        ({"severity": "loud", "colour": "red"}, ["severity", "colour"]),
        ({"metric": "monthly_budget_percent", "filter": {"user": ["ann"]}}, ["filter"]),
        ({"channels": [{"type": "pigeon"}]}, ["channels.0.type"]),
        ({"channels": [{"type": "ticket"}, {"to": []}]}, ["channels.1.type"]),
        ({"channels": [{"type": "email", "to": ["no address"]}]}, ["channels.0.to.0"]),
        ({"channels": [{"type": "ticket"}, {"type": "email"}]}, ["channels.1.to"]),
        ({"channels": [{"type": "webhook", "url": 1, "to": []}]}, ["channels.0.url", "channels.0.to"]),
        ({"channels": [{"type": "webhook", "url": "ftp://example.com"}]}, ["channels.0.url"]),
        ({"muted_until": "tomorrow"}, ["muted_until"]),
        ({"id": "mine"}, ["id"]),
    ],
)
async def test_each_field_at_fault_is_named(api: Api, given: dict[str, object], fields: list[str]) -> None:
    """On creating and on replacing, and nothing is stored."""
    one = await watcher(api)
    for method, path in (("POST", ""), ("PUT", "/default")):
        answer = await one.ask(method, path, {**SPEND, **given})
        assert (answer.status, answer.fields) == (400, fields)
    ((rule_id, name),) = [(rule["id"], rule["name"]) for rule in (await one.get())["data"]]
    assert (rule_id, name) == ("default", "Monthly token quota")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("POST", ""), ("GET", "/default"), ("PUT", "/default"), ("DELETE", "/default"),
     ("POST", "/default/test"), ("GET", "/default/firings"), ("GET", "/default/secret")],
)  # fmt: skip
async def test_alerts_take_a_key_with_their_scope(api: Api, method: str, path: str) -> None:
    """One that reads usage does not do."""
    customer = await api.customer()
    assert (await api.ask(method, f"usage/alerts{path}", customer.key, body=SPEND)).status == 403
    assert (await api.ask(method, f"usage/alerts{path}", body=SPEND)).status == 401


async def test_a_test_arrives_and_is_in_the_log(api: Api) -> None:
    """By every channel, through the queue, with a signature, each with its attempt; marked as a test."""
    one = await watcher(api)
    channels = [{"type": "email", "to": ["ann@contoso.example"]}, {"type": "ticket"}]
    rule = await one.new(channels=channels)
    hook = {"type": "webhook", "url": f"{api.stack.outside}/hooks/{one.customer.id}/{rule['id']}"}
    await one.ask("PUT", f"/{rule['id']}", {**SPEND, "channels": [*channels, hook]})
    sent = await one.ask("POST", f"/{rule['id']}/test")
    assert sent.status == 202
    assert [told["channel"]["type"] for told in sent.json["data"]] == ["email", "ticket", "webhook"]

    async def states() -> list[str]:
        return await one.states(rule["id"])

    await eventually(states, ["delivered"] * 3)
    log = await one.deliveries(rule["id"])
    assert {delivery["id"] for delivery in log} == {told["id"] for told in sent.json["data"]}
    assert {delivery["about"] for delivery in log} == {"test"}
    assert all(len(delivery["attempts"]) == 1 for delivery in log)
    assert all(delivery["attempts"][0]["is_delivered"] for delivery in log)
    (firing,) = (await one.get(f"/{rule['id']}/firings"))["data"]
    assert (firing["is_test"], firing["id"]) == (True, log[0]["firing_id"])
    assert firing["rule"] == {"id": rule["id"], "name": "Spend"}
    assert (await one.get(f"/{rule['id']}/firings?offset=1"))["data"] == []
    async with aiohttp.request("GET", f"{api.stack.outside}/webhooks.json") as response:
        calls = [call for call in (await response.json())["data"] if rule["id"] in str(call)]
    assert [call["is_verified"] for call in calls] == [True]


async def test_a_tenant_has_so_many_tests_a_day(api: Api) -> None:
    """Then it is told to wait; a rule without channels has nothing to try."""
    one, other = await watcher(api), await watcher(api)
    rule = await one.new(channels=[one.hook()])
    answers = [(await one.ask("POST", f"/{rule['id']}/test")).status for _ in range(MAX_TESTS + 1)]
    assert answers == [202] * MAX_TESTS + [429]
    assert (await other.ask("POST", "/default/test")).status == 409


async def test_a_failed_delivery_is_replayed_once_the_receiver_is_back(api: Api) -> None:
    """A URL that is gone is told as disabled; saving the rule and replaying call it again."""
    one = await watcher(api)
    rule = await one.new(channels=[one.hook(answer=410)])
    path = f"/{rule['id']}"
    ((told),) = (await one.ask("POST", f"{path}/test")).json["data"]

    async def states() -> list[str]:
        return await one.states(rule["id"])

    await eventually(states, ["failed"])
    assert (await one.get(path))["disabled_urls"] == [one.hook(answer=410)["url"]]
    saved = await one.ask("PUT", path, {**SPEND, "channels": [one.hook(answer=410)]})
    assert saved.json["disabled_urls"] == []
    replay = f"{path}/deliveries/{told['id']}/replay"
    again = await one.ask("POST", replay)
    assert (again.status, again.json["state"]) == (202, "pending")
    assert (await one.ask("POST", replay)).status == 409
    assert (await one.ask("POST", f"/default/deliveries/{told['id']}/replay")).status == 404


async def test_a_secret_is_shown_and_rotated(api: Api) -> None:
    """Each rule has its own, the same until it is rotated."""
    one = await watcher(api)
    rule = await one.new()
    first = await one.get(f"/{rule['id']}/secret")
    assert first["secret"].startswith("whsec_")
    assert first["rotated_at"] is None
    assert await one.get(f"/{rule['id']}/secret") == first
    assert (await one.get("/default/secret"))["secret"] != first["secret"]
    rotated = (await one.ask("POST", f"/{rule['id']}/secret")).json
    assert rotated["secret"] != first["secret"]
    assert rotated["rotated_at"]
    assert await one.get(f"/{rule['id']}/secret") == rotated
    assert (await one.get(f"/{rule['id']}"))["name"] == "Spend"


async def test_the_metrics_are_told(api: Api) -> None:
    """Each has what a form needs, and makes a rule."""
    one = await watcher(api)
    answer = await api.ask("GET", "usage/alert-metrics", one.key)
    metrics = answer.json["data"]
    assert len(metrics) >= 10
    for metric in metrics:
        made = await one.new(metric=metric["name"])
        assert (made["unit"], made["metric"]) == (metric["unit"], metric["name"])
    assert {metric["span"] for metric in metrics} == {"day", "month"}


async def test_alerts_are_the_tenant_s_own(api: Api) -> None:
    """No id of one opens anything to another."""
    one, other = await watcher(api), await watcher(api)
    rule = await one.new(channels=[one.hook()])
    ((told),) = (await one.ask("POST", f"/{rule['id']}/test")).json["data"]
    path = f"/{rule['id']}"
    for method, more, body in (
        ("GET", "", None), ("PUT", "", SPEND), ("DELETE", "", None), ("POST", "/test", None),
        ("GET", "/firings", None), ("GET", "/deliveries", None), ("GET", "/secret", None),
        ("POST", "/secret", None), ("POST", f"/deliveries/{told['id']}/replay", None),
    ):  # fmt: skip
        assert (await other.ask(method, path + more, body)).status == 404
    assert (await other.get())["pagination"]["total"] == 1
    assert (await other.get("/default/deliveries"))["data"] == []
    assert (await one.get(path)) == rule
