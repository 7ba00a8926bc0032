"""What a process has read it tells again, as long as nothing that it tells of may have changed."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date

import pytest

from shared.columns import USER
from shared.days import Period
from shared.directory import Person, erase, update
from shared.export import view_sheet
from shared.ingest import ingest
from shared.look import CAUGHT_UP
from shared.ports import Stores
from shared.query import SummaryQuery, ViewQuery
from shared.reading import KEPT, Reading, answer, read, read_all
from shared.rebuild import Rebuild
from shared.reprice import Repricing
from shared.saved import Asked
from shared.seal import seal_marked
from shared.summary import summary
from shared.table import Question, list_view
from tests.events import Sums, body
from tests.fakes import Interrupted, Process
from tests.shared.market import BOOKS
from tests.shared.sealing import ALL, on, sums_of
from tests.shared.shop import BY_DAY, BY_USER, MARCH_DAY, NUMBERS, TODAY, Late, Shop, fill, today


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


async def test_an_answer_is_made_of_what_is_kept_while_the_marks_are_on_their_way(shop: Shop) -> None:
    """It is made anew where they have changed."""
    await fill(shop)
    await shop.keep(BY_DAY)
    for change, logs in ((None, [["begin"]]), (today, [["begin"], ["begin", "end"]])):
        if change:
            await change(shop)
        process, made = Late(), list[list[str]]()

        def work(readings: list[Reading], process: Late = process, made: list[list[str]] = made) -> Sums:
            made.append(process.log[:2])
            return sums_of(readings[0].cube, BY_DAY)

        found = await answer(shop.reader_in(process), "contoso", [(ALL, BY_DAY)], work)
        assert (found, made) == (shop.truth(BY_DAY), logs)


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
    """It may lack what has just been marked, for a moment, also of a day that was marked before."""
    await fill(shop)
    await shop.keep(BY_DAY)
    shop.cloud.wait(KEPT)
    old = shop.state
    await today(shop)
    new, truth = shop.state, shop.truth(BY_DAY)
    lagging = {**old, "marks": new["marks"]}
    for wait, state in ((0, lagging), (CAUGHT_UP - 1, lagging), (1, new), (0, new)):
        shop.set({**state, "now": shop.cloud.now})
        shop.cloud.wait(wait)
        found = await shop.read(BY_DAY)
        assert (found == truth) == (state is new)


async def test_tenants_share_no_reading(shop: Shop) -> None:
    """Also where none of them has a mark: then their marks are the same."""
    await shop.ingest(on(MARCH_DAY, 1))
    await shop.settle()
    shop.cloud.stamps.clear()
    assert not shop.cloud.marks
    march, asked = Period(MARCH_DAY, MARCH_DAY), ("feature",)
    for tenant_id, requests in (("contoso", 1), ("fabrikam", 0)):
        for _ in range(3):
            found = await read(shop.reader, tenant_id, march, asked)
            assert found.cube.totals()["requests"] == requests
            shop.cloud.wait(CAUGHT_UP)


QUERIES: list[dict[str, object]] = [
    {},
    {"compare": "previous"},
    {"limit": 1, "offset": 1},
    {"sort": "requests"},
    {"q": "user1"},
    {"feature": ["call-recap"]},
    {"feature": ["playground"]},
]


async def test_answers_of_what_is_kept_are_those_of_what_is_stored(shop: Shop) -> None:
    """Whatever else is asked of the same readings, for one operation: pages, searches, files, the summary."""
    await fill(shop)
    question = Question(shop.tenant, Period(MARCH_DAY, TODAY), shop.cloud.now)
    queries = [ViewQuery.model_validate(query) for query in QUERIES]

    async def answers(stores: Stores) -> list[object]:
        sheet = await view_sheet("by-user", stores, question, queries[1])
        return [
            [await list_view(stores, "by-user", question, query) for query in queries],
            [sheet.columns, [*sheet.rows]],
            await summary(stores, question, SummaryQuery()),
        ]

    for _ in range(2):
        await answers(shop.reader)
        shop.cloud.wait(CAUGHT_UP)
    process = Process()
    assert await answers(shop.reader_in(process)) == await answers(shop.cloud.stores())
    assert process.steps == len(queries) + 2


async def test_readings_told_again_are_those_of_the_same_question(shop: Shop) -> None:
    """Of the same period and dimensions; several are told if all of them are kept."""
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
    shop.cloud.wait(CAUGHT_UP)
    for one in wanted:
        await read_all(shop.reader, "contoso", [one])
        await shop.fold()
    for order in (wanted, wanted[::-1]):
        process = Process()
        found = await read_all(shop.reader_in(process), "contoso", order)
        assert [one.people and one.people["zed"].name for one in found] == ["Zed", "Zed"]
        assert process.steps == 1


async def test_what_was_asked_for_too_early_is_not_kept(shop: Shop) -> None:
    """However late its answer came: a replica may have given it before it had all that was marked."""
    await fill(shop)
    await shop.read(BY_DAY)
    shop.cloud.wait(CAUGHT_UP - 1)
    process = Late(-1, lambda: shop.cloud.wait(CAUGHT_UP))
    await process.run(shop.read(BY_DAY, process))
    process = Late()
    await shop.read(BY_DAY, process)
    assert process.begun > 1


async def test_the_time_of_a_reading_is_when_it_was_asked_for(shop: Shop) -> None:
    """Not when it was there."""
    await fill(shop)
    await shop.read(BY_DAY)
    shop.cloud.wait(CAUGHT_UP)
    process = Late(-1, lambda: shop.cloud.wait(KEPT / 2))
    await process.run(shop.read(BY_DAY, process))
    for wait, is_told in ((KEPT / 2 - 1, True), (1, False)):
        shop.cloud.wait(wait)
        one = Process()
        await shop.read(BY_DAY, one)
        assert (one.steps == 1) == is_told


type Change = Callable[[Shop, Stores], Awaitable[object]]


async def _name(_: Shop, stores: Stores) -> None:
    await update(stores, "contoso", "user1", Person("New", None, 2))


async def _erase(_: Shop, stores: Stores) -> None:
    await erase(stores, "contoso", "user1")


async def _ingest(shop: Shop, stores: Stores) -> None:
    await ingest(stores, body(on(MARCH_DAY, next(NUMBERS))), shop.cloud.now)


async def _reprice(shop: Shop, stores: Stores) -> None:
    shop.price(BOOKS[2])
    await Repricing(stores, shop.tenant, shop.cloud.book, shop.cloud.now).run(ALL)


async def _rebuild(shop: Shop, stores: Stores) -> None:
    job = Rebuild(stores, shop.tenant, shop.cloud.now)
    assert await job.day(TODAY) == "repaired"


async def _seal(shop: Shop, stores: Stores) -> None:
    assert (await seal_marked(stores, shop.cloud.now, lambda mark: True)).repaired


@pytest.mark.parametrize("change", [_name, _erase, _ingest, _reprice, _rebuild, _seal])
async def test_a_change_shows_at_once_whatever_was_kept_meanwhile(shop: Shop, change: Change) -> None:
    """Before each of its operations readers may have read, and kept, what was stored until then."""
    await fill(shop)
    await update(shop.cloud.stores(), "contoso", "user1", Person("Old", None, 1))
    await shop.fold()
    for one in shop.cloud.kind("totals"):
        if one["day"] in (str(MARCH_DAY), str(TODAY)):
            shop.cloud.documents["contoso", one["id"]] = {**one, "duplicates": 7}

    async def keep() -> None:
        for _ in range(2):
            await shop.read((USER,))
            shop.cloud.wait(CAUGHT_UP)

    before, at, left = shop.state, 0, 0
    while left <= 0:
        shop.set(before)
        at += 1
        await change(shop, shop.cloud.stores(process := Interrupted(at, keep)))
        left = process.left
        found, fresh = [
            await read(one, "contoso", ALL, (USER,)) for one in (shop.reader, shop.cloud.stores())
        ]
        assert (found.people, found.duplicates) == (fresh.people, fresh.duplicates)
        assert sums_of(found.cube, (USER,)) == sums_of(fresh.cube, (USER,))
    assert at > 2


async def test_an_erasure_leaves_no_reading_torn(shop: Shop) -> None:
    """Shards of a later time do not go with what is kept: who is shown under the own id has the name."""
    await fill(shop)
    await update(shop.cloud.stores(), "contoso", "user1", Person("Old", None, 1))
    await shop.keep((USER,))

    async def read_without_shards() -> None:
        found = await read(replace(shop.reader, shards=shop.cloud.stores().shards), "contoso", ALL, (USER,))
        assert ("user1" in found.cube.dimensions[USER].column()) == ("user1" in (found.people or ()))

    process = Interrupted(3, read_without_shards)
    await erase(shop.cloud.stores(process), "contoso", "user1")
    assert process.left <= 0


async def test_a_reading_of_nothing_takes_room(shop: Shop) -> None:
    """Nobody fills the memory with questions about years without usage."""
    empty = Period(date(2020, 1, 1), date(2020, 1, 9))
    for _ in range(2):
        await read(shop.reader, "contoso", empty, ("feature",))
        shop.cloud.wait(CAUGHT_UP)
    kept = shop.reader.readings.get(("contoso", Asked(empty, ("feature",))))
    assert kept
    assert kept.size > 1_000
    assert kept.marking is shop.look.marking  # many readings share one
