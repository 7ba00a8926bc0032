"""Whether the service runs, and whether it can work."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal, TypedDict

import azure.functions as func
from pydantic import Field

from functions._api import operation
from functions._http import answer, now
from shared.ports import Mark, Stores
from shared.services import services

health = func.Blueprint()
log = logging.getLogger("usage.health")
TIMEOUT, KEPT = 3.0, 5.0  # seconds: that a store may take, that an answer stands
LATE = timedelta(hours=30)  # a day waits for its end, then for the next round of sealing
NOBODY = "health"  # no tenant: what is looked for is not there

type Part = Literal["ok", "unreachable", "late"]


class HealthAnswer(TypedDict):
    """The service runs."""

    status: Literal["ok"]


class Parts(TypedDict):
    """What the service needs."""

    cosmos: Part
    tables: Part
    sealing: Annotated[Part, Field(description="late: a day that ended long ago is not sealed.")]


class ReadyAnswer(TypedDict):
    """Whether the service can work; each part that cannot is named."""

    status: Literal["ready", "not ready"]
    parts: Parts
    lag_seconds: Annotated[
        int | None, Field(description="Age of the oldest day mark; null if it is not known.")
    ]


@operation(health, "GET", "health", caller="anyone", answer=HealthAnswer)
async def get_health(req: func.HttpRequest) -> func.HttpResponse:
    """Liveness: it answers without a key and without any store."""
    return answer({"status": "ok"})


@operation(health, "GET", "health/ready", caller="anyone", answer=ReadyAnswer)
async def get_ready(req: func.HttpRequest) -> func.HttpResponse:
    """Readiness: 200, or 503 where a store cannot be reached or sealing is late. It may be 5 s old."""
    found = await ready.get(services().stores)
    status = HTTPStatus.OK if found["status"] == "ready" else HTTPStatus.SERVICE_UNAVAILABLE
    return answer(found, status)


class Readiness:
    """The latest check. However many ask, the stores are asked once in a while, by one of them."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._until = 0.0
        self._answer: ReadyAnswer

    async def get(self, stores: Stores) -> ReadyAnswer:
        """The state of the parts, as it is or was a moment ago."""
        async with self._lock:
            if time.monotonic() >= self._until:
                self._answer = await check(stores, now())
                self._until = time.monotonic() + KEPT
            return self._answer


ready = Readiness()


async def check(stores: Stores, moment: datetime) -> ReadyAnswer:
    """Asks each store something small."""
    document, marks = await asyncio.gather(
        _within("cosmos", stores.usage.find(NOBODY, NOBODY)), _within("tables", stores.marks.all())
    )
    lag = None if isinstance(marks, Exception) else _lag(marks, moment)
    parts: Parts = {
        "cosmos": "unreachable" if isinstance(document, Exception) else "ok",
        "tables": "unreachable" if lag is None else "ok",
        "sealing": "late" if lag is not None and lag > LATE else "ok",
    }
    return {
        "status": "ready" if set(parts.values()) == {"ok"} else "not ready",
        "parts": parts,
        "lag_seconds": None if lag is None else int(lag.total_seconds()),
    }


def _lag(marks: list[Mark], moment: datetime) -> timedelta:
    return max((moment - mark.at for mark in marks), default=timedelta())


async def _within[T](part: str, asked: Awaitable[T]) -> T | Exception:
    """What is found in time, or why not; that is for the log alone."""
    try:
        async with asyncio.timeout(TIMEOUT):
            return await asked
    except Exception as error:  # noqa: BLE001 - whatever it is, the part is not ready, and that is the answer
        log.warning("%s is not ready: %s", part, type(error).__name__, extra={"part": part})
        return error
