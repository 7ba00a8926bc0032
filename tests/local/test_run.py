"""`make run` from its start to Ctrl-C, and again: what it says works, and nothing is lost or left behind."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from local.env import FOLDER, read_env
from tests.stack import eventually

ROOT = FOLDER.parent
FREE = ("0",) * 7
PRIMITIVES, PRODUCTS = 10, 7
CURLS = re.findall(r"^    (curl (?:.*\\\n)*.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
ROOMS = ["mails", "webhooks", "tickets"]  # of the world outside


@dataclass(slots=True)
class Life:
    """One start of `make run`: what it said, what it answered, and how it ended."""

    process: asyncio.subprocess.Process
    folder: Path
    said: str = ""
    seconds: float = 0.0

    async def until_ready(self) -> None:
        """Reads what it says up to its last line."""
        began = monotonic()
        assert self.process.stdout
        async with asyncio.timeout(120):
            while "Ctrl-C stops everything" not in self.said:
                line = (await self.process.stdout.readline()).decode()
                assert line, self.said
                self.said += line
        self.seconds = monotonic() - began

    @property
    def environment(self) -> dict[str, str]:
        """What `demo.env` says."""
        return read_env((), {}, self.folder / "demo.env")

    @property
    def curl(self) -> str:
        """The line to paste."""
        found = re.search(r"curl .*", self.said)
        assert found
        return found[0]

    async def get(self, path: str) -> Any:  # noqa: ANN401 - any JSON
        """An answer for the demo's key."""
        headers = {"Authorization": f"Bearer {self.environment['USAGE_KEY']}"}
        url = f"{self.environment['USAGE_URL']}/api/usage/{path}"
        async with (
            aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
            session.get(url) as response,
        ):
            return await response.json()

    async def closed_days(self) -> Any:  # noqa: ANN401 - any JSON
        """The totals of a year of days to which the trickle adds nothing."""
        last = datetime.now(UTC).date() - timedelta(days=5)
        return (await self.get(f"summary?from={last - timedelta(days=364)}&to={last}"))["totals"]

    async def arrived(self, room: str) -> Any:  # noqa: ANN401 - any JSON
        """What arrived outside, the newest first."""
        url = f"{self.environment['OUTSIDE_URL']}/{room}.json"
        async with aiohttp.ClientSession(raise_for_status=True) as session, session.get(url) as response:
            return (await response.json())["data"]

    async def rooms(self) -> list[str]:
        """Where anything arrived."""
        return [room for room in ROOMS if await self.arrived(room)]

    async def interrupt(self) -> tuple[int, str, set[int]]:
        """Presses Ctrl-C; the exit code, the last words, and the child processes that are left."""
        mine = descendants(self.process.pid)
        assert len(mine) == 4
        os.killpg(self.process.pid, signal.SIGINT)
        assert self.process.stdout
        async with asyncio.timeout(30):
            words = (await self.process.stdout.read()).decode()
            code = await self.process.wait()
        return code, words, {pid for pid in mine if is_running(pid)}


def descendants(pid: int) -> set[int]:
    """The process ids of its children and theirs."""
    try:
        own = {int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except FileNotFoundError:
        return set()
    return own.union(*map(descendants, own))


def is_running(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


async def start(folder: Path, *ports: str) -> asyncio.subprocess.Process:
    """The command, as the leader of a group of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "local.run", "--folder", str(folder), "--ports", *(ports or FREE),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Life]:
    """A start that has said its last line; whatever happens, it ends."""
    process = await start(folder)
    assert process.stderr
    quiet = asyncio.create_task(process.stderr.read())  # the progress bar
    life = Life(process, folder)
    try:
        await life.until_ready()
        yield life
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await quiet


@dataclass(frozen=True, slots=True)
class Demo:
    """A first start without any data, ended by Ctrl-C, and a second one, which runs."""

    first: Life
    first_closed_days: Any
    first_key: str
    code: int
    last_words: str
    left: set[int]
    second: Life


@pytest_asyncio.fixture(scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """Both starts, in one folder."""
    folder = tmp_path_factory.mktemp("demo")
    async with running(folder) as first:
        closed, key = await first.closed_days(), first.environment["USAGE_KEY"]
        await eventually(first.rooms, expected=ROOMS, seconds=90)
        ending = await first.interrupt()
    async with running(folder) as second:
        yield Demo(first, closed, key, *ending, second)


async def test_the_history_is_there_soon(demo: Demo) -> None:
    """Set up and loaded in under a minute, where nothing else runs: here, half of the cores may be busy."""
    assert demo.first.seconds < 120
    assert demo.first_closed_days["requests"] > 50_000


async def test_ctrl_c_stops_everything(demo: Demo) -> None:
    """It says so, exits with 0, and no process is left."""
    assert (demo.code, demo.left) == (0, set())
    assert demo.last_words.splitlines()[-1] == "Stopped."


async def test_a_second_start_is_quick_and_has_the_data(demo: Demo) -> None:
    """It needs no history, and has the same key and the same totals of closed days."""
    assert demo.second.seconds < demo.first.seconds / 2
    assert demo.second.environment["USAGE_KEY"] == demo.first_key
    assert await demo.second.closed_days() == demo.first_closed_days


async def test_the_curl_line_works_when_pasted(demo: Demo) -> None:
    """A shell runs it as it stands and gets the features of the last 30 days."""
    shell = await asyncio.create_subprocess_shell(
        demo.second.curl, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    answered, _ = await shell.communicate()
    assert shell.returncode == 0
    assert len(json.loads(answered)["data"]) > 15


@pytest.mark.parametrize("command", CURLS)
async def test_the_readmes_requests_work_when_pasted(demo: Demo, command: str) -> None:
    """Each succeeds in a shell that has read demo.env."""
    shell = await asyncio.create_subprocess_shell(
        command.replace("curl", "curl -sS --fail-with-body", 1),
        env=os.environ | demo.second.environment,
        stdout=asyncio.subprocess.PIPE,
    )
    answered, _ = await shell.communicate()
    assert (shell.returncode, bool(answered)) == (0, True), answered


async def test_scripts_find_their_settings(demo: Demo) -> None:
    """demo.env has the address and both keys, and these work; the text names them too."""
    env = demo.second.environment
    assert env["USAGE_URL"] in demo.second.said
    assert env["USAGE_KEY"] in demo.second.said
    url = f"{env['USAGE_URL']}/api/operator/tenants/contoso"
    headers = {"Authorization": f"Bearer {env['OPERATOR_KEY']}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
        assert answer.status == 200


async def test_the_numbers_are_believable(demo: Demo) -> None:
    """A year of 22 features, about 40 people with names, all primitives, seven products, a quota."""
    get = demo.second.get
    assert len((await get("by-feature?period=12m&limit=1000"))["data"]) == 22
    users = (await get("by-user?period=12m&limit=1000"))["data"]
    people = [row for row in users if row["user_id"]]
    assert 35 <= len(people) <= 45
    assert all(row["name"] and row["email"] for row in people)
    for view, count in (("primitives", PRIMITIVES), ("by-product", PRODUCTS)):
        assert sum(row["requests"] > 0 for row in (await get(f"{view}?period=12m"))["data"]) == count
    summary = await get("summary?period=12m")
    assert summary["data"]["tokens_percent"] < 130
    assert summary["freshness"]["rejected"] == 0
    totals = summary["totals"]
    assert totals["cost_usd"] > 100
    assert 0 < totals["unpriced_requests"] < totals["requests"] / 100


async def test_the_first_alerts_arrive(demo: Demo) -> None:
    """Within the first start: the default alert by mail, and the demo's rule as a signed call and a ticket.

    They are still there after a restart, and nothing arrives twice.
    """
    assert f"Mails    {demo.second.environment['OUTSIDE_URL']}" in demo.second.said
    (mail,), (call,), (ticket,) = [await demo.second.arrived(room) for room in ROOMS]
    assert mail["to"] == ["admin@contoso.example"]
    assert "Monthly token quota" in mail["subject"]
    assert call["is_verified"], call["verdict"]
    assert ticket["requests"] == 1


@pytest.mark.parametrize("part", [0, 6])
async def test_a_port_in_use_is_one_clear_line(tmp_path: Path, part: int) -> None:
    """It names the port, exits with 1 and leaves no process."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = [str(port) if number == part else "0" for number in range(7)]
        process = await start(tmp_path / "data", *ports)
        said, complained = await process.communicate()
    assert process.returncode == 1
    (line,) = (said + complained).decode().splitlines()
    assert line.startswith(f"make run: port {port} ")
