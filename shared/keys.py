"""API keys: what a client shows to reach the usage of its tenant. Only their hashes are stored."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.errors import NotAllowed, NotAuthenticated
from shared.event import TenantId, Text128

PREFIX = "oneai_"
KEY_ID = re.compile(r"[0-9a-f]{32}")

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


@dataclass(frozen=True, slots=True)
class Access:
    """What a credential opens: whose usage ("" for nobody's), and to do what."""

    tenant_id: str
    scopes: frozenset[str]


class Keys(Protocol):
    """Where keys are kept."""

    async def find(self, key_id: str) -> ApiKey | None:
        """The key of that id, possibly as it was half a minute ago."""
        ...


class Tokens(Protocol):
    """Who can tell what a token opens."""

    async def access(self, token: str) -> Access:
        """What the token opens. Raises NotAuthenticated, or Unavailable when that cannot be told now."""
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


async def authenticate(
    keys: Keys, shown: str | None, needed: Scope, now: datetime, tokens: Tokens | None = None
) -> Access:
    """What the API key or token that a client shows opens, if it may do what it asks for.

    Raises NotAuthenticated (missing, unknown, expired or revoked), NotAllowed (scope, or a token without
    a tenant) or Unavailable.
    """
    if not shown:
        raise NotAuthenticated("An API key is needed: Authorization: Bearer oneai_…")
    if tokens and not shown.startswith(PREFIX):
        access = await tokens.access(shown)
    else:
        access = await _access_of_key(keys, shown, now)
    if needed not in access.scopes:
        raise NotAllowed(f"The API key or token lacks the scope {needed!r}.")
    if not access.tenant_id:
        raise NotAllowed("The token names no tenant.")
    return access


async def _access_of_key(keys: Keys, shown: str, now: datetime) -> Access:
    key = await keys.find(key_id(shown)) if shown.startswith(PREFIX) else None
    if key is None or key.revoked:
        raise NotAuthenticated("The API key is not known.")
    if key.expires is not None and key.expires <= now:
        raise NotAuthenticated("The API key has expired.")
    return Access(key.tenant_id, frozenset(key.scopes))


async def check_operator(shown: str | None, operator_key_sha256: str, tokens: Tokens | None = None) -> None:
    """Raises NotAuthenticated or NotAllowed unless this is the operator's key, or the token of one."""
    if is_operator(shown, operator_key_sha256):
        return
    if not tokens or not shown or shown.startswith(PREFIX):
        raise NotAuthenticated("The operator key is needed: Authorization: Bearer …")
    if "operator" not in (await tokens.access(shown)).scopes:
        raise NotAllowed("The token lacks the role of an operator.")


def is_operator(shown: str | None, operator_key_sha256: str) -> bool:
    """Whether this is the operator's key. Compared in constant time."""
    if not shown:
        return False  # even if the setting is the hash of nothing
    digest = hashlib.sha256(shown.encode()).hexdigest()
    return secrets.compare_digest(digest, operator_key_sha256)
