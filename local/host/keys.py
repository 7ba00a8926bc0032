"""Access keys: who may call a function or an admin route."""

import hmac
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Keys:
    """The function key opens `function`, the master key everything; without keys all is open."""

    function: str | None = None
    master: str | None = None

    @property
    def enforced(self) -> bool:
        """Whether any key is set; if none is, all may call, as under `func start`."""
        return bool(self.function or self.master)

    def allow(self, request: web.BaseRequest, level: str) -> bool:
        """Whether the request's key (`x-functions-key`, else `?code=`) reaches the level."""
        if level == "anonymous" or not self.enforced:
            return True
        given = request.headers.get("x-functions-key") or request.rel_url.query.get("code") or ""
        accepted = (self.master,) if level == "admin" else (self.master, self.function)
        return any(key and hmac.compare_digest(given.encode(), key.encode()) for key in accepted)
