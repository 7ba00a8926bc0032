"""Repricing: afterwards every view is the recount of all events at the new prices, to the nano-dollar."""

import asyncio
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.days import Period
from tests.events import Event
from tests.fakes import Interrupted, Process
from tests.shared.market import (
    BOOKS,
    STEP,
    Market,
    counted,
    interrupted,
    numbered,
    persistent,
    same_in_all_views,
    two_days,
)


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Apia", "America/New_York"]),
    steps=st.lists(STEP, min_size=2, max_size=9),
    seed=st.integers(0, 2**32),
)
async def test_views_are_the_recount_at_the_prices_that_were_applied(
    zone: str, steps: list[tuple[str, object]], seed: int
) -> None:
    """Through folds, seals, months, late events, kills and races; what is sealed again stays repriced."""
    world, number = Market(zone, Random(seed)), 0
    world.price(BOOKS[1])

    def fresh(hours: list[int]) -> list[Event]:
        nonlocal number
        number += len(hours)
        return [numbered(number - index, hour) for index, hour in enumerate(hours)]

    for name, value in steps:
        match name, value:
            case "ingest", list():
                await world.ingest(*fresh(value))
            case "prices", list():
                world.price(value)
            case "reprice", Period():
                await world.reprice(value)
            case "kill", (int() as stop_at, bool() as after, bool() as dies):
                await interrupted(world, Process(stop_at, after=after, dies=dies))
                await world.reprice()
            case "race", list():
                await asyncio.gather(
                    world.seal(), world.ingest(*fresh(value)), persistent(world), world.fold()
                )
                await persistent(world)
            case "fold", _:
                await world.fold()
            case "settle", _:
                await world.settle()
            case _:
                world.cloud.wait(value if isinstance(value, int) else 0)
        await world.check()
    world.cloud.wait(61)
    await world.settle()
    await world.check_done()
    await world.check_events()


@pytest.mark.parametrize(("after", "dies", "settled"), [(True, True, True), (False, False, False)])
async def test_a_run_stopped_anywhere_is_completed_by_its_repetition(
    after: bool, dies: bool, settled: bool
) -> None:
    """Whole days are repriced or not; repeated, the run leaves what an uninterrupted one does."""
    stop_at, stopped = 0, True
    while stopped:
        stop_at += 1
        world = await two_days()
        if not settled:
            await world.ingest(numbered(8, 0), numbered(9, 24))
        world.price(BOOKS[2])
        process = Process(stop_at, after=after, dies=dies)
        await interrupted(world, process)
        stopped = process.steps >= stop_at
        await same_in_all_views(world)
        repriced = [str(one["day"]) for one in world.cloud.kind("totals") if one["tariff"]]
        told = [one.through for one in await world.records() if one.through]
        assert not repriced or max(repriced) <= str(max(told))
        await world.reprice()
        await world.check()
        record, _ = await world.reprice()
        assert record.answer()["totals"]["delta_usd"] == 0
        world.cloud.wait(61)
        await world.settle()
        await world.check_done()
    assert stop_at > 15


@pytest.mark.parametrize("stopped", [True, False])
@pytest.mark.parametrize("other", ["seal", "ingest"])
async def test_a_run_overtaken_anywhere_stays_exact(other: str, stopped: bool) -> None:
    """A round of the timer, or an event that comes, between any two operations; also if the later fails."""
    at, overtaken = 0, True
    while overtaken:
        at += 1
        world = await two_days()
        world.price(BOOKS[2])

        async def others(world: Market = world) -> None:
            if other == "ingest":
                await world.ingest(numbered(9, 0))
            else:
                world.cloud.wait(61)
                await world.seal()

        process = Interrupted(at, others)
        process.stop_at, process.after = at * stopped, True
        days = await interrupted(world, process)
        assert {one.source for one in days} <= {"segments"}
        overtaken = process.left <= 0
        if stopped:
            await world.reprice()
        else:
            world.sent = [counted(world.prices, world.raw[one["id"]]) for one in world.sent]
        await world.check()
        world.cloud.wait(61)
        await world.settle()
        await world.check_done()
    assert at > 15
