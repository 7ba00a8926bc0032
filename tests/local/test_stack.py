"""The stack: all parts as processes that start together, survive a crash and leave nothing behind."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from local.stack import CannotStart, Ports, Stack
from tests.stack import Customer, api_of, eventually


def children() -> set[int]:
    """The process ids of this process's children."""
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


@asynccontextmanager
async def kept_running(stack: Stack) -> AsyncIterator[None]:
    """Within it, the stack's host is started again whenever it dies."""
    keeping = asyncio.create_task(stack.keep_running())
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def kill(stack: Stack) -> None:
    """Ends the stack's host as a crash would."""
    assert stack.host is not None
    await stack.host.kill()


async def test_what_was_counted_is_there_after_a_restart(tmp_path: Path) -> None:
    """Kept in a folder, tenants, keys and usage outlive the processes, and none of these stays behind."""
    before = children()
    folder = tmp_path / "data"
    folder.mkdir()
    async with Stack(folder=folder) as stack, api_of(stack) as api:
        customer = await api.customer()
        await api.publish(customer.event(), customer.event(cost_usd="0.1"))
        await eventually(customer.counts, (2, 0, 0))
        seen = await customer.everything()
        assert len(children() - before) == 4
    assert children() == before
    async with Stack(folder=folder) as stack, api_of(stack) as api:
        again = Customer(api, customer.id, customer.key)
        assert await again.everything() == seen
    assert children() == before


async def test_a_killed_host_comes_back_where_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    """While it is kept running, the host is started again on its port and goes on with its queue."""
    async with Stack(lease=3) as stack, api_of(stack) as api, kept_running(stack):
        customer = await api.customer()
        url, host = stack.url, stack.host
        assert host is not None
        host.process.kill()
        await api.publish(customer.event())

        async def alive() -> bool:
            with suppress(OSError):  # nobody listens yet
                return await customer.requests() == 1
            return False

        await eventually(alive, expected=True)
        assert stack.url == url
        assert stack.host is not host
    assert "The Functions host ended (-9); starting it again." in capfd.readouterr().out


async def test_a_host_killed_while_it_starts_is_started_again(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """However often the new host dies before it listens, another one follows; none is left behind."""
    monkeypatch.setattr("local.stack.RETRY_SECONDS", 0.05)
    before = children()
    async with Stack() as stack, kept_running(stack):
        url, known = stack.url, children()
        await kill(stack)
        for _ in range(3):

            async def new() -> int:
                return len(children() - known)

            await eventually(new, 1)
            (pid,) = children() - known
            known.add(pid)
            os.kill(pid, signal.SIGKILL)

        async with api_of(stack) as api:

            async def alive() -> bool:
                with suppress(OSError):
                    return (await api.ask("GET", "schemas/usage-event.json")).status == 200
                return False

            await eventually(alive, expected=True)
        assert stack.url == url
    assert children() == before
    assert capfd.readouterr().out.count("The Functions host did not start; trying again.") == 3


async def test_a_host_that_never_starts_again_is_told(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """After so many failures in a row, here for settings it refuses, keeping it running fails."""
    monkeypatch.setattr("local.stack.RETRY_SECONDS", 0)
    monkeypatch.setattr("local.stack.RETRIES", 2)
    async with Stack() as stack:
        stack.settings["AzureFunctionsJobHost__extensions__queues__messageEncoding"] = "morse"
        await kill(stack)
        with pytest.raises(CannotStart, match="The Functions host did not start"):
            await stack.keep_running()
    assert capfd.readouterr().out.count("trying again") == 2


@pytest.mark.parametrize("part", ["host", "cosmos", "blob", "queue", "table", "mail", "outside"])
async def test_a_port_in_use_is_told(part: str) -> None:
    """Whichever part's port is taken, the start says which before anything runs."""
    before = children()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"port {port} .for the {part}. is not free"):
            async with Stack(ports=Ports(**{part: port})):
                raise AssertionError("it started")
    assert children() == before


@pytest.mark.parametrize("part", ["host", "cosmos", "table", "mail"])
async def test_a_failed_start_ends_what_did_start(
    part: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A part that fails, here for a port taken at the last moment, takes the others with it."""
    monkeypatch.setattr(Ports, "check", lambda _: None)
    before = children()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CannotStart, match="did not start"):
        async with Stack(ports=Ports(**{part: taken.getsockname()[1]})):
            raise AssertionError("it started")
    assert children() == before
    capfd.readouterr()


def test_a_stack_that_does_not_run_has_no_address() -> None:
    """Asking for it is an error, not a made-up URL."""
    with pytest.raises(RuntimeError, match="does not run"):
        _ = Stack().url
