"""Starts `python -m local.host` for the tests and reads what it prints."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

APPS = Path(__file__).parent / "apps"
SECONDS = 30


class HostProcess:
    """A host in a process of its own; its stdout and stderr are one stream of lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.url = ""
        self._more = asyncio.Condition()
        self._ended = False
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self._more:
                self.lines.append(line.decode().rstrip())
                self._more.notify_all()
        async with self._more:
            self._ended = True
            self._more.notify_all()

    def matching(self, pattern: str) -> list[str]:
        """The lines so far that match."""
        return [line for line in self.lines if re.search(pattern, line)]

    async def line(self, pattern: str, count: int = 1) -> str:
        """Wait for the count-th line that matches; gives it."""

        def is_over() -> bool:
            return self._ended or len(self.matching(pattern)) >= count

        async with asyncio.timeout(SECONDS), self._more:
            await self._more.wait_for(is_over)
        assert len(self.matching(pattern)) >= count, f"no {pattern!r} among {self.lines}"
        return self.matching(pattern)[count - 1]

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal; gives the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        await self._reader
        return await self.process.wait()


@asynccontextmanager
async def running_host(
    app: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> AsyncIterator[HostProcess]:
    """A host that listens on a free port, as `url`."""
    host = await start(app, *arguments, env=env)
    try:
        host.url = (await host.line("^Listening on ")).removeprefix("Listening on ")
        yield host
    finally:
        if host.process.returncode is None:
            host.process.kill()
        await host.stop()


async def start(app: Path, *arguments: str, env: Mapping[str, str] | None = None) -> HostProcess:
    """A host that may refuse to start."""
    command = (sys.executable, "-m", "local.host", str(app), "--port", "0", *arguments)
    return HostProcess(
        await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **(env or {})},
        )
    )


async def more_lines(*hosts: HostProcess) -> None:
    """Wait for a new line of any of the hosts."""
    waits = [asyncio.create_task(host.line("", len(host.lines) + 1)) for host in hosts]
    done, late = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in late:
        wait.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    for wait in done:
        wait.result()
