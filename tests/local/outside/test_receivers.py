"""Webhooks and tickets: signatures are checked, and a repeated ticket is one ticket."""

import base64

import pytest

from tests.local.outside.conftest import RULE, Visitor, secret

OTHER = "whsec_" + base64.b64encode(b"another secret of somebody").decode()


@pytest.mark.parametrize("rotations", [0, 1, 7])
async def test_a_call_with_the_secret_of_the_rule_is_verified(visitor: Visitor, rotations: int) -> None:
    """However often the secret was rotated."""
    rotated = RULE.model_copy(update={"webhook_generation": rotations})
    assert await visitor.call(secret(rotated)) == 204
    (call,) = await visitor.listed("webhooks")
    assert (call["is_verified"], call["path"]) == (True, "/hooks/contoso/default")
    assert f"secret {rotations} " in call["verdict"]


@pytest.mark.parametrize(
    ("signed_with", "path"),
    [
        (OTHER, "/hooks/contoso/default"),
        (secret(), "/hooks/fabrikam/default"),
        (secret(), "/hooks/contoso/x"),
    ],
)
async def test_a_call_with_another_secret_is_not(visitor: Visitor, signed_with: str, path: str) -> None:
    """It is kept and shown as not verified, with the reason."""
    await visitor.call(signed_with, path)
    (call,) = await visitor.listed("webhooks")
    assert not call["is_verified"]
    assert "No matching signature" in call["verdict"]


@pytest.mark.parametrize("signature", ["", "v1", "v1,***", "v1,ÿ", "v1,AAAA v2,x"])
async def test_a_broken_signature_is_not_verified(visitor: Visitor, signature: str) -> None:
    """Whatever stands in the headers and the body, it is an answer and no failure."""
    headers = {"webhook-id": "m", "webhook-timestamp": "9" * 30, "webhook-signature": signature}
    async with visitor.http.post("/hooks/contoso/default", data=b"\xff", headers=headers) as response:
        assert response.status == 204
    (call,) = await visitor.listed("webhooks")
    assert not call["is_verified"]


async def test_a_caller_may_want_another_answer(visitor: Visitor) -> None:
    """`answer` is the status of the answer; one that is none is refused."""
    assert await visitor.call(secret(), "/hooks/contoso/default?answer=410") == 410
    assert await visitor.call(secret(), "/hooks/contoso/default?answer=99") == 400


async def test_a_ticket_is_made_once_for_a_key(visitor: Visitor) -> None:
    """The same key again gives the same ticket; another key another one."""
    first = await visitor.ticket("a", body={"title": "Quota"})
    again = await visitor.ticket("a", body={"title": "Quota"})
    other = await visitor.ticket("b", body={"title": "Budget"})
    assert [status for status, _ in (first, again, other)] == [201, 200, 201]
    assert first[1] == again[1] != other[1]
    assert [(one["key"], one["requests"]) for one in await visitor.listed("tickets")] == [("b", 1), ("a", 2)]


async def test_a_ticket_needs_token_and_key(visitor: Visitor) -> None:
    """Without them none is made, and the answer says why. The token is shown nowhere."""
    assert await visitor.ticket("a", token="wrong") == (401, "Authorization: is not the token of tickets")
    assert await visitor.ticket("") == (400, "Idempotency-Key: is needed")
    await visitor.ticket("a")
    (ticket,) = await visitor.listed("tickets")
    assert "authorization" not in {name.lower() for name, _ in ticket["headers"]}
