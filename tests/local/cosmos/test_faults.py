"""Faults on demand, and what the real client makes of them."""

import time
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import AzureError
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from local.cosmos import LocalCosmos
from tests.local.cosmos.conftest import new_client, rows

ITEM: dict[str, Any] = {"id": "a", "tenantId": "t"}


@pytest.mark.parametrize(
    ("status", "attempts"), [(449, 1), (408, 1), (500, 1), (503, 2), (429, 10), (410, 1)]
)
async def test_lasting_fault_reaches_the_caller(
    container: ContainerProxy, cosmos: LocalCosmos, status: int, attempts: int
) -> None:
    """A fault before the write is raised with its status after the client's own attempts."""
    fault = cosmos.faults.add("write", status=status, retry_after_ms=1, times=None)
    with pytest.raises(CosmosHttpResponseError, match="injected fault") as caught:
        await container.create_item(ITEM)
    assert caught.value.status_code == status
    assert fault.fired == attempts
    cosmos.faults.clear()
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("a", "t")


async def test_passing_fault_is_retried(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """A 429 that passes is hidden by the client; the log shows every attempt."""
    cosmos.faults.add("create", status=429, retry_after_ms=1, times=2)
    await container.create_item(ITEM)
    assert [entry.status for entry in cosmos.requests.of("create")] == [429, 429, 201]


async def test_status_after_the_write(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """A fault after the write tells the caller that it failed, and the item is there."""
    cosmos.faults.add("create", status=408, when="after")
    with pytest.raises(CosmosHttpResponseError) as caught:
        await container.create_item(ITEM)
    assert caught.value.status_code == 408
    assert (await container.read_item("a", "t"))["id"] == "a"


async def test_lost_answer_is_repeated_by_the_client(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """The client repeats a create whose answer was lost, and is told 409 by its own item."""
    cosmos.faults.add("create", when="lost")
    with pytest.raises(CosmosResourceExistsError):
        await container.create_item(ITEM)
    assert [entry.status for entry in cosmos.requests.of("create")] == [0, 409]


async def test_lost_answer_without_repeat(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """With retry_connect=0 a lost answer is an error of the connection, and the item is there."""
    cosmos.faults.add("create", when="lost")
    async with new_client(cosmos, retry_connect=0) as client:
        careful = client.get_database_client("usage").get_container_client("usage")
        with pytest.raises(AzureError) as caught:
            await careful.create_item(ITEM)
        assert not isinstance(caught.value, CosmosHttpResponseError)
        assert (await careful.read_item("a", "t"))["id"] == "a"
    assert len(cosmos.requests.of("create")) == 1


async def test_delay(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """A delay holds the answer back and changes nothing else."""
    cosmos.faults.add("create", delay_ms=60)
    started = time.monotonic()
    await container.create_item(ITEM)
    assert time.monotonic() - started >= 0.06


async def test_faults_match_what_they_name(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """Kind, container, id prefix and skip decide which operation a fault works on."""
    cosmos.faults.add("read", status=500, times=None)
    cosmos.faults.add("any", container="other", status=500, times=None)
    named = cosmos.faults.add("create", "batch", id_prefix="seg|", status=449, skip=1, times=None)
    await container.create_item(ITEM)
    await container.create_item({"id": "seg|1", "tenantId": "t"})
    with pytest.raises(CosmosHttpResponseError):
        await container.create_item({"id": "seg|2", "tenantId": "t"})
    batch = [("read", ("a",)), ("create", ({"id": "seg|3", "tenantId": "t"},))]
    with pytest.raises((CosmosHttpResponseError, CosmosBatchOperationError)):
        await container.execute_item_batch(batch, "t")
    assert named.fired == 2
    assert await rows(container, "SELECT VALUE c.id FROM c") == ["a", "seg|1"]


async def test_request_unit_limit(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """Beyond the limit requests are 429 with the wait until there are units again."""
    cosmos.faults.limit(ru_per_second=5)
    await container.create_item(ITEM | {"blob": "x" * 100_000})
    async with new_client(cosmos, retry_fixed_interval=1) as client:
        limited = client.get_database_client("usage").get_container_client("usage")
        with pytest.raises(CosmosHttpResponseError, match="rate is large") as caught:
            await limited.read_item("a", "t")
    assert caught.value.status_code == 429
    assert 5_000 < int(caught.value.headers["x-ms-retry-after-ms"]) < 10_000
    cosmos.faults.clear()
    await container.read_item("a", "t")


async def test_log_counts_operations_and_bytes(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """The log has kind, container, status, charge and sizes of every request."""
    cosmos.requests.clear()
    await container.create_item(ITEM)
    found = await rows(container, "SELECT * FROM c")
    (create,), (query,) = cosmos.requests.of("write"), cosmos.requests.of("query")
    assert (create.container, create.status, create.charge) == ("usage", 201, 5.0)
    assert create.request_bytes == len('{"id":"a","tenantId":"t"}')
    assert query.response_bytes > len(str(found[0])) * 0.8
    assert cosmos.requests.charge() == round(create.charge + query.charge, 2)


async def test_control_over_http(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """Faults, the limit and the log are the same over HTTP; a bad fault is a 400."""
    faults, log = f"{cosmos.url}_local/faults", f"{cosmos.url}_local/requests"
    async with aiohttp.ClientSession() as session:
        rule = {"operations": ["create"], "status": 449}
        async with session.post(faults, json=rule) as answer:
            assert answer.status == 204
        with pytest.raises(CosmosHttpResponseError, match="injected fault"):
            await container.create_item(ITEM)
        async with session.get(log) as answer:
            assert (await answer.json())[-1]["status"] == 449
        async with session.get(faults) as answer:
            assert [(one["status"], one["fired"]) for one in await answer.json()] == [(449, 1)]
        for bad in ({"operations": ["walk"]}, {"operations": ["read"], "when": "never"}, [1], {"x": 1}):
            async with session.post(faults, json=bad) as answer:
                assert answer.status == 400
        async with session.post(faults, json={"ru_per_second": 0.001}) as answer:
            assert answer.status == 204
        await container.create_item(ITEM)
        async with session.delete(faults), session.delete(log):
            pass
    await container.read_item("a", "t")
    assert [entry.kind for entry in cosmos.requests.of("any")] == ["read"]
