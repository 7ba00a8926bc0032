"""`make replay` against the running service: the file's sums and the API's are equal, run after run."""

import asyncio
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from local.env import FOLDER
from local.replay import replay
from local.stack import OPERATOR_KEY, Stack
from local.trace import read_trace
from tests.stack import Api, api_of, eventually

REAL = FOLDER.parent.parent / "shared/data/AzureLLMInferenceTrace_code.csv"


def settings(stack: Stack) -> dict[str, str]:
    """What the command finds in `.local/demo.env`."""
    return {"USAGE_URL": stack.url, "OPERATOR_KEY": OPERATOR_KEY, "USAGE_STORAGE": stack.storage}


def generated(folder: Path, rows: int) -> Path:
    """A trace with columns of its own, over a month, in no order."""
    random, file = Random(5), folder / "trace.csv"
    lines = ["timestamp,ContextTokens,GeneratedTokens,user,feature,model"]
    lines += [
        f"2024-05-{random.randint(1, 30):02} 1{random.randint(0, 9)}:00:0{n % 10}.{n:07},"
        f"{random.randint(0, 10**6)},{random.randint(0, 9_000)},u{n % 50},rca-generation,gpt-4o-mini"
        for n in range(rows)
    ]
    file.write_text("\n".join(lines))
    return file


async def test_a_trace_is_counted_exactly_once(
    api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first replay is equal without duplicates; the second is unchanged and all duplicates."""
    trace = read_trace(generated(tmp_path, 700))
    for duplicates in (0, 700):
        assert await replay(trace, "trace.csv", settings(api.stack), tmp_path / "notes", wait=60)
        said = capsys.readouterr().out
        assert said.splitlines()[-1].startswith(f"Equal; {duplicates} events")
        assert said.count(f"{trace.sums.input_tokens:,}") == 2


@pytest.mark.skipif(not REAL.exists(), reason=f"the trace {REAL.name} is not beside this checkout")
async def test_the_real_trace_is_exact_though_the_host_is_killed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """8,819 production requests, the host killed while it ingests them: the sums are the file's own."""
    trace = read_trace(REAL)
    async with Stack(lease=3) as stack, api_of(stack) as api:
        keeping = asyncio.create_task(stack.keep_running())
        killing = asyncio.create_task(kill_at_work(api, times=3))
        for duplicates in ("0", "8,819"):
            assert await replay(trace, REAL.name, settings(stack), tmp_path, wait=120)
            assert capsys.readouterr().out.splitlines()[-1].startswith(f"Equal; {duplicates} events")
        assert await killing == 3
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def kill_at_work(api: Api, times: int) -> int:
    """Kills each host that is found with messages in hand, so many times."""

    async def is_busy() -> bool:
        return await api.waiting() > 0

    async def is_back() -> bool:
        return api.stack.host is not host

    for _ in range(times):
        host = api.stack.host
        assert host is not None
        await eventually(is_busy, expected=True)
        host.process.kill()
        await eventually(is_back, expected=True)
    return times
