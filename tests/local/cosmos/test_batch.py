"""Transactional batches through the real client."""

from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from local.cosmos import LocalCosmos
from tests.local.cosmos.conftest import JSON, rows

# aiohttp warns of bodies over 1 MB, which the client sends as they are.
LARGE = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")


def item(id_: str, **fields: JSON) -> dict[str, Any]:
    """An item of the partition `t`."""
    return {"id": id_, "tenantId": "t"} | fields


async def test_batch_does_all(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """Each operation of a batch answers as it would alone, and sees the ones before it."""
    await container.create_item(item("old"))
    results = await container.execute_item_batch(
        [
            ("create", (item("a", n=1),)),
            ("upsert", (item("b", n=2),)),
            ("replace", ("a", item("a", n=3))),
            ("read", ("a",)),
            ("delete", ("old",)),
        ],
        "t",
    )
    assert [result["statusCode"] for result in results] == [201, 201, 200, 200, 204]
    assert results[3]["resourceBody"]["n"] == 3
    assert results[3]["eTag"] == results[2]["eTag"]
    assert await rows(container, "SELECT c.id, c.n FROM c") == [
        {"id": "a", "n": 3},
        {"id": "b", "n": 2},
    ]
    assert cosmos.requests.charge("batch") == sum(result["requestCharge"] for result in results)


@pytest.mark.parametrize(
    ("failing", "status"),
    [
        (("create", (item("old"),)), 409),
        (("replace", ("none", item("none"))), 404),
        (("delete", ("old",), {"if_match_etag": '"stale"'}), 412),
        (("read", ("none",)), 404),
        (("create", (item("a/b"),)), 400),
        (("create", (item("x", tenantId="other"),)), 400),
    ],
)
async def test_batch_does_nothing_when_one_fails(
    container: ContainerProxy, failing: tuple[Any, ...], status: int
) -> None:
    """The first failure is named by index and status, the rest are 424, and nothing changed."""
    old = await container.create_item(item("old", n=1))
    operations = [
        ("upsert", (item("old", n=2),)),
        ("create", (item("new"),)),
        failing,
        ("delete", ("old",)),
    ]
    with pytest.raises(CosmosBatchOperationError) as caught:
        await container.execute_item_batch(operations, "t")
    assert (caught.value.error_index, caught.value.status_code) == (2, status)
    codes = [result["statusCode"] for result in caught.value.operation_responses]
    assert codes == [424, 424, status, 424]
    assert await rows(container, "SELECT * FROM c") == [old]


@LARGE
@pytest.mark.parametrize(
    ("operations", "status", "message"),
    [
        ([("read", ("a",))] * 101, 400, "1 to 100 operations"),
        ([("create", (item(str(n), b="x" * 1_100_000),)) for n in range(2)], 413, "2 MB"),
        ([("patch", ("a", [{"op": "add", "path": "/x", "value": 1}]))], 400, "patch in a batch"),
    ],
)
async def test_refuses_batches(
    container: ContainerProxy, operations: list[Any], status: int, message: str
) -> None:
    """More than 100 operations, more than 2 MB and patches are refused as a whole."""
    with pytest.raises(CosmosHttpResponseError, match=message) as caught:
        await container.execute_item_batch(operations, "t")
    assert caught.value.status_code == status
    assert await rows(container, "SELECT VALUE COUNT(1) FROM c") == [0]
