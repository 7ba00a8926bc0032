"""The API's contract: the document, how HTTP behaves, and schemathesis against the running service."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

import function_app  # noqa: F401 - declares every operation
from functions._api import OPERATIONS
from local.stack import OPERATOR_KEY, Stack
from tests.stack import Api, api_of

ROOT = Path(__file__).parents[2]
ALERTS, OPERATOR = "^/api/usage/alert", "^/api/operator"
PATHS = {
    "client": ("--exclude-path-regex", f"{ALERTS}|{OPERATOR}"),
    "alerts": ("--include-path-regex", ALERTS),
    "operator": ("--include-path-regex", OPERATOR),
}
VIEWS = ["summary", "by-feature", "by-user", "by-product", "by-model", "by-provider", "primitives", "daily"]


@pytest.mark.parametrize("caller", PATHS)
async def test_schemathesis_finds_no_difference_between_the_service_and_its_contract(
    caller: str, tmp_path: Path
) -> None:
    """Generated requests, valid and not, get documented statuses, media types and shapes, never a 500."""
    no_webhooks = {"WEBHOOK_SECRET": ""}  # generated ones could leave this machine
    # A stack of its own, as the operator changes prices for everybody.
    async with Stack(settings=no_webhooks) as stack, api_of(stack) as api:
        customer = await api.customer("contoso")
        await customer.post(customer.event())
        keys = {"operator": OPERATOR_KEY, "alerts": await api.new_key(customer.id, "alerts")}
        key = keys.get(caller, customer.key)
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(ROOT / "schemathesis.toml")),
            *("run", f"{stack.url}/api/openapi.json", "--header", f"Authorization: Bearer {key}"),
            *PATHS[caller],
            *("--checks", "all", "--max-examples", "10", "--seed", "1", "--no-color", "--warnings", "off"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def test_every_operation_is_in_the_document_and_on_its_page(api: Api) -> None:
    """Nothing is served that is not described."""
    document = (await api.ask("GET", "openapi.json")).json
    described = {(m.upper(), path) for path, methods in document["paths"].items() for m in methods}
    assert described == {(one.method, f"/api/{one.path}") for one in OPERATIONS}
    page = (await api.ask("GET", "docs")).raw.decode()
    assert all(f'<section id="{one.name}">' in page for one in OPERATIONS)


@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_is_sent_again_only_when_its_numbers_have_changed(api: Api, view: str) -> None:
    """The ETag of an unchanged answer gives 304; after an event it gives the new answer."""
    customer = await api.customer()
    first = await api.ask("GET", f"usage/{view}", customer.key)
    known = {"If-None-Match": first.headers["ETag"]}
    same = await api.ask("GET", f"usage/{view}", customer.key, headers=known)
    assert (same.status, same.raw) == (304, b"")
    await customer.post(customer.event())
    changed = await api.ask("GET", f"usage/{view}", customer.key, headers=known)
    assert (changed.status, changed.json["totals"]["requests"]) == (200, 1)


async def test_long_answers_are_compressed_for_those_who_ask(api: Api) -> None:
    """The gzip answer has the same bytes inside, and caches are told."""
    customer = await api.customer()
    plain = await api.ask(
        "GET", "usage/daily?period=3m", customer.key, headers={"Accept-Encoding": "identity"}
    )
    packed = await api.ask("GET", "usage/daily?period=3m", customer.key, headers={"Accept-Encoding": "gzip"})
    assert (plain.headers["Vary"], packed.headers["Vary"]) == ("Accept-Encoding", "Accept-Encoding")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(plain.raw) > 5 * int(packed.headers["Content-Length"])
    assert json.loads(packed.raw)["data"] == json.loads(plain.raw)["data"]


async def test_head_answers_as_get_without_the_body(api: Api) -> None:
    """Status and headers are those of GET."""
    customer = await api.customer()
    get = await api.ask("GET", "usage/by-product", customer.key)
    head = await api.ask("HEAD", "usage/by-product", customer.key)
    assert (head.status, head.raw) == (200, b"")
    assert head.headers["ETag"] == get.headers["ETag"]


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("OPTIONS", "usage/summary", 204, "GET, HEAD, OPTIONS"),
        ("OPTIONS", "usage/events", 204, "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "usage/summary", 405, "GET, HEAD, OPTIONS"),
        ("PATCH", "operator/tenants/x", 405, "GET, HEAD, OPTIONS, PUT"),
        ("GET", "usage/by-nothing", 404, None),
        ("OPTIONS", "nothing", 404, None),
    ],
)
async def test_other_methods_and_paths_are_told_what_there_is(
    api: Api, method: str, path: str, status: int, allow: str | None
) -> None:
    """OPTIONS and 405 name the methods of the path; an unknown path is a 404 that says so."""
    answer = await api.ask(method, path)
    assert (answer.status, answer.headers.get("Allow")) == (status, allow)
    assert status == 204 or answer.json["status"] == status


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("colour=red", "colour"),
        ("period=1d", "period"),
        ("period=", "period"),
        ("period=7d&from=2026-01-01", "period"),
        ("from=2026-02-30", "from"),
        ("from=20260101", "from"),
        ("from=2026-02-01&to=2026-01-01", "to"),
        ("to=2026-01-01", "from"),
        ("from=2000-01-01", "from"),
        ("limit=0", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("offset=-1", "offset"),
        ("sort=colour", "sort"),
        ("feature=", "feature.0"),
        ("product=cars", "product.0"),
        ("compare=next", "compare"),
    ],
)
async def test_a_bad_parameter_is_named(api: Api, query: str, field: str) -> None:
    """The 400 names the field at fault and the reason."""
    customer = await api.customer()
    answer = await api.ask("GET", f"usage/by-feature?{query}", customer.key)
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert answer.fields == [field]


async def test_no_operation_ignores_a_parameter(api: Api) -> None:
    """One that the contract does not name is refused by its name, also where there are none at all."""
    customer = await api.customer()
    keys = {"operator": OPERATOR_KEY, "alerts": await api.new_key(customer.id, "alerts")}
    for one in OPERATIONS:
        path = one.path.replace("{tenant_id}", customer.id).replace("{rule_id}", "default")
        key = keys.get(one.caller, customer.key)
        answer = await api.ask(one.method, f"{path}?colour=red", key, body={})
        assert (one.name, answer.status) == (one.name, 400)
        assert "colour" in answer.fields, one.name
