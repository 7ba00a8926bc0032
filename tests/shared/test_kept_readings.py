"""What a process has read it tells again, as long as nothing that it tells of may have changed."""

import pytest

from shared.columns import USER
from shared.days import Period
from shared.directory import Person, update
from shared.look import SETTLED
from shared.reading import KEPT, read, read_all
from tests.fakes import Process
from tests.shared.sealing import ALL, on, sums_of
from tests.shared.shop import BY_DAY, BY_USER, MARCH_DAY, TODAY, Shop, fill, today


async def test_what_was_read_is_told_again_as_long_as_nothing_is_marked(shop: Shop) -> None:
    """For one operation, however much is folded meanwhile; then it is read again."""
    await fill(shop)
    await shop.keep(BY_USER)
    await shop.fold()
    process = Process()
    assert await shop.read(BY_USER, process) == shop.truth(BY_USER)
    assert process.steps == 1
    await today(shop)
    for _ in range(2):
        process = Process()
        assert await shop.read(BY_USER, process) == shop.truth(BY_USER)
        assert process.steps > 1


@pytest.mark.parametrize("age", [KEPT - 1, KEPT])
async def test_nothing_is_told_again_for_long(shop: Shop, age: float) -> None:
    """Whatever else may have been changed, by hand even, shows after some minutes."""
    await fill(shop)
    await shop.keep(BY_DAY)
    shop.cloud.wait(age)
    process = Process()
    await shop.read(BY_DAY, process)
    assert (process.steps == 1) == (age < KEPT)


async def test_what_a_replica_had_not_seen_is_not_kept(shop: Shop) -> None:
    """It may lack what has just been marked, for a moment."""
    await fill(shop)
    old = shop.state
    await today(shop)
    new, truth = shop.state, shop.truth(BY_DAY)
    lagging = {**old, "marks": new["marks"]}
    for wait, state in ((0, lagging), (SETTLED - 1, lagging), (1, new), (0, new)):
        shop.set({**state, "now": shop.cloud.now})
        shop.cloud.wait(wait)
        found = await shop.read(BY_DAY)
        assert (found == truth) == (state is new)


async def test_readings_told_again_are_those_of_the_same_question(shop: Shop) -> None:
    """Of the same tenant, period and dimensions; several are told if all of them are kept."""
    await fill(shop)
    await shop.keep(BY_DAY)
    wanted = [(ALL, BY_DAY), (Period(TODAY, TODAY), BY_DAY), (ALL, BY_USER)]
    for _ in range(2):
        process = Process()
        found = await read_all(shop.reader_in(process), "contoso", wanted)
        for (period, names), one in zip(wanted, found, strict=True):
            fresh = await read(shop.cloud.stores(), "contoso", period, names)
            assert sums_of(one.cube, names) == sums_of(fresh.cube, names)
    assert process.steps == 1


async def test_each_reading_has_the_names_of_its_time(shop: Shop) -> None:
    """Also where the directory has learnt of a user between two readings that are told together."""
    stores = shop.cloud.stores()
    await update(stores, "contoso", "u10", Person("Old", None, 1))  # in the same shard as zed
    zed = {"id": "zed", "name": "Zed", "email": None}
    await shop.ingest(on(TODAY, 1) | {"user": zed})
    wanted = [(Period(MARCH_DAY, TODAY), (USER,)), (ALL, (USER,))]
    await read_all(shop.reader, "contoso", wanted)
    shop.cloud.wait(SETTLED)
    for one in wanted:
        await read_all(shop.reader, "contoso", [one])
        await shop.fold()
    for order in (wanted, wanted[::-1]):
        process = Process()
        found = await read_all(shop.reader_in(process), "contoso", order)
        assert [one.people and one.people["zed"].name for one in found] == ["Zed", "Zed"]
        assert process.steps == 1
