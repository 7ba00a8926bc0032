"""The service itself, filled through its own code and asked over HTTP."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import aiohttp

from bench.data import DAY_MS, start_of
from bench.engines import PAGE, Answer, Question
from local.stack import Stack
from shared.columns import LAST_USED
from shared.cube import Cube
from shared.days import Period, month_of
from shared.money import nano
from shared.months import build_month
from shared.ports import Stores
from shared.rollup import Rollup, save
from shared.services import build

KEYS = {"by-feature": "feature", "by-user": "user_id", "daily": "day"}


@asynccontextmanager
async def stores_of(stack: Stack) -> AsyncIterator[Stores]:
    """The service's stores, from outside its host."""
    services = build(stack.service_settings)
    try:
        yield services.stores
    finally:
        await services.close()


async def save_day(stores: Stores, tenant_id: str, day: date, cube: Cube, *, sealed: bool) -> None:
    """Stores a day, as a fold does."""
    state = Rollup(day, version=1, writer="bench", folded_at=datetime.now(UTC), sealed=sealed)
    if not await save(stores.usage, tenant_id, state, cube):
        raise RuntimeError(f"{tenant_id} {day} is there already")


async def merge_months(stores: Stores, tenant_id: str, first: date, today: date) -> None:
    """Merges the months that have ended."""
    for month in sorted({month_of(day).first for day in Period(first, today)}):
        if month_of(month).last < today:
            await stores.marks.mark_month(tenant_id, month)
    for mark in await stores.marks.months():
        await build_month(stores, mark)


def moved(cube: Cube, days: int) -> Cube:
    """The same usage so many days later."""
    later = cube.measures[LAST_USED] + days * DAY_MS
    return Cube(cube.rows, cube.dimensions, {**cube.measures, LAST_USED: later})


@dataclass(frozen=True, slots=True)
class Service:
    """The views over HTTP: of one host, with the keys of the tenants."""

    session: aiohttp.ClientSession
    url: str
    keys: Mapping[str, str]

    async def ask(self, question: Question) -> tuple[float, bytes]:
        """The seconds that an answer took, and its body."""
        path = f"usage/{question.view}?from={question.first}&to={question.last}&limit={limit(question)}"
        return await self.get(path, self.keys[question.traffic.name])

    async def get(self, path: str, key: str) -> tuple[float, bytes]:
        """The same for any path of the API."""
        headers = {"Authorization": f"Bearer {key}", "Accept-Encoding": "identity"}
        started = time.perf_counter()
        async with self.session.get(f"{self.url}/api/{path}", headers=headers) as response:
            body = await response.read()
        took = time.perf_counter() - started
        if response.status != HTTPStatus.OK:
            raise RuntimeError(body.decode())
        return took, body


def limit(question: Question) -> int:
    """How many rows a page has: all, but for users."""
    return PAGE if question.view == "by-user" else 1_000


def answer_of(question: Question, body: bytes, codes: Mapping[str, int]) -> Answer:
    """The numbers of a body, as the others give them."""
    rows = json.loads(body, parse_float=Decimal)["data"]
    return {
        _code(question, row, codes): (
            row["requests"],
            row["input_tokens"],
            row["output_tokens"],
            nano(Decimal(row["cost_usd"] or 0)),
        )
        for row in rows
        if row["requests"]
    }


def _code(question: Question, row: Any, codes: Mapping[str, int]) -> int:  # noqa: ANN401 - any JSON
    value = row[KEYS[question.view]]
    return start_of(date.fromisoformat(value)) // DAY_MS if question.view == "daily" else codes[value]
