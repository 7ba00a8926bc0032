"""Everybody but us: PostgreSQL, and the process that has the column stores and answers for all of them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import orjson
from psycopg import Connection

from bench import postgres
from bench.contenders import Database, get
from bench.data import Day
from bench.engines import event_columns, rollup_columns
from bench.parquet import write_parquet
from bench.report import progress
from local.stack import Process
from shared.cube import Cube


@dataclass(frozen=True, slots=True)
class Databases:
    """Those that are installed; they are loaded first."""

    session: aiohttp.ClientSession
    url: str
    file: Path
    postgres: Connection | None
    contenders: list[Database]

    async def load(self, days: Sequence[tuple[Day, Cube]]) -> None:
        """Adds the events of some days."""
        columns = [event_columns(day) for day, _ in days]
        write_parquet(self.file, columns)
        await self._tell("load", str(self.file))
        if self.postgres:
            for (day, cube), events in zip(days, columns, strict=True):
                postgres.load(self.postgres, "events", day, events)
                for name, users in (("feature_days", False), ("user_days", True)):
                    postgres.load(self.postgres, name, day, rollup_columns(day, cube, users=users))

    async def finish(self) -> None:
        """Makes everybody ready to be asked."""
        await self._tell("finish")
        if self.postgres:
            postgres.finish(self.postgres)

    async def _tell(self, what: str, body: str = "") -> None:
        async with self.session.post(f"{self.url}/{what}", data=body) as response:
            response.raise_for_status()


@asynccontextmanager
async def databases(folder: Path, session: aiohttp.ClientSession) -> AsyncIterator[Databases]:
    """Runs them."""
    async with AsyncExitStack() as running:
        connection = None
        try:
            connection = running.enter_context(postgres.cluster())
        except postgres.NotInstalled as missing:
            progress(f"PostgreSQL is not installed: no {missing}")
        socket = ("--postgres", connection.info.host) if connection else ()
        service = await Process.start(
            "The databases' service", "bench.service", str(folder), *socket, environment={}
        )
        running.push_async_callback(service.stop)
        names = orjson.loads((await get(session, service.url)).body)
        contenders = [Database(name, session, service.url) for name in names]
        yield Databases(session, service.url, folder / "events.parquet", connection, contenders)
