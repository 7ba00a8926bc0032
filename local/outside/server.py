"""One SMTP server and one HTTP server over one store of arrivals."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from local.outside.arrivals import Arrivals, Mail
from local.outside.mail import protocol
from local.outside.pages import KINDS, MAIL_POLICY, PAGE_POLICY, TEMPLATES, inbox, mail_document
from local.outside.receivers import ARRIVALS, take_ticket, take_webhook

HOST = "127.0.0.1"
MAX_BYTES = 1_000_000
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


class Outside:
    """Where mails, webhooks and tickets arrive: `async with Outside() as outside`.

    Port 0 is a free one; `smtp` and `url` say where it listens. Arrivals are kept in `folder`, else in
    memory only.
    """

    def __init__(self, folder: Path | None = None, *, smtp: int = 0, http: int = 0) -> None:
        self.smtp = self.url = ""
        self.arrivals = Arrivals(folder)
        self._ports = (smtp, http)
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Listens. OSError when a port is taken."""
        smtp, http = self._ports
        async with AsyncExitStack() as opened:
            self.smtp = f"smtp://{HOST}:{await self._take_mails(opened, smtp)}"
            self.url = f"http://{HOST}:{await self._serve(opened, http)}"
            self._exit = opened.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.aclose()

    async def _take_mails(self, opened: AsyncExitStack, port: int) -> int:
        server = await asyncio.get_running_loop().create_server(protocol(self.arrivals), HOST, port)
        opened.callback(server.close)
        return int(server.sockets[0].getsockname()[1])

    async def _serve(self, opened: AsyncExitStack, port: int) -> int:
        runner = web.AppRunner(application(self.arrivals), shutdown_timeout=1)
        opened.push_async_callback(runner.cleanup)
        await runner.setup()
        await web.TCPSite(runner, HOST, port).start()
        return int(runner.addresses[0][1])


def application(arrivals: Arrivals) -> web.Application:
    """The web application."""
    app = web.Application(client_max_size=MAX_BYTES)
    app[ARRIVALS] = arrivals
    app.on_response_prepare.append(_add_headers)
    room, number = f"{{room:{'|'.join(KINDS)}}}", "{number:[0-9]{1,9}}"
    app.add_routes(
        [
            web.get("/", get_page),
            web.get(f"/{room}", get_page),
            web.get(f"/{room}/{number}", get_page),
            web.get(f"/mails/{number}/html", get_mail),
            web.get(f"/{room}.json", get_list),
            web.get("/look.css", get_look),
            web.post("/hooks/{tenant}/{rule}", take_webhook),
            web.post("/tickets", take_ticket),
        ]
    )
    return app


async def get_page(request: web.Request) -> web.Response:
    """A page of what arrived; the first one shows the mails."""
    room, number = request.match_info.get("room", "mails"), request.match_info.get("number")
    page = inbox(request.app[ARRIVALS], room, int(number) if number else None, request.query.get("tab", ""))
    return _html(page, PAGE_POLICY)


async def get_mail(request: web.Request) -> web.Response:
    """The HTML of a mail."""
    mail = request.app[ARRIVALS].find(Mail, int(request.match_info["number"]))
    return _html(mail_document(mail) if mail else None, MAIL_POLICY)


async def get_list(request: web.Request) -> web.Response:
    """What arrived, the newest first, for tests and scripts."""
    things = request.app[ARRIVALS].newest(KINDS[request.match_info["room"]])
    return web.json_response({"data": [thing.model_dump(mode="json") for thing in things]})


async def get_look(request: web.Request) -> web.FileResponse:
    """The style sheet of the pages."""
    return web.FileResponse(TEMPLATES / "look.css")


def _html(page: str | None, policy: str) -> web.Response:
    if page is None:
        raise web.HTTPNotFound(text="This is not here (any more).")
    headers = {"Content-Security-Policy": policy}
    return web.Response(text=page, content_type="text/html", charset="utf-8", headers=headers)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)
