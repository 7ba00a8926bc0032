"""API keys: only hashes are stored, and only a good key with the scope gets in."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from shared.errors import NotAllowed, NotAuthenticated
from shared.keys import PREFIX, ApiKey, KeySettings, Scope, authenticate, is_operator, issue, new_key
from tests.fakes import NOW

READ = KeySettings(scopes=["read"])


class FakeKeys:
    """Keys in a dict."""

    def __init__(self, *keys: ApiKey) -> None:
        self.keys = {key.id: key for key in keys}

    async def find(self, key_id: str) -> ApiKey | None:
        """The key of that id."""
        return self.keys.get(key_id)


def issued(**changes: object) -> tuple[str, FakeKeys]:
    """A key, and the store that has it."""
    key, stored = issue("contoso", READ, NOW)
    return key, FakeKeys(stored.model_copy(update=changes))


async def test_an_issued_key_opens_its_own_tenant() -> None:
    """Until it expires, which none does by itself."""
    key, keys = issued()
    assert (await authenticate(keys, key, "read", NOW + timedelta(days=9_999))).tenant_id == "contoso"


def test_only_a_hash_of_a_key_is_stored() -> None:
    """Nothing of the key itself, not even a part."""
    key, stored = issue("contoso", READ, NOW)
    secret = key.removeprefix(PREFIX)
    assert len(secret) >= 43
    assert secret[:8] not in stored.model_dump_json()
    assert hashlib.sha256(key.encode()).hexdigest().startswith(stored.id)
    assert len(stored.id) == 32
    assert new_key() != new_key()


@pytest.mark.parametrize(
    "changes", [{"revoked": True}, {"expires": NOW}, {"expires": NOW - timedelta(seconds=1)}]
)
async def test_a_key_that_is_no_longer_good_is_refused(changes: dict[str, Any]) -> None:
    """Revoked, or expired at this very moment."""
    key, keys = issued(**changes)
    with pytest.raises(NotAuthenticated):
        await authenticate(keys, key, "read", NOW)


async def test_a_key_is_good_until_the_moment_it_expires() -> None:
    """Not a second less."""
    key, keys = issued(expires=NOW + timedelta(seconds=1))
    assert await authenticate(keys, key, "read", NOW)


@pytest.mark.parametrize("shown", [None, "", "oneai_", "oneai_unknown", "é\u2028", "x" * 10_000])
async def test_an_unknown_key_is_refused(shown: str | None) -> None:
    """Whatever it looks like."""
    with pytest.raises(NotAuthenticated):
        await authenticate(issued()[1], shown, "read", NOW)


async def test_the_id_of_a_key_is_no_key() -> None:
    """Who reads the store cannot get in with it."""
    _, keys = issued()
    (stored,) = keys.keys
    for shown in (stored, PREFIX + stored):
        with pytest.raises(NotAuthenticated):
            await authenticate(keys, shown, "read", NOW)


@pytest.mark.parametrize("scope", ["ingest", "alerts"])
async def test_a_key_without_the_scope_is_not_allowed(scope: Scope) -> None:
    """It is known, so that this is another error."""
    key, keys = issued()
    with pytest.raises(NotAllowed, match=scope):
        await authenticate(keys, key, scope, NOW)


@pytest.mark.parametrize(
    "settings", [{}, {"scopes": []}, {"scopes": ["all"]}, {"scopes": ["read"], "id": "x"}]
)
def test_a_key_needs_scopes_that_there_are(settings: dict[str, Any]) -> None:
    """Bad settings are refused."""
    with pytest.raises(ValidationError):
        KeySettings.model_validate(settings)


@pytest.mark.parametrize(
    ("shown", "stored", "opens"),
    [
        ("secret", "secret", True),
        ("Secret", "secret", False),
        ("secret ", "secret", False),
        ("", "", False),
        (None, "", False),
        (None, "secret", False),
        ("é", "é", True),
    ],
)
def test_the_operator_s_key_is_compared_by_its_hash(shown: str | None, stored: str, opens: bool) -> None:
    """Nobody is the operator without a key, even if the setting is the hash of nothing."""
    assert is_operator(shown, hashlib.sha256(stored.encode()).hexdigest()) is opens
    assert not is_operator(shown, "")
