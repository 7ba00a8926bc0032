"""Single items through the real client."""

from typing import Any

import aiohttp
import pytest
from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from local.cosmos import LocalCosmos
from tests.local.cosmos.conftest import JSON, Clock, rows

# aiohttp warns of bodies over 1 MB, which the client sends as they are.
LARGE = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")


def item(id_: str = "a", **fields: JSON) -> dict[str, Any]:
    """An item of the partition `t`."""
    return {"id": id_, "tenantId": "t"} | fields


async def test_item_comes_back_as_written(container: ContainerProxy, clock: Clock) -> None:
    """An item keeps every JSON value, and gets the system properties."""
    content: dict[str, JSON] = {
        "s": "é\n\U0001f600",
        "f": 1.5,
        "i": 2**53,
        "l": [1, None, True],
        "o": {"": {}},
    }
    created = await container.create_item(item(**content))
    found = await container.read_item("a", "t")
    assert found == created
    assert {name: found[name] for name in content} == content
    assert found["_ts"] == int(clock.now)
    assert {"_etag", "_rid", "_self"} <= found.keys()


async def test_create_is_once(container: ContainerProxy) -> None:
    """A second create of an id is a 409 in its partition and fine in another."""
    await container.create_item(item())
    with pytest.raises(CosmosResourceExistsError):
        await container.create_item(item())
    await container.create_item({"id": "a", "tenantId": "other"})


@pytest.mark.parametrize("partition", [None, True, 1, "", "x" * 2048])
async def test_partition_key_is_any_scalar(container: ContainerProxy, partition: JSON) -> None:
    """An item is found by the very value of its partition key."""
    await container.create_item({"id": "a", "tenantId": partition})
    assert (await container.read_item("a", partition))["tenantId"] == partition
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("a", "other")


async def test_missing_items_are_not_found(container: ContainerProxy) -> None:
    """Read, replace and delete of a missing item are 404."""
    for attempt in (
        container.read_item("a", "t"),
        container.replace_item("a", item()),
        container.delete_item("a", "t"),
    ):
        with pytest.raises(CosmosResourceNotFoundError):
            await attempt


async def test_upsert_replace_delete(container: ContainerProxy) -> None:
    """Each write gives a new etag, and the last one counts."""
    first = await container.upsert_item(item(n=1))
    second = await container.upsert_item(first | {"n": 2})
    third = await container.replace_item("a", item(n=3))
    assert len({first["_etag"], second["_etag"], third["_etag"]}) == 3
    assert first["_rid"] == third["_rid"]
    assert (await container.read_item("a", "t"))["n"] == 3
    await container.delete_item("a", "t")
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("a", "t")


async def test_if_match_guards_replace_and_delete(container: ContainerProxy) -> None:
    """A stale etag is a 412 and changes nothing; the current one is accepted."""
    old = await container.create_item(item(n=1))
    stale = {"etag": old["_etag"], "match_condition": MatchConditions.IfNotModified}
    new = await container.replace_item("a", item(n=2), **stale)
    with pytest.raises(CosmosAccessConditionFailedError):
        await container.replace_item("a", item(n=3), **stale)
    with pytest.raises(CosmosAccessConditionFailedError):
        await container.delete_item("a", "t", **stale)
    assert (await container.read_item("a", "t"))["n"] == 2
    current = {"etag": new["_etag"], "match_condition": MatchConditions.IfNotModified}
    await container.delete_item("a", "t", **current)


async def test_read_if_none_match(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """A read with the current etag is a 304 without a body."""
    etag = (await container.create_item(item()))["_etag"]
    await container.read_item("a", "t", etag=etag, match_condition=MatchConditions.IfModified)
    (entry,) = cosmos.requests.of("read")
    assert (entry.status, entry.response_bytes) == (304, 0)


@LARGE
@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (item(n=2**53 + 1), 400, r"beyond 2\^53"),
        (item(n=-(10**30)), 400, r"beyond 2\^53"),
        (item(l=[{"n": 10**400}]), 400, r"beyond 2\^53"),
        (item(n=float("nan")), 400, "payload is invalid"),
        (item(s="\ud800"), 400, "payload is invalid"),
        (item(id_="x" * 1024), 400, "id is invalid"),
        (item(ttl=0), 400, "'ttl' must be"),
        (item(blob="x" * 2 * 1024 * 1024), 413, "2 MB"),
    ],
)
async def test_refuses_items(
    container: ContainerProxy, body: dict[str, Any], status: int, message: str
) -> None:
    """What the service would refuse or change is refused with the reason, and not stored."""
    with pytest.raises(CosmosHttpResponseError, match=message) as caught:
        await container.create_item(body)
    assert caught.value.status_code == status
    assert await rows(container, "SELECT VALUE COUNT(1) FROM c") == [0]


async def test_long_digits_in_text_are_fine(container: ContainerProxy) -> None:
    """Only numbers are held to 2^53: digits in strings and fractions are not."""
    content: dict[str, JSON] = {"s": "9" * 40, "f": 0.12345678901234567, "e": 1e300}
    created = await container.create_item(item(**content))
    assert {name: created[name] for name in content} == content


async def test_expired_items_are_invisible(container: ContainerProxy, clock: Clock) -> None:
    """An item with a ttl vanishes from reads, queries and counts, and its id is free again."""
    await container.create_item(item(ttl=10))
    await container.create_item(item("b"))
    clock.now += 9
    assert (await container.read_item("a", "t"))["ttl"] == 10
    clock.now += 1
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("a", "t")
    with pytest.raises(CosmosResourceNotFoundError):
        await container.replace_item("a", item())
    assert await rows(container, "SELECT VALUE c.id FROM c") == ["b"]
    assert await rows(container, "SELECT VALUE COUNT(1) FROM c") == [1]
    await container.create_item(item(n=2))
    clock.now += 1000
    await container.upsert_item(item("c"))
    assert await rows(container, "SELECT VALUE c.id FROM c") == ["a", "b", "c"]


async def test_default_ttl_counts_from_the_last_write(
    container: ContainerProxy, clock: Clock, cosmos: LocalCosmos
) -> None:
    """The container's TTL holds for items without one; -1 keeps an item for ever."""
    database = container.client_connection
    assert database is not None
    properties = {
        "id": "short",
        "partitionKey": {"paths": ["/tenantId"], "kind": "Hash", "version": 2},
        "defaultTtl": 60,
    }
    await database.CreateContainer("dbs/usage", properties)
    short = ContainerProxy(database, "dbs/usage", "short")
    for body in (item("touched"), item("left"), item("kept", ttl=-1)):
        await short.create_item(body)
    clock.now += 59
    await short.upsert_item(item("touched"))
    clock.now += 59
    assert sorted(await rows(short, "SELECT VALUE c.id FROM c")) == ["kept", "touched"]


async def test_charges_follow_the_size(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """1 KB costs 1 RU to read and 5 to write, 100 KB 10 and 50; a replace costs two writes."""
    for size, read, write in ((1024, 1.0, 5.0), (100 * 1024, 10.0, 50.0)):
        cosmos.requests.clear()
        await container.create_item(item(str(size), blob="x" * (size - 270)))
        await container.read_item(str(size), "t")
        await container.replace_item(str(size), item(str(size), blob="x" * (size - 270)))
        assert cosmos.requests.charge("create") == pytest.approx(write, rel=0.02)
        assert cosmos.requests.charge("read") == pytest.approx(read, rel=0.02)
        assert cosmos.requests.charge("replace") == pytest.approx(2 * write, rel=0.02)


async def test_answers_carry_charge_and_session(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """Item answers have the headers that clients look at; no_response leaves out the body."""
    created = await container.create_item(item(), no_response=True)
    headers = created.get_response_headers()
    assert dict(created) == {}
    assert float(headers["x-ms-request-charge"]) == 5.0
    assert headers["x-ms-session-token"].startswith("0:")
    assert headers["etag"] == (await container.read_item("a", "t"))["_etag"]


async def test_unknown_routes_are_refused(cosmos: LocalCosmos) -> None:
    """A control route that does not exist is a 400, not a silent success."""
    async with aiohttp.ClientSession() as session, session.get(f"{cosmos.url}_local/x") as answer:
        assert answer.status == 400
        assert "not implemented here" in await answer.text()
