"""An issuer like Microsoft Entra ID on this machine: real RSA keys, and a real address that lists them."""

import time
from functools import cache
from types import TracebackType
from typing import Any, Self

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

AUDIENCE = "api://usage-analytics"


@cache
def rsa_key(name: str) -> RSAPrivateKey:
    """The key of this name; the one called small is smaller than a key may be."""
    return generate_private_key(public_exponent=65_537, key_size=1_024 if name == "small" else 2_048)


def public_jwk(name: str) -> dict[str, Any]:
    """What an issuer publishes of a key; the name is its id."""
    found = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key(name).public_key(), as_dict=True)
    return {**found, "kid": name, "use": "sig"}


class Issuer:
    """Listens for the length of an `async with`; `published` are the keys, `status` what it answers."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = [public_jwk("key-1")]
        self.status = 200
        self.asked = 0
        self.base = ""

    @property
    def name(self) -> str:
        """The issuer, as tokens name it."""
        return f"{self.base}/contoso/v2.0"

    @property
    def jwks_uri(self) -> str:
        """Where the keys are listed."""
        return f"{self.base}/keys"

    def token(self, key: str = "key-1", **claims: Any) -> str:  # noqa: ANN401 - any JSON
        """A token as the issuer gives it, for now; a claim given as None is left out."""
        now = int(time.time())
        whole = {
            "iss": self.name,
            "aud": AUDIENCE,
            "nbf": now - 5,
            "exp": now + 3_600,
            "extension_tenantId": "contoso",
            "roles": ["Usage.Read"],
            **claims,
        }
        given = {name: value for name, value in whole.items() if value is not None}
        return jwt.encode(given, rsa_key(key), "RS256", {"kid": key})

    async def __aenter__(self) -> Self:
        async def answer(request: web.BaseRequest) -> web.Response:
            self.asked += 1
            return web.json_response({"keys": self.published}, status=self.status)

        self._runner = web.ServerRunner(web.Server(answer))
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.base = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
