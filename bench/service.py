"""The databases behind HTTP, in a process of their own: the smallest server that answers as ours does.

    python -m bench.service FOLDER [--postgres SOCKET_FOLDER]

Nobody is asked for a key and nothing is checked. An answer has names in place of codes, and a header that
says how long the query alone took. One question is answered at a time.
"""

import argparse
import asyncio
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, cast

import orjson
from aiohttp import web

from bench.contenders import TIMING, timing
from bench.data import users_of, values_of
from bench.engines import KEYS, SUMS, ColumnStore, Engine, Question, View

FEATURES = values_of("feature")


class Server:
    """Answers for some engines; those of them that are column stores load files when told to."""

    def __init__(self, stores: Sequence[ColumnStore], others: Sequence[Engine] = ()) -> None:
        self._stores = stores
        self._engines: dict[str, Engine] = {one.name: one for one in (*stores, *others)}

    def application(self) -> web.Application:
        """What is served."""
        app = web.Application()
        app.router.add_get("/", self.names)
        app.router.add_post("/load", self.load)
        app.router.add_post("/finish", self.finish)
        app.router.add_get("/{view}", self.ask)
        return app

    async def names(self, _: web.Request) -> web.Response:
        """Who can be asked."""
        return web.Response(body=orjson.dumps([*self._engines]))

    async def load(self, request: web.Request) -> web.Response:
        """Adds the rows of a file, whose path is the body."""
        path = Path(await request.text())
        for store in self._stores:
            store.load(path)
        return web.Response()

    async def finish(self, _: web.Request) -> web.Response:
        """Makes the stores ready to be asked."""
        for store in self._stores:
            store.finish()
        return web.Response()

    async def ask(self, request: web.Request) -> web.Response:
        """A view of one engine."""
        given, view = request.query, cast("View", request.match_info["view"])
        first, last = date.fromisoformat(given["first"]), date.fromisoformat(given["last"])
        question = Question(view, int(given["tenant"]), first, last)
        started = time.perf_counter()
        rows = self._engines[given["engine"]].rows(question)
        seconds = time.perf_counter() - started
        headers = {TIMING: timing(seconds)}
        return web.Response(body=body_of(question, rows), headers=headers, content_type="application/json")


def body_of(question: Question, rows: Sequence[Sequence[Any]]) -> bytes:
    """The JSON of an answer."""
    key, name = KEYS[question.view], _names(question)
    data = [{key: name(row[0]), **dict(zip(SUMS, row[1:], strict=True))} for row in rows]
    return orjson.dumps({"data": data}, default=int)  # PostgreSQL's sums are decimals


def _names(question: Question) -> Callable[[Any], str | None]:
    """What stands for a code; days come as dates or as their text."""
    if question.view == "daily":
        return str
    return (users_of(question.tenant) if question.view == "by-user" else FEATURES).__getitem__


@contextmanager
def engines(folder: Path, socket: Path | None) -> Iterator[Server]:
    """The column stores in that folder, and PostgreSQL if there is one."""
    from bench import postgres
    from bench.columnar import ClickHouse, DuckDb

    stores: list[ColumnStore] = [ClickHouse(folder / "clickhouse"), DuckDb(folder)]
    tables = postgres.tables(postgres.connect(socket)) if socket else []
    try:
        yield Server(stores, tables)
    finally:
        for one in stores:
            one.close()


async def serve(server: Server) -> None:
    """Says where it listens, and serves until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(server.application(), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(f"Databases at http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await stop.wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m bench.service", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the column stores keep their data")
    parser.add_argument("--postgres", type=Path, help="the folder of PostgreSQL's socket")
    options = parser.parse_args()
    with engines(options.folder, options.postgres) as server:
        asyncio.run(serve(server))


if __name__ == "__main__":
    main()
