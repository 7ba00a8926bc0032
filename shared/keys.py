"""API keys: what a client shows to reach the usage of its tenant. Only their hashes are stored."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.errors import NotAllowed, NotAuthenticated
from shared.event import TenantId, Text128

PREFIX = "oneai_"

type Scope = Literal["read", "ingest", "alerts"]


class KeySettings(BaseModel):
    """What an operator says of a new key."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Text128 = "key"
    scopes: list[Scope] = Field(min_length=1, max_length=3, examples=[["read"]])
    expires: AwareDatetime | None = None


class ApiKey(KeySettings):
    """A key that was issued; `id` is the beginning of its hash."""

    id: str
    tenant_id: TenantId
    created: AwareDatetime
    revoked: bool = False


class Keys(Protocol):
    """Where keys are kept."""

    async def find(self, key_id: str) -> ApiKey | None:
        """The key of that id, possibly as it was half a minute ago."""
        ...


def new_key() -> str:
    """A key of 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def key_id(key: str) -> str:
    """128 bits of the key's SHA-256: keys are random, so that no salt or slow hash is needed."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def issue(tenant_id: str, settings: KeySettings, now: datetime) -> tuple[str, ApiKey]:
    """A new key, shown once, and what is stored of it."""
    key = new_key()
    return key, ApiKey(**settings.model_dump(), id=key_id(key), tenant_id=tenant_id, created=now)


async def authenticate(keys: Keys, shown: str | None, needed: Scope, now: datetime) -> ApiKey:
    """The key behind what a client shows, if it may do what it asks for.

    Raises NotAuthenticated (missing, unknown, expired or revoked) or NotAllowed (scope).
    """
    if not shown:
        raise NotAuthenticated("An API key is needed: Authorization: Bearer oneai_…")
    key = await keys.find(key_id(shown)) if shown.startswith(PREFIX) else None
    if key is None or key.revoked:
        raise NotAuthenticated("The API key is not known.")
    if key.expires is not None and key.expires <= now:
        raise NotAuthenticated("The API key has expired.")
    check_scope(key.scopes, needed)
    return key


def check_scope(scopes: Collection[Scope], needed: Scope) -> None:
    """Raises NotAllowed unless the scope is there."""
    if needed not in scopes:
        raise NotAllowed(f"The API key lacks the scope {needed!r}.")


def is_operator(shown: str | None, operator_key_sha256: str) -> bool:
    """Whether this is the operator's key. Compared in constant time."""
    if not shown:
        return False  # even if the setting is the hash of nothing
    digest = hashlib.sha256(shown.encode()).hexdigest()
    return secrets.compare_digest(digest, operator_key_sha256)
