"""The admin routes: run a function now, and the state of the host. They take the master key."""

import asyncio
import json
import re
import time
from collections.abc import Iterable
from importlib.metadata import version

from aiohttp import web
from azure_functions_runtime.bindings.datumdef import Datum

from .keys import Keys
from .timers import timer_datum
from .worker import Function, InvocationFailed, Worker


class Admin:
    """Answers the requests under /admin/."""

    def __init__(self, functions: Iterable[Function], worker: Worker, keys: Keys, host_id: str) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._worker = worker
        self._keys = keys
        self._host_id = host_id
        self._started = time.monotonic()

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Answer a request whose path begins with /admin/."""
        if not self._keys.allow(request, "admin"):
            return web.Response(status=401)
        path = request.path.removeprefix("/admin/").rstrip("/").lower()
        if request.method == "GET" and path == "host/status":
            return self._status()
        if request.method == "POST" and path.startswith("functions/"):
            function = self._functions.get(path.removeprefix("functions/"))
            if function is not None:
                return await self._run(request, function)
        return web.Response(status=404)

    def _status(self) -> web.Response:
        uptime = round((time.monotonic() - self._started) * 1000)
        status = {"id": self._host_id, "state": "Running", "processUptime": uptime}
        return web.json_response(status | {"version": version("azure-functions-runtime")})

    async def _run(self, request: web.BaseRequest, function: Function) -> web.Response:
        """Start the function: 202; with `Prefer: wait=N`, 200 or 500 if it ends in time."""
        try:
            given = json.loads(await request.read()).get("input")
        except (ValueError, AttributeError):  # the real host refuses a missing body, too
            return web.Response(status=400, text='the body must be a JSON object: {"input": "..."}')
        if function.kind == "timerTrigger":
            task = self._worker.start(function, timer_datum())
        elif function.kind == "queueTrigger" and given is not None:
            text = given if isinstance(given, str) else json.dumps(given)
            task = self._worker.start(function, Datum(text, "string"), {})
        else:
            return web.Response(status=400, text="only a timer, or a queue function with an input")
        return await _outcome(task, request.headers.get("Prefer", ""))


async def _outcome(task: "asyncio.Task[Datum | None]", prefer: str) -> web.Response:
    wait = re.search(r"\bwait=(\d+)", prefer)
    if wait is None:
        return web.Response(status=202)
    headers = {"Preference-Applied": wait[0]}
    done, _ = await asyncio.wait((task,), timeout=int(wait[1]))
    if not done:
        return web.Response(status=202, headers=headers)
    try:
        task.result()
    except InvocationFailed as error:
        return web.Response(status=500, text=str(error), headers=headers)
    return web.Response(status=200, headers=headers)
