"""The whole service on one machine, as processes: stores, the Functions host, and the world outside."""

import asyncio
import hashlib
import os
import re
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from dashboard.build import DIST
from local.azurite import Azurite
from local.cosmos import EMULATOR_KEY
from local.outside import TICKETS_TOKEN, WEBHOOK_SECRET
from local.provision import provision
from shared.config import Settings, read_settings

APP = Path(__file__).parent.parent
START_SECONDS = 60
STOP_SECONDS = 15
RETRIES, RETRY_SECONDS = 10, 1.0  # of a host that dies while it starts again
OPERATOR_KEY = "operator_local-only"  # the key of a machine that nobody else reaches; no secret
MASTER_KEY = "master_local-only"


class CannotStart(Exception):
    """A part of the stack did not start; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the parts listen; 0 takes a free port."""

    host: int = 0
    cosmos: int = 0
    blob: int = 0
    queue: int = 0
    table: int = 0
    mail: int = 0
    outside: int = 0

    def check(self) -> None:
        """Raises CannotStart, which names the first port that is taken."""
        for name, port in asdict(self).items():
            try:
                socket.create_server(("127.0.0.1", port)).close()
            except OSError as error:
                raise CannotStart(f"port {port} (for the {name}) is not free: {error.strerror}") from error


@dataclass(slots=True)
class Process:
    """A Python program of ours that says on its first line where it listens: `said`."""

    name: str
    process: asyncio.subprocess.Process
    url: str
    said: str

    @classmethod
    async def start(cls, name: str, *arguments: str, environment: dict[str, str]) -> Self:
        """Runs `python -m` and waits for that line. Raises CannotStart with what it said instead."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *arguments,
            cwd=APP, env=os.environ | environment, stdout=asyncio.subprocess.PIPE,
            stderr=None, start_new_session=True,
        )  # fmt: skip
        assert process.stdout  # noqa: S101 - asked for above
        try:
            async with asyncio.timeout(START_SECONDS):
                line = (await process.stdout.readline()).decode()
        except BaseException as error:
            process.kill()
            await process.wait()
            if isinstance(error, TimeoutError):
                raise CannotStart(f"{name} did not start within {START_SECONDS} seconds") from error
            raise
        found = re.search(r"http://\S+", line)
        if not found:
            await process.wait()
            raise CannotStart(f"{name} did not start")
        return cls(name, process, found[0].rstrip("/"), line)

    async def stop(self) -> None:
        """Asks it to finish, and insists after a while."""
        await self.signal(signal.SIGTERM)

    async def kill(self) -> None:
        """Ends it at once, as a crash would."""
        await self.signal(signal.SIGKILL)

    async def signal(self, number: signal.Signals) -> None:
        """Sends a signal and waits for the end."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


@dataclass(slots=True)
class Stack:
    """Runs everything for the length of an `async with`; data are kept in `folder`, else in memory.

    `lease` is for how many seconds the messages of a killed host stay hidden, `program` what runs as host.
    """

    folder: Path | None = None
    ports: Ports = Ports()
    lease: int = 30
    program: Sequence[str] = ("local.host",)
    settings: dict[str, str] = field(default_factory=dict)
    storage: str = ""
    cosmos: str = ""
    outside: str = ""
    smtp: str = ""
    host: Process | None = None
    _hosts: list[Process] = field(default_factory=list)
    _azurite: Azurite | None = None
    _cosmos: Process | None = None
    _exit: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def url(self) -> str:
        """Where the API is, without `/api`."""
        if self.host is None:
            raise RuntimeError("the Functions host does not run")
        return self.host.url

    @property
    def environment(self) -> dict[str, str]:
        """The app settings that point the service at this stack."""
        return {
            "AzureWebJobsStorage": self.storage,
            "USAGE_STORAGE": self.storage,
            "COSMOS_ENDPOINT": self.cosmos,
            "COSMOS_KEY": EMULATOR_KEY,
            "OPERATOR_KEY_SHA256": hashlib.sha256(OPERATOR_KEY.encode()).hexdigest(),
            "FUNCTIONS_LOCAL_MASTER_KEY": MASTER_KEY,
            **self._alert_settings,
            **self.settings,
        }

    @property
    def _alert_settings(self) -> dict[str, str]:
        """Alerts go to the world outside, which is on this machine, too."""
        mail = urlsplit(self.smtp)
        return {
            "SMTP_HOST": mail.hostname or "",
            "SMTP_PORT": str(mail.port or ""),
            "SMTP_SECURITY": "none",
            "SMTP_SENDER": "usage-analytics@platform.example",
            "TICKETS_URL": f"{self.outside}/tickets",
            "TICKETS_TOKEN": TICKETS_TOKEN,
            "WEBHOOK_SECRET": WEBHOOK_SECRET,
            "WEBHOOKS_TO_PRIVATE": "true",
            "DASHBOARD_URL": f"http://127.0.0.1:{self.ports.host}/" if self.ports.host else "",
        }

    @property
    def service_settings(self) -> Settings:
        """The settings as the service reads them, for tools that use its stores directly."""
        return read_settings(self.environment)

    async def __aenter__(self) -> Self:
        self.ports.check()
        try:
            await self._start_parts()
            await provision(self.storage, self.cosmos, EMULATOR_KEY)
            self._exit.push_async_callback(self._stop_hosts)
            await self.start_host(self.ports.host)
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def start_host(self, port: int = 0) -> Process:
        """Starts a Functions host; the first one is the stack's own."""
        page = ("--static", str(DIST))
        arguments = (*self.program, ".", "--port", str(port), "--lease", str(self.lease), *page)
        host = await Process.start("The Functions host", *arguments, environment=self.environment)
        self._hosts = [one for one in self._hosts if one.process.returncode is None] + [host]
        self.host = host if self.host is None or self.host.process.returncode is not None else self.host
        return host

    async def restart_cosmos(self) -> None:
        """Kills the Cosmos endpoint and starts it again at its place; its data have to be in a folder."""
        if self._cosmos:
            await self._cosmos.kill()
        await self._run_cosmos(port_of(self.cosmos))

    async def restart_azurite(self) -> None:
        """Stops Azurite and starts it again at its place; its data have to be in a folder.

        It is asked to finish: it writes its files every few seconds only, while Azure Storage is durable.
        """
        if self._azurite:
            await self._azurite.restart()

    async def keep_running(self) -> None:
        """Starts the Functions host again, at the same place, whenever it dies.

        Raises CannotStart when it fails to start time after time.
        """
        port = port_of(self.url)
        while self.host:
            status = await self.host.process.wait()
            print(f"The Functions host ended ({status}); starting it again.", flush=True)
            await self._start_host_again(port)

    async def _start_host_again(self, port: int) -> None:
        for _ in range(RETRIES):
            try:
                await self.start_host(port)
            except CannotStart as error:
                print(f"{error}; trying again.", flush=True)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return
        await self.start_host(port)

    async def _stop_hosts(self) -> None:
        await asyncio.gather(*(host.stop() for host in self._hosts))

    async def stop(self) -> None:
        """Stops everything, in the opposite order of its start."""
        await self._exit.aclose()

    async def _start_parts(self) -> None:
        """Waits for all also when one fails: only what did start can be stopped."""
        parts = (self._start_azurite(), self._start_cosmos(), self._start_outside())
        started = await asyncio.gather(*parts, return_exceptions=True)
        for failure in filter(None, started):
            raise failure

    async def _start_azurite(self) -> None:
        location = self.folder and self.folder / "azurite"
        azurite = Azurite(
            blob_port=self.ports.blob,
            queue_port=self.ports.queue,
            table_port=self.ports.table,
            location=location,
        )
        try:
            await self._exit.enter_async_context(azurite)
        except (RuntimeError, TimeoutError) as error:
            raise CannotStart(f"Azurite did not start: {error}") from error
        self._azurite, self.storage = azurite, azurite.connection_string

    async def _start_cosmos(self) -> None:
        await self._run_cosmos(self.ports.cosmos)
        self._exit.push_async_callback(self._stop_cosmos)

    async def _run_cosmos(self, port: int) -> None:
        file = str(self.folder / "cosmos.sqlite") if self.folder else ":memory:"
        arguments = ("local.cosmos", "--port", str(port), "--db", file)
        self._cosmos = await Process.start("The Cosmos endpoint", *arguments, environment={})
        self.cosmos = self._cosmos.url

    async def _stop_cosmos(self) -> None:
        if self._cosmos:
            await self._cosmos.stop()

    async def _start_outside(self) -> None:
        kept = ("--folder", str(self.folder / "outside")) if self.folder else ()
        ports = ("--smtp", str(self.ports.mail), "--http", str(self.ports.outside))
        outside = await Process.start("The world outside", "local.outside", *ports, *kept, environment={})
        self._exit.push_async_callback(outside.stop)
        self.outside = outside.url
        self.smtp = outside.said.split()[2]


def port_of(url: str) -> int:
    """The port of a server's address."""
    return int(url.rsplit(":", 1)[1])
