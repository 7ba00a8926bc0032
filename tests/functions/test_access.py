"""Who may ask for what: API keys, the operator, and what nobody needs a key for."""

import asyncio
import hashlib
from uuid import uuid4

import pytest

from local.stack import OPERATOR_KEY
from tests.stack import Api, ago

READS = ("usage/summary", "usage/by-feature", "usage/by-user")
OPERATES = (
    ("GET", "tenants"),
    ("GET", "tenants/contoso"),
    ("PUT", "tenants/contoso"),
    ("GET", "tenants/contoso/keys"),
    ("POST", "tenants/contoso/keys"),
    ("DELETE", "tenants/contoso/keys/1"),
    ("GET", "prices"),
    ("POST", "prices"),
    ("DELETE", "prices/1"),
    ("GET", "rejects"),
    ("POST", "rejects/1/replay"),
)


async def test_health_needs_no_key(api: Api) -> None:
    """It answers to anybody."""
    answer = await api.ask("GET", "health")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", [*READS, "usage/events"])
@pytest.mark.parametrize("key", ["missing", "unknown", "foreign", "expired", "operator", "not a bearer"])
async def test_without_a_good_key_there_is_no_usage(api: Api, path: str, key: str) -> None:
    """Missing, unknown and expired keys, and those of others, get 401 problem details and nothing else."""
    customer = await api.customer()
    shown = {
        "unknown": "oneai_" + "A" * 43,
        "foreign": f"sk-{uuid4().hex}",
        "expired": await api.new_key(customer.id, "read", "ingest", expires=ago(seconds=1)),
        "operator": OPERATOR_KEY,
    }
    headers = {"Authorization": f"Basic {customer.key}"} if key == "not a bearer" else {}
    method = "POST" if path == "usage/events" else "GET"
    body = {"events": [customer.event()]} if method == "POST" else None
    answer = await api.ask(method, path, shown.get(key), body=body, headers=headers)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.json) == {"type", "title", "status", "detail"}
    assert customer.id not in answer.raw.decode()
    assert await customer.counts() == (0, 0, 0)


@pytest.mark.parametrize(
    ("scopes", "readable", "writable"), [(["read"], 200, 403), (["ingest"], 403, 202), (["alerts"], 403, 403)]
)
async def test_a_key_reaches_its_scopes(api: Api, scopes: list[str], readable: int, writable: int) -> None:
    """What a key's scopes do not name is 403."""
    customer = await api.customer()
    key = await api.new_key(customer.id, *scopes)
    for path in READS:
        assert (await api.ask("GET", path, key)).status == readable
    body = {"events": [customer.event()]}
    assert (await api.ask("POST", "usage/events", key, body=body)).status == writable


async def test_a_revoked_key_opens_nothing(api: Api) -> None:
    """It is 401 after revocation, whether or not it has been used; other keys go on."""
    customer = await api.customer()
    used, unused = await asyncio.gather(*(api.new_key(customer.id, "read") for _ in range(2)))
    assert (await api.ask("GET", "usage/summary", used)).status == 200
    for key in (used, unused):
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        await api.operate("DELETE", f"tenants/{customer.id}/keys/{name}")
        assert (await api.ask("GET", "usage/summary", key)).status == 401
    listed = (await api.operate("GET", f"tenants/{customer.id}/keys"))["data"]
    assert sorted(one["revoked"] for one in listed) == [False, True, True]
    assert not any(key in str(listed) for key in (used, unused))
    await customer.get("summary")


async def test_tenants_never_see_each_other(api: Api) -> None:
    """Two tenants with the same ids, users and times read only their own numbers."""
    one, two = await asyncio.gather(api.customer(), api.customer())
    same = {"id": "same", "time": ago(minutes=2), "user": {"id": "ann", "name": "Ann"}}
    await one.post(one.event(**same, input_tokens=100, cost_usd="1"))
    await two.post(
        two.event(**same, input_tokens=200), two.event(user={"id": "secret"}, feature="playground")
    )
    for view in ("by-feature", "by-user"):
        mine = await one.get(view)
        assert len(mine["data"]) == 1
        assert mine["totals"]["input_tokens"] == 100
        assert "secret" not in str(mine)
        assert (await two.get(view))["totals"]["input_tokens"] == 207
    assert (await one.ask("summary", tenant_id=two.id)).fields == ["tenant_id"]


@pytest.mark.parametrize(("method", "path"), OPERATES)
async def test_the_operator_s_routes_want_the_operator(api: Api, method: str, path: str) -> None:
    """No key and a customer's key get 401."""
    customer = await api.customer()
    for key in (None, customer.key, "operator_wrong"):
        answer = await api.ask(method, f"operator/{path}", key, body={} if method != "GET" else None)
        assert answer.status == 401


async def test_a_tenant_is_created_changed_and_read(api: Api) -> None:
    """What the operator says of a tenant holds; its time zone stays what it was."""
    name = f"tenant-{uuid4().hex[:12]}"
    tier = {"name": "pro", "daily_tokens": 5, "monthly_tokens": 100, "monthly_budget_usd": "12.50"}
    contacts = ["ada@contoso.example"]
    settings = {
        "name": "Ä GmbH",
        "time_zone": "Europe/Berlin",
        "billing_day": 15,
        "tier": tier,
        "contacts": contacts,
    }
    assert (await api.refused("GET", f"tenants/{name}")).status == 404
    created = await api.ask("PUT", f"operator/tenants/{name}", OPERATOR_KEY, body=settings)
    assert (created.status, created.json["id"]) == (200, name)
    assert (await api.operate("GET", f"tenants/{name}")) == created.json
    born = created.json["created_at"]
    assert created.json == {"id": name, "created_at": born, **settings}
    changed = await api.ask("PUT", f"operator/tenants/{name}", OPERATOR_KEY, body={**settings, "name": "B"})
    assert (changed.status, changed.json["name"], changed.json["created_at"]) == (200, "B", born)
    assert changed.json in (await api.operate("GET", "tenants"))["data"]
    moved = await api.refused("PUT", f"tenants/{name}", {**settings, "time_zone": "UTC"})
    assert moved.status == 409


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name"]),
        ({"name": "A", "time_zone": "Mars/Base"}, ["time_zone"]),
        ({"name": "A", "time_zone": "../etc/passwd"}, ["time_zone"]),
        ({"name": "A", "billing_day": 32, "colour": 1}, ["billing_day", "colour"]),
        ({"name": "A", "tier": {"monthly_tokens": 0}}, ["tier.monthly_tokens"]),
        ([], ["body"]),
    ],
)
async def test_a_bad_tenant_is_told_field_by_field(api: Api, body: object, fields: list[str]) -> None:
    """400 names every field at fault, and nothing is saved."""
    answer = await api.refused("PUT", "tenants/never-saved", body)
    assert (answer.status, answer.fields) == (400, fields)
    assert (await api.refused("GET", "tenants/never-saved")).status == 404


async def test_keys_and_prices_are_checked(api: Api) -> None:
    """Scopes, expiry and prices that make no sense are 400; keys of no tenant are 404."""
    customer = await api.customer()
    path = f"tenants/{customer.id}/keys"
    assert (await api.refused("POST", path, {"scopes": []})).fields == ["scopes"]
    assert (await api.refused("POST", path, {"scopes": ["write"]})).fields == ["scopes.0"]
    assert (await api.refused("POST", path, {"scopes": ["read"], "expires": "soon"})).fields == ["expires"]
    assert (await api.refused("POST", "tenants/no-body/keys", {"scopes": ["read"]})).status == 404
    for name in ("unknown", "a" * 32, "a%5Cb", "a%23%3F", "%7F"):
        assert (await api.refused("DELETE", f"{path}/{name}")).status == 404
    price = {"primitive": "phone.sms", "valid_from": "2020-01-01", "input_usd": "1"}
    assert (await api.refused("POST", "prices", {"prices": [price]})).fields == ["prices.0.input_usd"]
    good = price | {"input_usd": None, "unit_usd": "1.5", "tenant_id": customer.id}
    (name,) = (await api.operate("POST", "prices", {"prices": [good]}))["ids"]
    listed = [one for one in (await api.operate("GET", "prices"))["data"] if one["id"] == name]
    assert [(one["tenant_id"], one["unit_usd"]) for one in listed] == [(customer.id, "1.5")]
    await api.operate("DELETE", f"prices/{name}")
    assert name not in str(await api.operate("GET", "prices"))


async def test_what_is_not_there_is_not_found(api: Api) -> None:
    """An unknown view and an unknown route are 404."""
    customer = await api.customer()
    assert (await customer.ask("by-magic")).status == 404
    assert (await api.ask("GET", "nothing/here", customer.key)).status == 404
