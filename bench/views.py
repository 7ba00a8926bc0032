"""by-feature, by-user and daily over HTTP, beside databases that answer the same from the same events."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import batched
from pathlib import Path

import aiohttp
from psycopg import Connection

from bench import postgres
from bench.columnar import ClickHouse, DuckDb, write_parquet
from bench.data import Day, Traffic, values_of
from bench.engines import VIEWS, Answer, Contender, Question, event_columns, rollup_columns
from bench.ours import Service, answer_of, merge_months, moved, save_day, stores_of
from bench.report import median, ms, progress, table, text
from local.stack import Stack
from shared.cube import Cube
from shared.ports import Stores
from tests.stack import api_of

OURS, FIRST = "ours, HTTP", "ours, first time"
TURNS, IN_A_ROW, MOST_SECONDS = 3, 5, 4.0  # of one question to one contender
ROUNDS = TURNS * IN_A_ROW
WARM, FIRST_TIMES = 2, 3
MONTH, YEAR = 30, 365
DISTINCT = 30  # days of the largest tenant; the months before repeat them
IN_A_FILE = 2_000_000  # rows
GOALS = ((30_000_000, 100), (3_000_000, 20))  # by-feature: so many events, so many times ahead

type Cell = tuple[str, int, str]
"""A tenant, a number of days and a view."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A tenant, for how many days we and the databases are given its events."""

    traffic: Traffic
    days: int
    days_of_events: int


@dataclass(slots=True)
class Timings:
    """Seconds, by question and contender; how many events are behind a question; seconds of the floor."""

    seconds: dict[Cell, dict[str, list[float]]] = field(default_factory=dict)
    events: dict[Cell, int] = field(default_factory=dict)
    health: list[float] = field(default_factory=list)
    one_day: list[float] = field(default_factory=list)


def plans(*, quick: bool) -> list[Plan]:
    """What is measured: 30 days and, where a run can afford it, 12 months."""
    if quick:
        return [Plan(Traffic("2k", 2_000, 50), 60, 60), Plan(Traffic("20k", 20_000, 400), 60, 60)]
    return [
        Plan(Traffic("2k", 2_000, 50), YEAR, YEAR),
        Plan(Traffic("100k", 100_000, 2_000), YEAR, YEAR),
        Plan(Traffic("1M", 1_000_000, 20_000), YEAR, MONTH),
    ]


class Databases:
    """Everybody but us."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._file = folder / "events.parquet"
        self._columnar: list[ClickHouse | DuckDb] = [ClickHouse(folder / "clickhouse"), DuckDb(folder)]
        self._postgres: Connection | None = None
        for one in self._columnar:
            stack.callback(one.close)
        try:
            self._postgres = stack.enter_context(postgres.cluster())
        except postgres.NotInstalled as missing:
            progress(f"PostgreSQL is not installed: no {missing}")

    @property
    def contenders(self) -> list[Contender]:
        """Those that are installed."""
        return [*self._columnar, *(postgres.contenders(self._postgres) if self._postgres else [])]

    def load(self, days: Sequence[tuple[Day, Cube]]) -> None:
        """Adds the events of some days."""
        columns = [event_columns(day) for day, _ in days]
        write_parquet(self._file, columns)
        for one in self._columnar:
            one.load(self._file)
        if self._postgres:
            for (day, cube), events in zip(days, columns, strict=True):
                postgres.load(self._postgres, "events", day, events)
                for name, users in (("feature_days", False), ("user_days", True)):
                    rows = rollup_columns(day, cube, users=users)
                    postgres.load(self._postgres, name, day, rows)

    def finish(self) -> None:
        """Makes everybody ready to be asked."""
        for one in self._columnar:
            one.finish()
        if self._postgres:
            postgres.finish(self._postgres)


async def main() -> None:
    """Loads, asks and prints."""
    chosen, today = plans(quick="--quick" in sys.argv), datetime.now(UTC).date()
    async with AsyncExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        databases = Databases(folder, running.enter_context(ExitStack()))
        stack = await running.enter_async_context(Stack(folder))
        api = await running.enter_async_context(api_of(stack))
        stores = await running.enter_async_context(stores_of(stack))
        customers = {one.traffic.name: await api.customer(f"bench-{one.traffic.people}") for one in chosen}
        for plan in chosen:
            await fill(plan, databases, stores, customers[plan.traffic.name].id, today)
        databases.finish()
        session = await running.enter_async_context(aiohttp.ClientSession())
        keys = {name: customer.key for name, customer in customers.items()}
        timings = Timings()
        for plan in chosen:
            await measure(plan, databases, Service(session, stack.url, keys), timings, today)
            await measure_floor(plan, Service(session, stack.url, keys), timings, today)
            for _ in range(FIRST_TIMES):
                host = await stack.start_host()
                await measure_first(plan, Service(session, host.url, keys), timings, today)
                await host.stop()
    tell(timings, [one.name for one in databases.contenders])


async def fill(plan: Plan, databases: Databases, stores: Stores, tenant_id: str, today: date) -> None:
    """Gives everybody the plan's events, the newest days first; today is not sealed."""
    progress(f"loading {plan.traffic.name} events a day")
    newest: list[tuple[Day, Cube]] = []
    for some in batched(range(plan.days_of_events), max(IN_A_FILE // plan.traffic.events, 1), strict=False):
        days = [plan.traffic.day(n, today - timedelta(days=plan.days_of_events - 1 - n)) for n in some]
        cubes = [(day, day.cube()) for day in days]
        databases.load(cubes)
        for day, cube in cubes:
            await save_day(stores, tenant_id, day.day, cube, sealed=day.day < today)
        newest = [*newest, *cubes][-DISTINCT:]
    for n in range(plan.days_of_events, plan.days):
        again = n % len(newest)
        _, cube = newest[-1 - again]
        await save_day(stores, tenant_id, today - timedelta(days=n), moved(cube, again - n), sealed=True)
    await stores.marks.mark(tenant_id, today)
    await merge_months(stores, tenant_id, today - timedelta(days=plan.days - 1), today)


async def measure(plan: Plan, databases: Databases, service: Service, timings: Timings, today: date) -> None:
    """Asks everybody everything about one tenant, in turns; their answers have to be equal."""
    for question in questions(plan, today):
        days = (question.last - question.first).days + 1
        cell = (plan.traffic.name, days, question.view)
        progress(f"asking {cell}")
        timings.events[cell] = days * plan.traffic.events
        seconds = timings.seconds[cell] = {}
        contenders = databases.contenders if days <= plan.days_of_events else []
        answers = {one.name: one.ask(question) for one in contenders}
        _, body = await service.ask(question)
        answers[OURS] = answer_of(question, body, codes_of(question))
        check(question, answers)
        for _ in range(TURNS):
            for one in contenders:
                for round_ in range(WARM + IN_A_ROW):
                    if sum(seconds.get(one.name, ())) < MOST_SECONDS:
                        started = time.perf_counter()
                        one.ask(question)
                        note(seconds, one.name, round_, time.perf_counter() - started)
            for round_ in range(WARM + IN_A_ROW):
                took, _ = await service.ask(question)
                note(seconds, OURS, round_, took)


async def measure_floor(plan: Plan, service: Service, timings: Timings, today: date) -> None:
    """Asks for what needs no store, and for what needs one small document."""
    question = Question("by-feature", plan.traffic, today, today)
    for _ in range(ROUNDS):
        timings.health.append((await service.get("health", ""))[0])
        timings.one_day.append((await service.ask(question))[0])


async def measure_first(plan: Plan, service: Service, timings: Timings, today: date) -> None:
    """Asks a new host, which has imported what it needs but has not read these days before."""
    for view in VIEWS:
        await service.ask(Question(view, plan.traffic, today, today))
    for question in questions(plan, today):
        took, _ = await service.ask(question)
        days = (question.last - question.first).days + 1
        timings.seconds[plan.traffic.name, days, question.view].setdefault(FIRST, []).append(took)


def note(seconds: dict[str, list[float]], name: str, round_: int, took: float) -> None:
    """Keeps a time, unless it was one to warm up."""
    if round_ >= WARM or took > MOST_SECONDS:
        seconds.setdefault(name, []).append(took)


def questions(plan: Plan, today: date) -> Iterator[Question]:
    """Each view over the last days: a month, and all there are."""
    for days in (MONTH, plan.days):
        for view in VIEWS:
            yield Question(view, plan.traffic, today - timedelta(days=days - 1), today)


def codes_of(question: Question) -> dict[str, int]:
    """The codes of names, as the databases have them."""
    names = question.traffic.users if question.view == "by-user" else values_of("feature")
    return {str(name): code for code, name in enumerate(names)}


def check(question: Question, answers: dict[str, Answer]) -> None:
    """Raises RuntimeError unless all answers are equal."""
    (name, expected), *others = answers.items()
    for other, answer in others:
        if answer != expected:
            raise RuntimeError(f"{name} and {other} do not agree on {question}")


def tell(timings: Timings, names: Sequence[str]) -> None:
    """Prints the table, and how we stand against the goals."""
    rows = []
    for cell, seconds in timings.seconds.items():
        traffic, days, view = cell
        us = median(seconds[OURS])
        others = [median(seconds[name]) if name in seconds else None for name in names]
        cells = ["-" if other is None else f"{ms(other)} ({other / us:.1f}x)" for other in others]
        rows.append(
            [
                f"{view}, {days} days",
                traffic,
                f"{timings.events[cell]:,}",
                ms(median(seconds[FIRST])),
                ms(us),
                *cells,
            ]
        )
    text(
        "Milliseconds, the median of up to fifteen answers, five in a row in three turns, all warm; in",
        "brackets how many times ours it takes. Ours is asked over HTTP: key check, JSON and the local",
        "Cosmos endpoint are in it. A *first time* is that of a host that has not read these days before;",
        "later it keeps what sealed days add up to, and reads the state of each day, today and what is",
        "not folded. The column stores answer inside the process that asks, PostgreSQL over a socket;",
        "codes stand for names there. All answers are equal. A dash: not loaded, it would take too long;",
        "there the months before repeat thirty days.",
    )
    table(("view", "events a day", "events", FIRST, OURS, *names), rows)
    goals(timings, names)


def goals(timings: Timings, names: Sequence[str]) -> None:
    """Prints how we stand against what was asked for."""
    for (traffic, days, view), seconds in timings.seconds.items():
        events, us = timings.events[traffic, days, view], median(seconds[OURS])
        wanted = next((times for least, times in GOALS if view == "by-feature" and events >= least), None)
        if wanted and names[0] in seconds:
            times = median(seconds[names[0]]) / us
            verdict = "met" if times >= wanted else "not met"
            goal = f"by-feature of {events:,} events {wanted}x ahead of {names[0]}"
            print(f"- {goal}: {times:.0f}x, **{verdict}**")
        if view == "by-user" and names[0] in seconds:
            ahead = [name for name in names if name in seconds and median(seconds[name]) < us]
            verdict = f"**not met**: {', '.join(ahead)}" if ahead else "**met**"
            print(f"- by-user of {events:,} events ahead of all: {verdict}")
    features = [median(some[OURS]) for (_, _, view), some in timings.seconds.items() if view == "by-feature"]
    print(f"- by-feature flat in events: {ms(min(features))} to {ms(max(features))} ms over all sizes")
    print()
    text(
        f"The floor under ours: {ms(median(timings.health))} ms for an answer that needs no store (HTTP,",
        f"host, worker library), {ms(median(timings.one_day))} ms for by-feature of one day (marks,",
        "document, unfolded segments: one after the other, in the local stores).",
    )


if __name__ == "__main__":
    asyncio.run(main())
