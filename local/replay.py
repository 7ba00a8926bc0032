"""Replays a trace through the queue and compares what the usage API then says with the file's own sums.

    python -m local.replay FILE        (make replay FILE=…, beside a running `make run`)

Each trace has a tenant of its own, so nothing else disturbs its sums. Ids and times are the same in every
replay of a file: a second run adds nothing, and an interrupted one is completed by the next. Where the
trace ends in time is remembered in `.local/replay/`, until its events are too old for ingest.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Any, Self

import aiohttp
from azure.core.exceptions import AzureError
from azure.storage.queue.aio import QueueClient
from tqdm import tqdm

from local.env import FOLDER, MissingSetting, read_env
from local.trace import BadTrace, Sums, Trace, read_trace, remembered_end
from shared.publisher import Publisher, SendFailed, queue_of

SETTINGS = ("USAGE_URL", "OPERATOR_KEY", "USAGE_STORAGE")
WAIT_SECONDS = 600.0  # for the queue to drain, and for an API that is down
POLL_SECONDS = 0.5


class ReplayFailed(Exception):
    """The replay could not be carried out; the text says why."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What the usage API says of the replay's tenant."""

    sums: Sums
    duplicates: int


class Api:
    """The HTTP API, as much of it as a replay needs. Waits through restarts of the host."""

    def __init__(self, url: str, wait: float = WAIT_SECONDS) -> None:
        self._url = url.rstrip("/")
        self._wait = wait

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def create_tenant(self, tenant_id: str, name: str, operator_key: str) -> str:
        """Makes the tenant if there is none, without limits, and returns a read key for a day."""
        path = f"/api/operator/tenants/{tenant_id}"
        await self._ask("PUT", path, operator_key, {"name": name, "time_zone": "UTC"})
        expires = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        settings = {"name": "replay", "scopes": ["read"], "expires": expires}
        answer = await self._ask("POST", f"{path}/keys", operator_key, settings)
        return str(answer["key"])

    async def counted(self, key: str, first: datetime, last: datetime) -> Counted:
        """The tenant's totals from the day of `first` to that of `last`."""
        path = f"/api/usage/summary?from={first:%Y-%m-%d}&to={last:%Y-%m-%d}"
        answer = await self._ask("GET", path, key)
        totals = answer["totals"]
        sums = Sums(*(int(totals[name]) for name in ("requests", "input_tokens", "output_tokens")))
        return Counted(sums, int(answer["freshness"]["duplicates"]))

    async def _ask(self, method: str, path: str, key: str, body: object = None) -> dict[str, Any]:
        """The answer's JSON; asks again while the host is away. Raises ReplayFailed."""
        deadline = monotonic() + self._wait
        headers = {"Authorization": f"Bearer {key}"}
        while True:
            try:
                async with self._session.request(
                    method, self._url + path, headers=headers, json=body
                ) as answer:
                    if answer.status < HTTPStatus.BAD_REQUEST:
                        document: dict[str, Any] = await answer.json()
                        return document
                    fault = f"{answer.status} {await answer.text()}"
                    if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                        raise ReplayFailed(f"{method} {path}: {fault}")
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
                fault = str(error) or type(error).__name__
            if monotonic() > deadline:
                raise ReplayFailed(f"{method} {path}: {fault} (for {self._wait:.0f} s)")
            await asyncio.sleep(POLL_SECONDS)


async def replay(
    trace: Trace, name: str, settings: Mapping[str, str], folder: Path, wait: float = WAIT_SECONDS
) -> bool:
    """Replays the trace and prints both sums; whether they are equal. Raises ReplayFailed or BadTrace."""
    end = remembered_end(trace, folder, datetime.now(UTC))
    first, tenant_id = end - trace.span, tenant_of(trace, end)
    async with Api(settings["USAGE_URL"], wait) as api, queue_of(settings["USAGE_STORAGE"]) as queue:
        key = await api.create_tenant(tenant_id, f"Replay of {name}"[:128], settings["OPERATOR_KEY"])
        before = await api.counted(key, first, end)
        await _publish(trace, end, tenant_id, queue)
        await _drained(queue, wait)
        after = await api.counted(key, first, end)
    print(report(tenant_id, trace.sums, after.sums, after.duplicates - before.duplicates))
    return after.sums == trace.sums


def tenant_of(trace: Trace, end: datetime) -> str:
    """The tenant of this file's replay; one that is shifted anew gets a new one, so sums stay exact."""
    return f"replay-{trace.digest[:8]}-{end:%Y%m%dt%H%M%S}"


def report(tenant_id: str, file: Sums, api: Sums, duplicates: int) -> str:
    """Both sums side by side, and the verdict."""
    rows = [f"{tenant_id:<36}{'requests':>12}{'input tokens':>18}{'output tokens':>18}"]
    for label, sums in (("the file", file), ("the usage API", api)):
        rows.append(f"{label:<36}{sums.requests:>12,}{sums.input_tokens:>18,}{sums.output_tokens:>18,}")
    verdict = "Equal" if file == api else "DIFFERENT"
    rows.append(f"{verdict}; {duplicates:,} events of this run were counted before (duplicates).")
    return "\n".join(rows)


async def _publish(trace: Trace, end: datetime, tenant_id: str, queue: QueueClient) -> None:
    events = trace.ending(end, tenant_id)
    try:
        async with Publisher(queue) as publisher:
            await publisher.publish_many(tqdm(events, "Sent", len(trace.events), unit=" events"))
    except SendFailed as error:
        raise ReplayFailed(f"{error}: {error.__cause__}") from error


async def _drained(queue: QueueClient, wait: float) -> None:
    """Returns when no message waits or is being worked on. Raises ReplayFailed after `wait` seconds.

    The service counts hidden messages too, and never less than there are.
    """
    deadline = monotonic() + wait
    with tqdm(desc="Ingested", unit=" messages") as bar:
        while (waiting := await _waiting(queue)) != 0:
            if waiting is not None:
                bar.total = max(bar.total or 0, waiting)
                bar.n = bar.total - waiting
                bar.refresh()
            if monotonic() > deadline:
                raise ReplayFailed(f"the queue was not empty within {wait:.0f} s; is ingest running?")
            await asyncio.sleep(POLL_SECONDS)
        bar.n = bar.total or 0


async def _waiting(queue: QueueClient) -> int | None:
    """The number of messages in the queue; None while it does not answer."""
    try:
        return (await queue.get_queue_properties()).approximate_message_count or 0
    except AzureError:
        return None


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 when the sums are equal, 1 when not, 2 when the replay could not be carried out."""
    parser = argparse.ArgumentParser(description="Replays a CSV trace and checks the totals.")
    parser.add_argument("file", type=Path, help="columns TIMESTAMP, ContextTokens, GeneratedTokens")
    parser.add_argument("--wait", type=float, default=WAIT_SECONDS, help="seconds to wait at most")
    asked = parser.parse_args(arguments)
    try:
        settings = read_env(SETTINGS)
        trace = read_trace(asked.file)
        equal = asyncio.run(replay(trace, asked.file.name, settings, FOLDER / "replay", asked.wait))
    except (MissingSetting, ReplayFailed, BadTrace, OSError) as error:
        print(f"replay: {error}", file=sys.stderr)
        return 2
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main())
