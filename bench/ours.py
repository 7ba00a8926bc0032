"""The service itself, filled through its own code and asked over HTTP."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import aiohttp

from bench.contenders import Answer, Timed, get
from bench.data import DAY_MS, Traffic, person, start_of
from bench.engines import KEYS, PAGE, Question
from local.stack import Stack
from shared.columns import LAST_USED
from shared.cube import Cube
from shared.days import Period, month_of
from shared.directory import learn
from shared.money import nano
from shared.months import build_month
from shared.ports import Stores
from shared.rollup import Rollup, save
from shared.services import build

OURS = "ours"
EVERYTHING = 1_000  # rows of a page


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


async def introduce(stores: Stores, tenant_id: str, traffic: Traffic, seen: date) -> None:
    """Gives every user a name and an email, as events that name them would."""
    known = [person(number) for number in range(traffic.people)]
    people = {
        user: {"name": name, "email": email, "seen": start_of(seen)}
        for user, (name, email) in zip(traffic.users, known, strict=True)
    }
    await learn(stores.usage, tenant_id, [{"people": people}])


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
    """The views over HTTP: of one host, with the keys of the tenants by their codes."""

    session: aiohttp.ClientSession
    url: str
    keys: Mapping[int, str]
    name: str = OURS

    async def ask(self, question: Question) -> Timed:
        """An answer."""
        limit = PAGE if question.view == "by-user" else EVERYTHING
        path = f"usage/{question.view}?from={question.first}&to={question.last}&limit={limit}"
        return await self.get(path, Authorization=f"Bearer {self.keys[question.tenant]}")

    async def get(self, path: str, **headers: str) -> Timed:
        """The same for any path of the API."""
        return await get(self.session, f"{self.url}/api/{path}", headers)

    def answer(self, question: Question, body: bytes) -> Answer:
        """The numbers of a body; days without usage are left out, as others have no rows of them."""
        rows = json.loads(body, parse_float=Decimal)["data"]
        return {
            row[KEYS[question.view]]: (
                row["requests"],
                row["input_tokens"],
                row["output_tokens"],
                nano(Decimal(row["cost_usd"] or 0)),
            )
            for row in rows
            if row["requests"]
        }
