"""An HTTP receiver on this machine that answers as told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Call:
    """What arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """Where it is, what arrived there, and how it answers."""

    url: str = ""
    calls: list[Call] = field(default_factory=list)
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    answer: Handler | None = None
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Keeps the call and answers."""
        self.calls.append(Call(request.path, request.headers.copy(), await request.read()))
        if self.answer:
            return await self.answer(request)
        return web.Response(status=self.status, headers=self.headers)

    async def never(self, request: web.Request) -> web.StreamResponse:
        """Does not answer."""
        await self.closing.wait()
        return web.Response()

    async def reset(self, request: web.Request) -> web.StreamResponse:
        """Breaks the connection."""
        assert request.transport
        request.transport.abort()
        return web.Response()

    async def endless(self, request: web.Request) -> web.StreamResponse:
        """Answers 200 and then sends for ever."""
        response = web.StreamResponse()
        await response.prepare(request)
        while not self.closing.is_set():
            await response.write(b"x" * 65_536)
            await asyncio.sleep(0)
        return response


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver for the length of a test."""
    made, app = Receiver(), web.Application()
    app.router.add_route("*", "/{path:.*}", made.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        made.closing.set()
        await runner.cleanup()
