"""by-feature, by-user and daily over HTTP, beside databases that answer the same from the same events."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import batched
from pathlib import Path

import aiohttp

from bench.contenders import Answer, Contender, Timed
from bench.data import Day, Traffic
from bench.databases import Databases, databases
from bench.engines import VIEWS, Question
from bench.ours import Service, introduce, merge_months, moved, save_day, stores_of
from bench.report import progress
from bench.standing import FIRST, MARKED, Cell, Timings, tell
from local.stack import Stack
from shared.cube import Cube
from shared.look import CAUGHT_UP
from shared.ports import Stores
from tests.stack import api_of

TURNS, IN_A_ROW, MOST_SECONDS = 7, 5, 4.0  # of one question to one contender
ROUNDS = TURNS * IN_A_ROW
WARM, WARM_SECONDS = 2, 0.2  # whoever is asked finds the processor's caches full of the others' data
FIRST_TIMES = 3
MONTH, YEAR = 30, 365
DISTINCT = 30  # days of the largest tenant; the months before repeat them
IN_A_FILE = 2_000_000  # rows


@dataclass(frozen=True, slots=True)
class Plan:
    """A tenant, for how many days we and the databases are given its events."""

    traffic: Traffic
    days: int
    days_of_events: int


def plans(*, quick: bool) -> list[Plan]:
    """What is measured: 30 days and, where a run can afford it, 12 months."""
    if quick:
        return [Plan(Traffic("2k", 2_000, 50), 60, 60), Plan(Traffic("20k", 20_000, 400), 60, 60)]
    return [
        Plan(Traffic("2k", 2_000, 50), YEAR, YEAR),
        Plan(Traffic("100k", 100_000, 2_000), YEAR, YEAR),
        Plan(Traffic("1M", 1_000_000, 20_000), YEAR, MONTH),
    ]


async def main() -> None:
    """Loads, asks and prints."""
    chosen, today = plans(quick="--quick" in sys.argv), datetime.now(UTC).date()
    async with AsyncExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        session = await running.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        )
        others = await running.enter_async_context(databases(folder, session))
        stack = await running.enter_async_context(Stack(folder))
        api = await running.enter_async_context(api_of(stack))
        stores = await running.enter_async_context(stores_of(stack))
        customers = {one.traffic.people: await api.customer(f"bench-{one.traffic.people}") for one in chosen}
        for plan in chosen:
            await fill(plan, others, stores, customers[plan.traffic.people].id, today)
        await others.finish()
        keys = {people: customer.key for people, customer in customers.items()}
        service, timings = Service(session, stack.url, keys), Timings()
        await settle(chosen, service, today)
        for plan in chosen:
            await measure(plan, others.contenders, service, timings, today)
            await measure_floor(plan, service, timings, today)
            await measure_marked(plan, service, timings, today, stores, customers[plan.traffic.people].id)
            for _ in range(FIRST_TIMES):
                host = await stack.start_host()
                await measure_first(plan, Service(session, host.url, keys), timings, today)
                await host.stop()
    tell(timings, [one.name for one in others.contenders])


async def fill(plan: Plan, others: Databases, stores: Stores, tenant_id: str, today: date) -> None:
    """Gives everybody the plan's events, the newest days first; today is not sealed."""
    progress(f"loading {plan.traffic.name} events a day")
    newest: list[tuple[Day, Cube]] = []
    for some in batched(range(plan.days_of_events), max(IN_A_FILE // plan.traffic.events, 1), strict=False):
        days = [plan.traffic.day(n, today - timedelta(days=plan.days_of_events - 1 - n)) for n in some]
        cubes = [(day, day.cube()) for day in days]
        await others.load(cubes)
        for day, cube in cubes:
            await save_day(stores, tenant_id, day.day, cube, sealed=day.day < today)
        newest = [*newest, *cubes][-DISTINCT:]
    for n in range(plan.days_of_events, plan.days):
        again = n % len(newest)
        _, cube = newest[-1 - again]
        await save_day(stores, tenant_id, today - timedelta(days=n), moved(cube, again - n), sealed=True)
    await introduce(stores, tenant_id, plan.traffic, today)
    await stores.marks.mark(tenant_id, today)
    await merge_months(stores, tenant_id, today - timedelta(days=plan.days - 1), today)


async def settle(plans: Sequence[Plan], service: Service, today: date) -> None:
    """Has our host see that nothing more is marked, until it keeps what it reads."""
    for plan in plans:
        await service.ask(Question("by-feature", plan.traffic.people, today, today))
    await asyncio.sleep(CAUGHT_UP)


async def measure(
    plan: Plan, databases: Sequence[Contender], service: Service, timings: Timings, today: date
) -> None:
    """Asks everybody everything about one tenant, in turns; their answers have to be equal."""
    for question in questions(plan, today):
        cell = cell_of(plan, question)
        _, days, _ = cell
        progress(f"asking {cell}")
        timings.events[cell] = days * plan.traffic.events
        contenders = [*(databases if days <= plan.days_of_events else ()), service]
        check(
            question, {one.name: one.answer(question, (await one.ask(question)).body) for one in contenders}
        )
        for _ in range(TURNS):
            for one in contenders:
                await in_a_row(one, question, timings.of(cell, one.name))


async def in_a_row(contender: Contender, question: Question, answers: list[Timed]) -> None:
    """Keeps how long some answers took, after some to warm up; fewer if it takes too long."""
    began, asked, kept = time.perf_counter(), 0, 0
    while kept < IN_A_ROW and sum(one.took for one in answers) < MOST_SECONDS:
        is_warm = asked >= WARM and time.perf_counter() > began + WARM_SECONDS
        answer = await contender.ask(question)
        asked += 1
        if is_warm or answer.took > MOST_SECONDS:
            answers.append(answer)
            kept += 1


async def measure_floor(plan: Plan, service: Service, timings: Timings, today: date) -> None:
    """Asks for what needs no store, and for what has been kept of one day."""
    question = Question("by-feature", plan.traffic.people, today, today)
    for _ in range(ROUNDS):
        timings.health.append((await service.get("health")).took)
        timings.one_day.append((await service.ask(question)).took)


async def measure_marked(
    plan: Plan, service: Service, timings: Timings, today: date, stores: Stores, tenant_id: str
) -> None:
    """Asks when today has just been marked, as an event leaves it: everything is read again."""
    for question in questions(plan, today):
        for _ in range(ROUNDS):
            await stores.marks.mark(tenant_id, today)
            timings.of(cell_of(plan, question), MARKED).append(await service.ask(question))


async def measure_first(plan: Plan, service: Service, timings: Timings, today: date) -> None:
    """Asks a new host, which has imported what it needs but has not read these days before."""
    for view in VIEWS:
        await service.ask(Question(view, plan.traffic.people, today, today))
    for question in questions(plan, today):
        timings.of(cell_of(plan, question), FIRST).append(await service.ask(question))


def questions(plan: Plan, today: date) -> Iterator[Question]:
    """Each view over the last days: a month, and all there are."""
    for days in (MONTH, plan.days):
        for view in VIEWS:
            yield Question(view, plan.traffic.people, today - timedelta(days=days - 1), today)


def cell_of(plan: Plan, question: Question) -> Cell:
    """Where the report has it."""
    return plan.traffic.name, (question.last - question.first).days + 1, question.view


def check(question: Question, answers: Mapping[str, Answer]) -> None:
    """Raises RuntimeError unless all answers are equal."""
    (name, expected), *others = answers.items()
    for other, answer in others:
        if answer != expected:
            raise RuntimeError(f"{name} and {other} do not agree on {question}")


if __name__ == "__main__":
    asyncio.run(main())
