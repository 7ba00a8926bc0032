"""The directory: the newest name and email of each user, whoever writes at the same time."""

import asyncio
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import directory
from shared.directory import Person, learn, load, newest
from shared.errors import Busy, Conflict
from shared.event_columns import in_columns
from shared.segment import make_segment
from tests.events import event, good
from tests.fakes import NOW, Cloud, Process


def segment(*people: tuple[str, str | None, str | None, int]) -> dict[str, Any]:
    """A segment of these users: id, name, email, and the second at which they were seen."""
    events = []
    for user, name, email, second in people:
        given = {key: value for key, value in (("name", name), ("email", email)) if value}
        one = event(time=f"2026-03-10T00:00:{second:02d}Z", user={"id": user, **given})
        events.append(good(one))
    return make_segment("contoso", NOW.date(), "b", in_columns(events))


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize(
    ("people", "shown"),
    [
        ([("u", "Ann", "a@x", 1), ("u", "Anna", "b@x", 2)], ("Anna", "b@x")),
        ([("u", "Anna", "b@x", 2), ("u", "Ann", "a@x", 1)], ("Anna", "b@x")),
        ([("u", "Ann", None, 1), ("u", None, "a@x", 2)], ("Ann", "a@x")),
        ([("u", None, "a@x", 2), ("u", "Ann", None, 1)], ("Ann", "a@x")),
        ([("u", "Ann", None, 1), ("u", None, None, 2)], ("Ann", None)),
        ([("u", None, None, 1)], None),
    ],
)
async def test_the_name_and_the_email_seen_last_are_shown(
    people: list[tuple[str, str | None, str | None, int]], shown: tuple[str, str] | None, apart: bool
) -> None:
    """Whether they came in one batch or in many, and in which order."""
    usage = Cloud().stores().usage
    for some in [[one] for one in people] if apart else [people]:
        await learn(usage, "contoso", [segment(*some)])
    found = {user: (person.name, person.email) for user, person in (await load(usage, "contoso")).items()}
    assert found == ({"u": shown} if shown else {})


async def test_what_is_known_is_not_written_again() -> None:
    """A fold that brings no news costs one query."""
    cloud, process = Cloud(), Process()
    await learn(cloud.stores().usage, "contoso", [segment(("u", "Ann", None, 1))])
    before = cloud.kind("directory")
    await learn(cloud.stores(process).usage, "contoso", [segment(("u", "Ann", None, 5))])
    assert cloud.kind("directory") == before
    assert process.steps == 1


async def test_writers_at_the_same_time_forget_nobody() -> None:
    """One of two that write the same shard starts over."""
    cloud = Cloud()
    users = [[(f"{writer}-{n}", f"Name {n}", None, 1) for n in range(40)] for writer in range(3)]
    await asyncio.gather(*(learn(cloud.stores().usage, "contoso", [segment(*some)]) for some in users))
    found = await load(cloud.stores().usage, "contoso")
    assert set(found) == {one[0] for some in users for one in some}
    assert len(cloud.kind("directory")) == directory.SHARDS


async def test_a_writer_that_always_loses_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It raises Busy, and the fold is tried again later."""
    usage = Cloud().stores().usage

    async def lose(*_: object) -> bool:
        return False

    monkeypatch.setattr(usage, "commit", lose)
    with pytest.raises(Busy):
        await learn(usage, "contoso", [segment(("u", "Ann", None, 1))])


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A cloud of one shard, which has room for about three users."""
    monkeypatch.setattr(directory, "SHARDS", 1)
    monkeypatch.setattr(directory, "MAX_SHARD", 200)
    return Cloud()


async def test_a_full_shard_takes_no_new_names_and_keeps_nobody_waiting(
    full: Cloud, caplog: pytest.LogCaptureFixture
) -> None:
    """Those known stay and may change; the others are shown without name, and that is logged."""
    process = Process()
    usage = full.stores(process).usage
    await learn(usage, "contoso", [segment(*((f"u{n}", f"Name {n}", None, 1) for n in range(9)))])
    known = await load(usage, "contoso")
    assert set(known) == {"u0", "u1", "u2"}
    assert [record.getMessage() for record in caplog.records] == [
        "no room for the names of 6 users of contoso"
    ]
    steps = process.steps
    await learn(usage, "contoso", [segment(("u7", "Name 7", None, 2), ("u1", "Name 1", None, 2))])
    assert process.steps == steps + 1  # nothing is written for what finds no room
    await learn(usage, "contoso", [segment(("u8", "Name 8", None, 3), ("u1", "Nome", None, 3))])
    assert {user: person.name for user, person in (await load(usage, "contoso")).items()} == {
        "u0": "Name 0",
        "u1": "Nome",
        "u2": "Name 2",
    }


async def test_users_are_erased_from_a_full_shard_whose_room_is_taken_again(full: Cloud) -> None:
    """Known or not; naming another one is refused until then."""
    stores = full.stores()
    await learn(stores.usage, "contoso", [segment(*((f"u{n}", f"Name {n}", None, 1) for n in range(9)))])
    with pytest.raises(Conflict):
        await directory.update(stores, "contoso", "u8", Person("Name 8", None, 2))
    assert await directory.erase(stores, "contoso", "u7") == await directory.erase(stores, "contoso", "u7")
    await directory.erase(stores, "contoso", "u0")
    await directory.update(stores, "contoso", "u8", Person("Name 8", None, 2))
    assert set(await load(stores.usage, "contoso")) == {"u1", "u2", "u8"}


def test_sources_are_merged_by_who_saw_a_user_last() -> None:
    """Each user stands there once."""
    older, newer = {"u": Person("Ann", "a@x", 1), "v": Person("Vic", None, 1)}, {"u": Person("Anna", None, 2)}
    expected = {"u": Person("Anna", "a@x", 2), "v": Person("Vic", None, 1)}
    assert newest(older, newer) == newest(newer, older) == expected
    assert newest() == {}


SEEN = st.tuples(st.sampled_from(["", "Ann", "Bo", None]), st.sampled_from(["a@x", None]), st.integers(0, 3))
SOURCES = st.dictionaries(st.sampled_from([f"u{n}" for n in range(6)]), SEEN)


@settings(max_examples=100, deadline=None)
@given(
    stored=SOURCES, named=st.lists(SOURCES, max_size=3), erased=st.sets(st.sampled_from(["u1", "u2", "x"]))
)
def test_who_is_looked_up_is_who_all_sources_know_together(
    stored: dict[str, Any], named: list[dict[str, Any]], erased: set[str]
) -> None:
    """Looking up one user finds what merging everything finds; nobody erased is found."""
    stores = Cloud().stores()
    for user in sorted(erased):
        asyncio.run(directory.erase(stores, "t", user))
    shards = {document["id"]: document for document in asyncio.run(stores.usage.directory("t"))}
    for user, seen in stored.items():
        name = f"directory|{zlib.crc32(user.encode()) % directory.SHARDS}"
        shard = shards.setdefault(name, {"id": name, "tenantId": "t", "people": {}})
        shard["people"][user] = documents(seen)
    segments = [{"people": {user: documents(seen) for user, seen in one.items()}} for one in named]
    found = directory.people([*shards.values()], directory.of_segments(segments))
    told = newest(*({user: Person(*seen) for user, seen in one.items()} for one in named))
    known = newest({user: Person(*seen) for user, seen in stored.items()}, told)
    expected = {user: person for user, person in known.items() if user not in erased}
    assert dict(found) == expected
    assert len(found) == len(expected)
    assert {user: found.get(user) for user in ("u0", "u1", "nobody")} == {
        user: expected.get(user) for user in ("u0", "u1", "nobody")
    }


def documents(seen: tuple[str | None, str | None, int]) -> dict[str, Any]:
    """A user as documents keep them."""
    return dict(zip(("name", "email", "seen"), seen, strict=True))


async def test_of_two_states_of_a_shard_the_newest_is_read() -> None:
    """Two readings that are made together may have seen both; the same state twice is one."""
    stores = Cloud().stores()
    states = []
    for name in ("Ann", "Anna"):
        await directory.update(stores, "contoso", "ann", Person(name, None, 1))
        states += await directory.shards(stores, "contoso", await stores.usage.directory("contoso"))
    for seen in (states, states[::-1], [states[1], states[1]]):
        found = await directory.shards(stores, "contoso", seen)
        assert [shard["people"]["ann"]["name"] for shard in found] == ["Anna"]
