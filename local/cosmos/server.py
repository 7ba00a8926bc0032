"""The endpoint: one HTTP server over one store."""

import asyncio
import base64
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web

from local.cosmos import control, documents, metadata
from local.cosmos.errors import CosmosError
from local.cosmos.faults import Entry, Fault, Faults, Requests
from local.cosmos.store import open_store
from local.cosmos.wire import Answer, Call, authorize

# The published key of Microsoft's own emulator: clients and tools know it, and it opens nothing.
EMULATOR_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="


class LocalCosmos:
    """An Azure Cosmos DB (NoSQL) account on this machine, for development and tests.

    `async with LocalCosmos() as cosmos: CosmosClient(cosmos.url, cosmos.key)`. `path` is the SQLite
    file (default: in memory), port 0 a free port, `clock` the time in seconds since 1970 (for
    `_ts` and TTL), `aad` says whether a Microsoft Entra token is accepted (default: none is).
    """

    def __init__(
        self,
        path: str = ":memory:",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        key: str = EMULATOR_KEY,
        aad: Callable[[str], bool] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.key = key
        self.url = ""
        self.faults = Faults()
        self.requests = Requests()
        self._key = base64.b64decode(key, validate=True)
        self._aad = aad
        self._store = open_store(path, clock)
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=5)
        self._address = (host, port)

    async def start(self) -> None:
        """Listen; `url` is known from then on. OSError when the port is taken."""
        await self._runner.setup()
        await web.TCPSite(self._runner, *self._address).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/"

    async def close(self) -> None:
        """Finish the requests under way, stop listening and close the file."""
        await self._runner.cleanup()
        self._store.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        data = await request.content.read()
        call = Call(request.method, request.rel_url.raw_path, request.headers, data)
        fault: Fault | None = None
        try:
            if call.segments[:1] == ["_local"]:
                return _response(control.answer(call, self.faults, self.requests), call)
            authorize(call, self._key, self._aad)
            if self.faults.active and call.kind != "metadata":
                fault = self.faults.match(call.kind, call.container, call.ids())
            answer = await self._perform(call, fault)
        except CosmosError as error:
            answer = Answer.of_error(error)
        lost = fault is not None and fault.when == "lost"
        self._log(call, answer, lost=lost)
        if lost and request.transport is not None:
            request.transport.abort()
        return _response(answer, call)

    async def _perform(self, call: Call, fault: Fault | None) -> Answer:
        """Do what is asked, as the fault lets it."""
        if fault is None:
            return self._answer(call)
        await asyncio.sleep(fault.delay_ms / 1000)
        if fault.status and fault.when == "before":
            raise fault.error()
        answer = self._answer(call)
        if fault.status and fault.when == "after":
            raise fault.error()
        return answer

    def _answer(self, call: Call) -> Answer:
        if call.kind == "metadata":
            return metadata.answer(self._store, call, self.url)
        self.faults.admit()
        try:
            answer = documents.answer(self._store, call)
        except CosmosError as error:
            self.faults.spend(error.charge)
            raise
        self.faults.spend(answer.charge)
        return answer

    def _log(self, call: Call, answer: Answer, *, lost: bool) -> None:
        status = 0 if lost else answer.status
        size = 0 if lost else len(answer.body or b"")
        entry = Entry(call.kind, call.container, status, answer.charge, len(call.data), size)
        self.requests.add(entry)


def _response(answer: Answer, call: Call) -> web.Response:
    headers = {
        "x-ms-request-charge": str(answer.charge),
        "x-ms-activity-id": call.headers.get("x-ms-activity-id", ""),
        **answer.headers,
    }
    if answer.body is not None:
        headers["Content-Type"] = "application/json"
    return web.Response(status=answer.status, body=answer.body, headers=headers)
