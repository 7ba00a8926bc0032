"""The timer trigger: one run at a time over all hosts that share a storage."""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient
from azure_functions_runtime.bindings.datumdef import Datum

from .ncrontab import Ncrontab
from .queues import Lease, pause
from .settings import StartupError, expand
from .worker import Function, InvocationFailed, Worker

log = logging.getLogger("host")

CONNECTION = "AzureWebJobsStorage"
TABLE = "localhosttimers"
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_PAUSE = 3600.0  # a wall clock that is set back is noticed after an hour
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Status:
    """The row of a timer: its last and next run, and until when a host holds it for a run."""

    schedule: str
    next: datetime
    last: datetime = NEVER
    held_until: datetime = NEVER
    etag: str = ""


class Timers:
    """The rows of the timers of one app, changed only by compare-and-swap."""

    def __init__(self, table: TableClient, host_id: str) -> None:
        self._table = table
        self._host_id = host_id

    async def read(self, name: str) -> Status | None:
        """The row of a timer, if it has one."""
        try:
            row = await self._table.get_entity(self._host_id, name)
        except ResourceNotFoundError:
            return None
        next_, last, held = (datetime.fromisoformat(row[key]) for key in ("Next", "Last", "HeldUntil"))
        return Status(row["Schedule"], next_, last, held, row.metadata["etag"] or "")

    async def write(self, name: str, status: Status) -> Status | None:
        """Write a row unless another host has changed it since; then None."""
        row: dict[str, Any] = {
            "PartitionKey": self._host_id,
            "RowKey": name,
            "Schedule": status.schedule,
            "Next": status.next.isoformat(),
            "Last": status.last.isoformat(),
            "HeldUntil": status.held_until.isoformat(),
        }
        try:
            if not status.etag:
                return replace(status, etag=(await self._create(row))["etag"])
            written = await self._table.update_entity(
                row,
                UpdateMode.REPLACE,
                etag=status.etag,
                match_condition=MatchConditions.IfNotModified,
            )
        except (ResourceExistsError, ResourceModifiedError):
            return None
        return replace(status, etag=written["etag"])

    async def _create(self, row: dict[str, Any]) -> Mapping[str, Any]:
        try:
            return await self._table.create_entity(row)
        except ResourceNotFoundError:
            with suppress(ResourceExistsError):  # another host was quicker
                await self._table.create_table()
            return await self._table.create_entity(row)


class TimerListener:
    """Runs one timer function on its schedule.

    Due and free, a host takes the timer with a lease, runs it, and only then writes the next
    time: a run that was killed is repeated as past due by whoever finds the lease expired.
    """

    def __init__(self, function: Function, worker: Worker, timers: Timers, lease_seconds: float) -> None:
        self._function = function
        self._worker = worker
        self._timers = timers
        self._lease = timedelta(seconds=lease_seconds)
        self._expression = expand(function.trigger["schedule"])
        try:
            self._schedule = Ncrontab(self._expression)
        except ValueError as error:
            raise StartupError(f"function {function.name}: schedule {error}") from None
        self._run_now = bool(function.trigger.get("runOnStartup"))
        # As in the real host, a sub-minute schedule has no memory of missed runs.
        self._remembers = function.trigger.get("useMonitor") is not False
        self._remembers = self._remembers and not self._schedule.is_sub_minute
        self._started = datetime.now(UTC)

    async def run(self, stopping: asyncio.Event) -> None:
        """Run on schedule until `stopping`."""
        is_down = False
        while not stopping.is_set():
            try:
                wait = await self._step()
                is_down = False
            except AzureError as error:
                if not is_down:
                    log.warning("timer %s: storage: %s", self._function.name, error)
                wait, is_down = RETRY_SECONDS, True
            await pause(stopping, min(wait, LONGEST_PAUSE))

    async def _step(self) -> float:
        """Run if it is time; gives the seconds until there may be something to do."""
        now = datetime.now(UTC)
        status = await self._timers.read(self._function.name)
        if status is None or status.schedule != self._expression or self._forgets(status):
            etag = status.etag if status else ""
            fresh = Status(self._expression, self._schedule.next(now), etag=etag)
            status = await self._timers.write(self._function.name, fresh)
        if status is None:  # another host was quicker: look again
            return 0
        begin = max(now if self._run_now else status.next, status.held_until)
        if begin > now:
            return (begin - now).total_seconds()
        if held := await self._hold(status):
            was_missed = status.next < self._started or status.held_until != NEVER
            await self._invoke(held, self._remembers and was_missed and status.next <= now)
        return 0

    def _forgets(self, status: Status) -> bool:
        return not self._remembers and max(status.next, status.held_until) < self._started

    async def _hold(self, status: Status) -> Status | None:
        until = datetime.now(UTC) + self._lease
        return await self._timers.write(self._function.name, replace(status, held_until=until))

    async def _invoke(self, held: Status, is_past_due: bool) -> None:
        begun, self._run_now = datetime.now(UTC), False

        async def renew() -> None:
            nonlocal held
            held = await self._hold(held) or held

        async with Lease(self._lease.total_seconds(), renew):
            with suppress(InvocationFailed):  # logged; the schedule goes on
                await self._worker.start(self._function, timer_datum(held, is_past_due))
        done = replace(held, next=self._schedule.next(begun), last=begun, held_until=NEVER)
        await self._timers.write(self._function.name, done)


def timer_datum(status: Status | None = None, is_past_due: bool = False) -> Datum:
    """What a timer function is called with, with the names of the real host."""
    info: dict[str, Any] = {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": status
        and {
            "Last": status.last.isoformat(),
            "Next": status.next.isoformat(),
            "LastUpdated": status.last.isoformat(),
        },
        "IsPastDue": is_past_due,
    }
    return Datum(json.dumps(info), "json")
