"""The operator's directory of users over HTTP: who is known, who is renamed, who is erased."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.stack import Api, Customer


async def customer(api: Api) -> Customer:
    """A tenant with two users who have a name, stored and folded."""
    one = await api.customer()
    ann = {"id": "ann", "name": "Ann Lee", "email": "ann@x"}
    users = (ann, ann, {"id": "bob", "name": "Bob"}, {"id": "cy"})
    await one.post(*(one.event(user=user, cost_usd="0.5") for user in users))
    await api.run_timer("fold_days")
    return one


async def known(one: Customer, page: str = "") -> list[tuple[str, str | None, str | None]]:
    """The users that the operator reads of."""
    found = await one.api.operate("GET", f"tenants/{one.id}/users{page}")
    return [(user["user_id"], user["name"], user["email"]) for user in found["data"]]


async def shown(one: Customer, **given: object) -> dict[str, tuple[int, str | None, str | None]]:
    """Requests, name and email of each user, as the tenant reads them."""
    found = await one.get("by-user", **given)
    return {row["user_id"]: (row["requests"], row["name"], row["email"]) for row in found["data"]}


async def test_the_directory_is_paged(api: Api) -> None:
    """Everybody who came with a name or an email, by id, each on one page."""
    one = await customer(api)
    expected = [("ann", "Ann Lee", "ann@x"), ("bob", "Bob", None)]
    assert await known(one) == expected
    assert [await known(one, f"?limit=1&offset={offset}") for offset in (0, 1, 2)] == [
        expected[:1], expected[1:], [],
    ]  # fmt: skip
    page = await api.operate("GET", f"tenants/{one.id}/users?limit=1&offset=1")
    assert page["pagination"] == {"limit": 1, "offset": 1, "total": 2}


async def test_the_operator_says_who_a_user_is(api: Api) -> None:
    """It is shown at once, whatever characters the id has, until a later event says otherwise."""
    one = await customer(api)
    strange = "auth0|ü/1 %"
    for user, name in (("bob", "Robert"), (strange, "Strange")):
        answer = await api.operate(
            "PUT", f"tenants/{one.id}/users?user_id={quote(user, safe='')}", {"name": name}
        )
        assert (answer["user_id"], answer["name"], answer["email"]) == (user, name, None)
    assert ("bob", "Robert", None) in await known(one)
    assert (strange, "Strange", None) in await known(one)
    assert (await shown(one))["bob"] == (1, "Robert", None)


async def test_an_erased_user_is_shown_under_a_pseudonym(api: Api) -> None:
    """No name, no email, no id, before and after a further event; every sum stays."""
    one = await customer(api)
    before = (await one.get("summary"))["totals"]
    pseudonym = (await api.operate("DELETE", f"tenants/{one.id}/users?user_id=ann"))["pseudonym"]
    assert (await one.get("summary"))["totals"] == before
    others = {"bob": (1, "Bob", None), "cy": (1, None, None)}
    assert await shown(one) == {pseudonym: (2, None, None), **others}
    assert await shown(one, user="ann") == await shown(one, q="ann") == {}
    assert await shown(one, user=pseudonym) == {pseudonym: (2, None, None)}
    assert await known(one) == [("bob", "Bob", None)]
    await one.post(one.event(user={"id": "ann", "name": "Ann Lee", "email": "ann@x"}))
    assert await shown(one) == {pseudonym: (3, None, None), **others}
    assert (await api.operate("DELETE", f"tenants/{one.id}/users?user_id=ann"))["pseudonym"] == pseudonym
    refused = await api.refused("PUT", f"tenants/{one.id}/users?user_id=ann", {"name": "Ann"})
    assert refused.status == 409


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "users", None, 404),
        ("PUT", "users?user_id=ann", {"name": "Ann"}, 404),
        ("DELETE", "users?user_id=ann", None, 404),
    ],
)
async def test_an_unknown_tenant_has_no_users(
    api: Api, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    """There is nothing to read, to write or to erase."""
    assert (await api.refused(method, f"tenants/no-such-tenant/{path}", body)).status == status


@pytest.mark.parametrize(
    ("method", "path", "body", "fields"),
    [
        ("GET", "users?limit=0", None, ["limit"]),
        ("GET", "users?colour=red", None, ["colour"]),
        ("PUT", "users?user_id=ann", {"nick": "A"}, ["nick"]),
        ("PUT", "users?user_id=ann", {"name": ""}, ["name"]),
        ("PUT", f"users?user_id={'a' * 129}", {"name": "A"}, ["user_id"]),
        ("DELETE", "users?user_id=%07", None, ["user_id"]),
    ],
)
async def test_what_is_wrong_is_named(
    api: Api, method: str, path: str, body: dict[str, Any] | None, fields: list[str]
) -> None:
    """Every refusal says which parameter, field or id is at fault."""
    one = await api.customer()
    answer = await api.refused(method, f"tenants/{one.id}/{path}", body)
    assert (answer.status, answer.fields) == (400, fields)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "users"), ("PUT", "users?user_id=ann"), ("DELETE", "users?user_id=ann")]
)
async def test_only_the_operator_has_the_directory(api: Api, method: str, path: str) -> None:
    """A tenant's own key does not open it."""
    one = await customer(api)
    answer = await api.ask(method, f"operator/tenants/{one.id}/{path}", one.key, body={"name": "A"})
    assert answer.status == 401
    assert await known(one) == [("ann", "Ann Lee", "ann@x"), ("bob", "Bob", None)]
