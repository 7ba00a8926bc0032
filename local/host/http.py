"""The HTTP trigger: requests in, function answers out."""

import asyncio
import logging
from collections.abc import Iterable

from aiohttp import web
from azure_functions_runtime.bindings.datumdef import Datum

from .admin import Admin
from .keys import Keys
from .routes import Routes
from .static import StaticSite
from .worker import InvocationFailed, Worker

log = logging.getLogger("host")

MAX_BODY = 100 * 1024 * 1024
ANSWER_SECONDS = 230  # the load balancer in front of the real host waits no longer


class HttpListener:
    """Answers every request of the host: functions by route, /admin, and the static page."""

    def __init__(
        self,
        routes: Routes,
        worker: Worker,
        keys: Keys,
        admin: Admin,
        answer_seconds: float = ANSWER_SECONDS,
        site: StaticSite | None = None,
    ) -> None:
        self._routes = routes
        self._worker = worker
        self._keys = keys
        self._admin = admin
        self._answer_seconds = answer_seconds
        self._site = site

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path = request.rel_url.path_safe  # keeps %2F, as ASP.NET does
        if path.startswith("/admin/"):
            return await self._admin.handle(request)
        found = self._routes.find(request.method, path)
        if found is None:
            page = self._site and self._site.handle(request)
            return page or web.Response(status=404)
        function, parameters = found
        if not self._keys.allow(request, function.trigger.get("authLevel", "FUNCTION").lower()):
            return web.Response(status=401)
        if (request.content_length or 0) > MAX_BODY:
            return web.Response(status=413)
        task = self._worker.start(function, await request_datum(request, parameters))
        done, _ = await asyncio.wait((task,), timeout=self._answer_seconds)
        if not done:
            log.error("function %s gave no answer in %s s", function.name, self._answer_seconds)
            return web.Response(status=504)
        try:
            return response(task.result())
        except InvocationFailed:
            return web.Response(status=500)


async def request_datum(request: web.BaseRequest, parameters: dict[str, str]) -> Datum:
    """The request as the worker library takes it."""
    url = request.rel_url
    query = _joined(url.query.items()) if url.raw_query_string else {}
    # The real host forwards a body only if its length is known: a chunked one arrives empty.
    body = await request.content.read() if request.content_length else b""
    return Datum(
        {
            "method": _string(request.method),
            "url": _string(f"{request.scheme}://{request.host}{request.raw_path}"),
            "headers": _joined(request.headers.items(), lower=True),
            "query": {name: value for name, value in query.items() if value.value},
            "params": {k: _string(v.replace("%25", "%")) for k, v in parameters.items()},
            "body": Datum(body, "bytes"),
        },
        "http",
    )


def response(datum: Datum) -> web.Response:
    """What a function returned, as an HTTP answer."""
    if datum.type != "http":  # a plain str
        return web.Response(text=datum.value)
    value = datum.value
    answer = web.Response(
        status=int(value["status_code"].value),
        body=value["body"].value,
        headers={name: header.value for name, header in value["headers"].items()},
    )
    for cookie in value["cookies"] or ():
        for morsel in cookie.values():
            answer.headers.add("Set-Cookie", morsel.OutputString())
    return answer


def _string(text: str) -> Datum:
    return Datum(text, "string")


def _joined(items: Iterable[tuple[str, str]], *, lower: bool = False) -> dict[str, Datum]:
    """Repeated names become one value, joined by commas."""
    values: dict[str, str] = {}
    for given, value in items:
        name = given.lower() if lower else given
        values[name] = f"{values[name]},{value}" if name in values else value
    return {name: Datum(value, "string") for name, value in values.items()}
