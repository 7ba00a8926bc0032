"""The usage documents through the real client: what is found, who wins, and what failures leave behind."""

import asyncio
from datetime import date
from typing import Any

import pytest
from azure.core.exceptions import AzureError
from azure.cosmos.exceptions import CosmosHttpResponseError

from local.cosmos import LocalCosmos
from local.cosmos.faults import When
from shared.days import Period
from shared.segment import names_of
from shared.stores.usage import UsageStore

DAY, NEXT = date(2026, 3, 9), date(2026, 3, 10)
TENANT = "contoso"


def segment(number: int, day: date = DAY, tenant_id: str = TENANT) -> dict[str, Any]:
    """A small segment."""
    name = f"seg|{day}|{number}"
    return {"id": name, "tenantId": tenant_id, "kind": "segment", "day": str(day), "n": number, "ttl": 1000}


def totals(day: date = DAY, **fields: object) -> dict[str, Any]:
    """A totals document."""
    name = f"totals|{day}"
    return {"id": name, "tenantId": TENANT, "kind": "totals", "day": str(day), "version": 1, **fields}


def users(version: int, writer: str, day: date = DAY) -> dict[str, Any]:
    """A users chunk."""
    name = f"users|{day}|{version}.{writer}|0"
    chunk = {"id": name, "tenantId": TENANT, "kind": "users", "day": str(day)}
    return chunk | {"version": version, "writer": writer}


async def found(usage: UsageStore, day: date = DAY, known: tuple[str, ...] = ()) -> list[int]:
    """The numbers of the day's segments."""
    return [one["n"] for one in await usage.segments(TENANT, day, 0, known, 100)]


async def stored(usage: UsageStore) -> dict[str, Any]:
    """The day's totals document."""
    (document,) = await usage.documents(TENANT, "totals", Period(DAY, DAY))
    return document


async def test_a_segment_is_stored_once(usage: UsageStore) -> None:
    """Storing it again is fine and changes nothing."""
    await usage.add_segment(segment(1))
    await usage.add_segment(segment(1))
    assert await found(usage) == [1]
    assert await usage.count_segments(TENANT, DAY, 0, ()) == 1


async def test_segments_are_those_of_the_tenant_day_not_known(usage: UsageStore) -> None:
    """Others' segments, other days, known ids and those from before are left out; never more than asked."""
    for one in (segment(1), segment(2), segment(3), segment(4, NEXT), segment(5, tenant_id="fabrikam")):
        await usage.add_segment(one)
    assert sorted(await found(usage, known=(segment(2)["id"],))) == [1, 3]
    assert len(await usage.segments(TENANT, DAY, 0, (), 2)) == 2
    newest = max(one["_ts"] for one in await usage.segments(TENANT, DAY, 0, (), 9))
    assert await usage.segments(TENANT, DAY, newest + 1, (), 9) == []
    assert await usage.count_segments(TENANT, DAY, newest + 1, ()) == 0
    assert await usage.count_segments(TENANT, DAY, 0, (segment(2)["id"],)) == 2


async def test_names_are_those_of_the_tenant_day(usage: UsageStore) -> None:
    """Ids and sources of each of its segments, and nothing else."""
    for one in (segment(1), segment(2), segment(3, NEXT), segment(4, tenant_id="fabrikam")):
        names = {"event_ids": [f"e{one['n']}"], "sources": {"values": ["psa"], "codes": 0}}
        await usage.add_segment(one | names)
    found = await usage.names(TENANT, DAY)
    assert sorted(sorted(names_of(one)) for one in found) == [[("psa", "e1")], [("psa", "e2")]]
    assert all(one.keys() == {"event_ids", "sources"} for one in found)


async def test_days_of_a_period_come_in_order(usage: UsageStore) -> None:
    """Both ends of a period belong to it; heads are the totals without their cubes."""
    days = [date(2026, 3, number) for number in (3, 1, 4, 2)]
    for day in days:
        await usage.put(totals(day, cube={"rows": 0}))
    middle = Period(date(2026, 3, 2), date(2026, 3, 3))
    assert [one["day"] for one in await usage.documents(TENANT, "totals", middle)] == [
        "2026-03-02",
        "2026-03-03",
    ]
    heads = await usage.heads(TENANT, Period(min(days), max(days)))
    assert [one["day"] for one in heads] == [str(day) for day in sorted(days)]
    assert all("cube" not in one and one["_etag"] for one in heads)


async def test_several_kinds_and_periods_are_one_answer(usage: UsageStore) -> None:
    """In the order of days; without cubes they are as short as heads are."""
    days = [date(2026, 3, number) for number in range(1, 8)]
    for day in days[::-1]:
        await usage.put(totals(day, packed="cube"))
    month = {"id": "mtotals|2026-03", "tenantId": TENANT, "kind": "mtotals", "day": "2026-03-01"}
    await usage.put(month | {"state": "ready", "packed": "cube"})
    await usage.put(month | {"id": "mdays|2026-03", "kind": "mdays"})
    wanted = [
        ("totals", Period(days[1], days[2])),
        ("mtotals", Period(days[0], days[1])),
        ("totals", Period(days[5], days[5])),
    ]
    for cubes in (True, False):
        found = await usage.several(TENANT, wanted, cubes=cubes)
        assert [(one["kind"], one["day"][-1]) for one in found] == [
            ("mtotals", "1"), ("totals", "2"), ("totals", "3"), ("totals", "6"),
        ]  # fmt: skip
        assert all(("packed" in one) == cubes for one in found)
        assert found[0]["state"] == "ready"


async def test_a_kind_without_days_is_among_several(usage: UsageStore) -> None:
    """It comes first; its heads say which version there is."""
    day = date(2026, 3, 1)
    await usage.put(totals(day))
    await usage.put({"id": "directory|3", "tenantId": TENANT, "kind": "directory", "people": {"ann": {}}})
    for cubes in (True, False):
        shard, other = await usage.several(
            TENANT, [("totals", Period(day, day)), ("directory", None)], cubes=cubes
        )
        assert (shard["id"], other["kind"]) == ("directory|3", "totals")
        assert ("people" in shard) == cubes
        assert shard["_etag"] == (await usage.directory(TENANT))[0]["_etag"]


async def test_a_commit_wins_only_over_the_version_it_read(usage: UsageStore) -> None:
    """Creating what is there and replacing an outdated version are lost; nothing is overwritten."""
    assert await usage.commit(totals(n=1), None)
    assert not await usage.commit(totals(n=2), None)
    etag = (await stored(usage))["_etag"]
    assert await usage.commit(totals(n=3), etag)
    assert not await usage.commit(totals(n=4), etag)
    assert (await stored(usage))["n"] == 3


async def test_of_commits_at_the_same_time_one_wins(usage: UsageStore) -> None:
    """For a new document and for a replaced one exactly one writer is told that it won, and it did."""
    for etag in (None, "current"):
        etag = etag and (await stored(usage))["_etag"]
        won = await asyncio.gather(*(usage.commit(totals(n=n, round=str(etag)), etag) for n in range(8)))
        assert won.count(True) == 1
        assert (await stored(usage))["n"] == won.index(True)


@pytest.mark.parametrize("replaces", [False, True])
async def test_a_commit_that_the_client_repeats_is_a_win(
    usage: UsageStore, cosmos: LocalCosmos, *, replaces: bool
) -> None:
    """The client repeats a write that a 503 answered though it was done; its own document is no rival."""
    if replaces:
        assert await usage.commit(totals(n=0), None)
    etag = (await stored(usage))["_etag"] if replaces else None
    fault = cosmos.faults.add("write", status=503, when="after")
    assert await usage.commit(totals(n=1, text="ü", folded={"seg|1": 1_700_000_000}), etag)
    assert fault.fired == 1
    assert (await stored(usage))["n"] == 1


async def test_a_commit_whose_answer_is_lost_does_not_claim_a_loss(
    usage: UsageStore, cosmos: LocalCosmos
) -> None:
    """It raises, as nobody knows; asked again, it finds its own document."""
    cosmos.faults.add("create", when="lost")
    with pytest.raises(AzureError):
        await usage.commit(totals(n=1), None)
    assert await usage.commit(totals(n=1), None)
    assert not await usage.commit(totals(n=2), None)


@pytest.mark.parametrize("status", [429, 503])
async def test_a_passing_fault_is_not_noticed(usage: UsageStore, cosmos: LocalCosmos, status: int) -> None:
    """Throttling and a short outage only delay reads and writes."""
    writes = cosmos.faults.add("write", status=status, retry_after_ms=1)
    await usage.add_segment(segment(1))
    reads = cosmos.faults.add("query", status=status, retry_after_ms=1)
    assert await found(usage) == [1]
    assert writes.fired == reads.fired == 1


@pytest.mark.parametrize("status", [408, 449])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_failed_write_is_told_and_may_be_repeated(
    usage: UsageStore, cosmos: LocalCosmos, status: int, when: When
) -> None:
    """It raises whether or not the write was done; the repetition then stores it once."""
    cosmos.faults.add("create", status=status, when=when)
    with pytest.raises(CosmosHttpResponseError) as caught:
        await usage.add_segment(segment(1))
    assert caught.value.status_code == status
    assert await found(usage) == ([1] if when == "after" else [])
    await usage.add_segment(segment(1))
    assert await found(usage) == [1]


async def test_an_outage_is_raised(usage: UsageStore, cosmos: LocalCosmos) -> None:
    """What lasts reaches the caller, for reads and writes: no answer is made up."""
    cosmos.faults.add("any", status=503, times=None)
    for attempt in (usage.add_segment(segment(1)), usage.put(totals()), usage.commit(totals(), None)):
        with pytest.raises(CosmosHttpResponseError, match="injected fault"):
            await attempt
    with pytest.raises(CosmosHttpResponseError, match="injected fault"):
        await usage.documents(TENANT, "totals", Period(DAY, DAY))
    cosmos.faults.clear()
    assert await found(usage) == []


async def test_old_users_chunks_go_and_newer_ones_stay(usage: UsageStore, cosmos: LocalCosmos) -> None:
    """Versions up to the given one are dropped but for the writer to keep, also when a delete is repeated."""
    for chunk in (users(1, "a"), users(2, "b"), users(2, "c"), users(3, "d"), users(1, "e", NEXT)):
        await usage.put(chunk)
    cosmos.faults.add("delete", status=503, when="after")
    await usage.drop_users(TENANT, DAY, 2, "c")
    left = await usage.users(TENANT, Period(DAY, NEXT))
    assert sorted(chunk["writer"] for chunk in left) == ["c", "d", "e"]
