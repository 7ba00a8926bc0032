"""Erased users: a pseudonym stands wherever they are shown, and no sum changes."""

import asyncio
import re
from datetime import date
from typing import Any

import orjson
import pytest

from shared import directory
from shared.columns import USER, Value
from shared.days import Period
from shared.directory import Person
from shared.errors import Busy, Conflict
from shared.ingest import ingest
from shared.query import SummaryQuery, ViewQuery
from shared.reading import read
from shared.rollup import fold_day
from shared.summary import summary
from shared.table import Question, list_view
from tests.events import CONTOSO, FABRIKAM, body, cloud, event
from tests.fakes import NOW, Cloud, Interrupted

TODAY = date(2026, 3, 10)
PSEUDONYM = re.compile(r"erased-[0-9a-f]{8}")
ANN = {"id": "ann", "name": "Ann Lee", "email": "ann@x"}
BOB = {"id": "bob", "name": "Bob", "email": "bob@x"}


async def send(one: Cloud, *names: str, user: dict[str, str], **fields: Any) -> None:  # noqa: ANN401 - any JSON
    """Ingests an event of the user for each name."""
    await ingest(one.stores(), body(*(event(name, user=user, **fields) for name in names)), NOW)


async def fold(one: Cloud) -> None:
    """Folds what waits, as the timer does."""
    await fold_day(one.stores().usage, "contoso", TODAY, NOW)


async def erase(one: Cloud, user: str = "ann") -> str:
    """Erases a user of Contoso."""
    return await directory.erase(one.stores(), "contoso", user)


async def by_user(one: Cloud, **given: object) -> dict[str | None, tuple[int, str | None, str | None]]:
    """Requests, name and email of each user."""
    question = Question(CONTOSO, Period(TODAY, TODAY), NOW)
    answer = await list_view(one.stores(), "by-user", question, ViewQuery.model_validate(given))
    assert answer["totals"]["requests"] == sum(row["requests"] for row in answer["data"])
    return {row["user_id"]: (row["requests"], row["name"], row["email"]) for row in answer["data"]}


async def example(*, folded: bool) -> Cloud:
    """Two requests of Ann, one of Bob, one of nobody."""
    one = cloud()
    await send(one, "a1", "a2", user=ANN)
    await send(one, "b1", user=BOB)
    await ingest(one.stores(), body(event("n1", user=None)), NOW)
    if folded:
        await fold(one)
    return one


@pytest.mark.parametrize("folded", [False, True])
async def test_a_pseudonym_stands_for_an_erased_user(folded: bool) -> None:
    """From stored usage and from segments, usage past and to come; others stay who they are."""
    one = await example(folded=folded)
    pseudonym = await erase(one)
    assert PSEUDONYM.fullmatch(pseudonym)
    others = {"bob": (1, "Bob", "bob@x"), None: (1, None, None)}
    assert await by_user(one) == {pseudonym: (2, None, None), **others}
    await send(one, "a3", user=ANN)
    for _ in range(2):
        assert await by_user(one) == {pseudonym: (3, None, None), **others}
        await fold(one)


@pytest.mark.parametrize("folded", [False, True])
async def test_the_id_is_found_no_more(folded: bool) -> None:
    """Neither a filter nor a search finds the id, the name or the email; the pseudonym is found."""
    one = await example(folded=folded)
    pseudonym = await erase(one)
    assert await by_user(one, user=["ann"]) == {}
    for text in ("ann", "Lee", "ann@x"):
        assert await by_user(one, q=text) == {}
    expected = {pseudonym: (2, None, None)}
    assert await by_user(one, user=[pseudonym]) == await by_user(one, q=pseudonym) == expected
    question = Question(CONTOSO, Period(TODAY, TODAY), NOW)
    for user, requests in (("ann", 0), (pseudonym, 2)):
        found = await summary(one.stores(), question, SummaryQuery(user=[user]))
        assert found["totals"]["requests"] == requests


async def test_no_sum_changes() -> None:
    """Totals, users and whatever does not ask for users are what they were."""
    one = await example(folded=True)
    question = Question(CONTOSO, Period(TODAY, TODAY), NOW)
    before = await summary(one.stores(), question, SummaryQuery())
    await erase(one)
    assert await summary(one.stores(), question, SummaryQuery()) == before


async def test_the_name_leaves_the_directory_for_good() -> None:
    """Neither what waited nor what comes brings it back: not the id, the name or the email."""
    one = await example(folded=True)
    await send(one, "a3", user=ANN)
    await erase(one)
    await send(one, "a4", user={**ANN, "name": "Ann Lee-Poe"})
    await fold(one)
    await directory.learn(one.stores().usage, "contoso", one.kind("segment"))
    stored = orjson.dumps(one.kind("directory"))
    assert b"Bob" in stored
    for text in (b"ann", b"Ann", b"Lee"):
        assert text not in stored
    assert set(await directory.load(one.stores().usage, "contoso")) == {"bob"}


async def test_who_takes_a_pseudonym_for_an_id_gives_it_no_name() -> None:
    """Usage sent under a pseudonym is added to it; the name it came with is not shown."""
    one = await example(folded=False)
    pseudonym = await erase(one)
    await send(one, "x1", user={"id": pseudonym, "name": "Mallory", "email": "m@x"})
    for _ in range(2):
        assert (await by_user(one))[pseudonym] == (3, None, None)
        await fold(one)
    assert await erase(one, pseudonym) == pseudonym
    assert (await by_user(one))[pseudonym] == (3, None, None)


async def test_a_user_has_one_pseudonym() -> None:
    """Erasing again gives the same one; each user, also an unknown one, and each tenant has its own."""
    one = await example(folded=True)
    first = await erase(one)
    assert await erase(one) == first
    stores = one.stores()
    others = [await erase(one, "bob"), await erase(one, "unknown")]
    assert len({first, *others, await directory.erase(stores, FABRIKAM.id, "ann")}) == 4
    shown = directory.pseudonyms(await stores.usage.directory("contoso"))
    users: list[Value] = ["ann", "bob", "unknown", "cy", None, first]
    assert [shown(user) for user in users] == [first, *others, "cy", None, first]


async def test_an_erasure_of_one_tenant_is_none_of_another() -> None:
    """The same id elsewhere is somebody else."""
    one = await example(folded=False)
    theirs = event("f1", tenant_id="fabrikam", user=ANN)
    await ingest(one.stores(), body(theirs), NOW)
    await erase(one)
    found = await read(one.stores(), "fabrikam", Period(TODAY, TODAY), (USER,))
    assert found.cube.dimensions[USER].column() == ["ann"]
    assert found.people is not None
    assert found.people["ann"].name == "Ann Lee"


async def test_the_operators_word_replaces_that_of_events() -> None:
    """Even of events just ahead of the clock; an absent name or email stays; a later event changes it."""
    one = cloud()
    await send(one, "a1", user=ANN, time="2026-03-10T12:04:00Z")
    await fold(one)
    stores, now = one.stores(), 1_773_144_000_000
    assert (await directory.update(stores, "contoso", "ann", Person("Anna", None, now))).email == "ann@x"
    await send(one, "a0", user={**ANN, "name": "Old"}, time="2026-03-10T11:00:00Z")
    for _ in range(2):
        assert (await by_user(one))["ann"] == (2, "Anna", "ann@x")
        await fold(one)
    await send(one, "a2", user={**ANN, "name": "Annie"}, time="2026-03-10T12:04:01Z")
    for _ in range(2):
        assert (await by_user(one))["ann"] == (3, "Annie", "ann@x")
        await fold(one)


async def test_the_operators_word_on_what_waits() -> None:
    """The same name again is news when an event with another one has not been folded yet."""
    one = cloud()
    stores = one.stores()
    await directory.update(stores, "contoso", "ann", Person("Ann Lee", "ann@x", 1))
    await send(one, "a1", user={**ANN, "name": "Other"})
    await directory.update(stores, "contoso", "ann", Person("Ann Lee", "ann@x", 1_900_000_000_000))
    assert (await by_user(one))["ann"] == (1, "Ann Lee", "ann@x")


async def test_an_erased_user_gets_no_new_name() -> None:
    """Neither under the id nor under the pseudonym."""
    one = await example(folded=True)
    pseudonym = await erase(one)
    for user in ("ann", pseudonym):
        with pytest.raises(Conflict):
            await directory.update(one.stores(), "contoso", user, Person("Ann", None, 1))


@pytest.mark.parametrize("at", range(1, 6))
async def test_an_erasure_amid_a_fold_is_not_lost(at: int) -> None:
    """Whenever it comes, the fold neither brings the name back nor forgets the erasure."""
    one = await example(folded=False)
    found: list[str] = []

    async def meanwhile() -> None:
        found.append(await erase(one))

    process = Interrupted(at, meanwhile)
    await fold_day(one.stores(process).usage, "contoso", TODAY, NOW)
    assert len(found) == 1
    assert b"Ann" not in orjson.dumps(one.kind("directory"))
    assert (await by_user(one))[found[0]] == (2, None, None)


async def test_erasures_at_the_same_time_are_all_kept() -> None:
    """Two of one shard start over; each user has a pseudonym in the end."""
    one = cloud()
    users = [f"user-{number}" for number in range(4)]
    found = await asyncio.gather(*(erase(one, user) for user in users))
    shown = directory.pseudonyms(await one.stores().usage.directory("contoso"))
    assert [shown(user) for user in users] == found
    assert len(set(found)) == 4


async def test_an_erasure_that_always_loses_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """It raises Busy, and nobody takes the user for erased."""
    stores = cloud().stores()

    async def lose(*_: object) -> bool:
        return False

    monkeypatch.setattr(stores.usage, "commit", lose)
    with pytest.raises(Busy):
        await directory.erase(stores, "contoso", "ann")
