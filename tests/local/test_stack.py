"""The stack: all parts as processes that start together, survive a crash and leave nothing behind."""

import asyncio
import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from local.stack import CannotStart, Ports, Stack
from tests.stack import Customer, api_of, eventually


def children() -> set[int]:
    """The process ids of this process's children."""
    return {int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}


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
        assert len(children() - before) == 3
    assert children() == before
    async with Stack(folder=folder) as stack, api_of(stack) as api:
        again = Customer(api, customer.id, customer.key)
        assert await again.everything() == seen
    assert children() == before


async def test_a_killed_host_comes_back_where_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    """While it is kept running, the host is started again on its port and goes on with its queue."""
    async with Stack(lease=3) as stack, api_of(stack) as api:
        keeping = asyncio.create_task(stack.keep_running())
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
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
    assert "The Functions host ended (-9); starting it again." in capfd.readouterr().out


@pytest.mark.parametrize("part", ["host", "cosmos", "blob", "queue", "table"])
async def test_a_port_in_use_is_told(part: str) -> None:
    """Whichever part's port is taken, the start says which before anything runs."""
    before = children()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"port {port} .for the {part}. is not free"):
            async with Stack(ports=Ports(**{part: port})):
                raise AssertionError("it started")
    assert children() == before


@pytest.mark.parametrize("part", ["host", "cosmos", "table"])
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
