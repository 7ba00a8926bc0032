"""Who may send requests."""

from urllib.parse import quote

import aiohttp
import pytest
from azure.cosmos.exceptions import CosmosHttpResponseError

from local.cosmos import EMULATOR_KEY, LocalCosmos
from tests.local.cosmos.conftest import new_client

OTHER_KEY = "b3RoZXIga2V5"


async def test_wrong_key_is_401() -> None:
    """A request that is signed with another key is refused from the first one on."""
    async with LocalCosmos(key=OTHER_KEY) as cosmos:
        stranger = new_client(cosmos, EMULATOR_KEY)
        with pytest.raises(CosmosHttpResponseError, match="can't serve the request") as caught:
            await stranger.create_database("usage")
        await stranger.close()
        assert caught.value.status_code == 401
        async with new_client(cosmos) as client:
            await client.create_database("usage")


@pytest.mark.parametrize(("token", "status"), [("good", 200), ("bad", 401), ("", 401), ("good&sig=x", 401)])
async def test_entra_token_is_for_the_verifier(token: str, status: int) -> None:
    """A Microsoft Entra token is accepted when the verifier that was given says so."""
    async with LocalCosmos(aad=lambda given: given == "good") as cosmos:
        assert await _status(cosmos, f"type=aad&ver=1.0&sig={token}") == status


@pytest.mark.parametrize("header", ["type=aad&ver=1.0&sig=good", "type=master&ver=1.0&sig=", "x"])
async def test_anything_else_is_401(cosmos: LocalCosmos, header: str) -> None:
    """Without a verifier no token is accepted, and no unsigned request."""
    assert await _status(cosmos, header) == 401
    async with aiohttp.ClientSession() as session, session.get(f"{cosmos.url}dbs") as answer:
        assert answer.status == 401


async def _status(cosmos: LocalCosmos, authorization: str) -> int:
    headers = {"authorization": quote(authorization, safe="-_.!~*'()")}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(f"{cosmos.url}dbs") as answer,
    ):
        return answer.status
