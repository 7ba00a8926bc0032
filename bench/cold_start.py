"""From the start of a process to its first answers: what a customer waits for when no instance is up."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from bench.data import Traffic
from bench.ours import save_day, stores_of
from bench.report import median, ms, progress, table, text
from local.stack import Stack
from tests.stack import Customer, api_of

GOAL = 1.0  # seconds
PATHS = ("health", "usage/by-feature?period=7d", "usage/by-user?period=7d")
CODES = {
    "nothing": "",
    "what any Functions worker imports": "import azure_functions_runtime, azure.functions",
    "our functions, indexed": "import function_app",
    "our functions and their stores": "import function_app, shared.services as s; "
    "from azure.data.tables.aio import TableServiceClient; from azure.cosmos.aio import CosmosClient; "
    "import shared.stores.usage",
}


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds until a host listens, its functions indexed, and until its first answer; of CPU in all."""

    listening: float
    answer: float
    cpu: float


async def main() -> None:
    """Measures and prints."""
    times = 3 if "--quick" in sys.argv else 9
    progress(f"{times} cold starts a path")
    async with Stack() as stack, api_of(stack) as api, stores_of(stack) as stores:
        customer = await api.customer()
        today = datetime.now(UTC).date()
        await save_day(
            stores, customer.id, today, Traffic("2k", 2_000, 50).day(0, today).cube(), sealed=False
        )
        starts = {path: [await start(stack, customer, path) for _ in range(times)] for path in PATHS}
    imports = {name: imported(code, times) for name, code in CODES.items()}
    tell(starts, imports)


async def start(stack: Stack, customer: Customer, path: str) -> Start:
    """A new host, until its first answer."""
    headers = {"Authorization": f"Bearer {customer.key}"}
    started = time.perf_counter()
    host = await stack.start_host()
    listening = time.perf_counter() - started
    try:
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{host.url}/api/{path}") as response,
        ):
            response.raise_for_status()
            await response.read()
        return Start(listening, time.perf_counter() - started, cpu(host.process.pid))
    finally:
        await host.stop()


def cpu(process: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def imported(code: str, times: int) -> float:
    """Seconds that Python takes to start and run this, the median of some times."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        seconds.append(time.perf_counter() - started)
    return median(seconds)


def tell(starts: Mapping[str, Sequence[Start]], imports: Mapping[str, float]) -> None:
    """Prints the tables."""
    text("Milliseconds from the start of the host's process, the median; the stores run already.")
    middle = {
        path: [median([getattr(one, name) for one in found]) for name in ("listening", "answer", "cpu")]
        for path, found in starts.items()
    }
    rows = [(f"`{path}`", *map(ms, seconds)) for path, seconds in middle.items()]
    table(("first request", "functions indexed", "first answer", "CPU of the host"), rows)
    slowest = max(answer for _, answer, _ in middle.values())
    verdict = "met" if slowest < GOAL else "not met"
    text(
        f"Goal: index and first answer under {GOAL:.0f} s: **{verdict}**.",
        "Where the time goes, each a process of its own:",
    )
    table(("Python and", "ms"), [(name, ms(seconds)) for name, seconds in imports.items()])


if __name__ == "__main__":
    asyncio.run(main())
