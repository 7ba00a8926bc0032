"""Queries through the real client: answers, paging, refusals, and that an index serves them."""

from typing import Any

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, DatabaseProxy
from azure.cosmos.exceptions import CosmosHttpResponseError

from local.cosmos import LocalCosmos
from tests.local.cosmos.conftest import LARGE_BLOB, rows

SELECT_IDS = "SELECT VALUE c.id FROM c"
COUNT = "SELECT VALUE COUNT(1) FROM c"
WHERE = "SELECT * FROM c WHERE "
ITEMS: list[dict[str, Any]] = [
    {"id": "a", "kind": "x", "n": 1, "deep": {"er": "p"}},
    {"id": "b", "kind": "x", "n": 2.5, "deep": {"er": None}},
    {"id": "c", "kind": "y", "n": "2", "deep": 7},
    {"id": "d", "kind": "y", "n": None, "list": [1]},
    {"id": "e", "kind": "y", "n": True, "odd name": 1},
]


@pytest.fixture
async def filled(container: ContainerProxy) -> ContainerProxy:
    """The container with ITEMS, and one item of another partition."""
    for item in ITEMS:
        await container.create_item(item | {"tenantId": "t"})
    await container.create_item({"id": "a", "kind": "x", "n": 1, "tenantId": "other"})
    return container


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("c.kind = 'x'", "ab"),
        ('c.kind = "x" and c.n > 1', "b"),
        ("1 < c.n", "b"),
        ("c.n = 2.50", "b"),
        ("c.n != 1", "b"),
        ("NOT c.n = 1", "b"),
        ("NOT (c.n = 1 OR c.kind = 'y')", "b"),
        ("c.n = null", "d"),
        ("c.n = true", "e"),
        ("c.n <> false", "e"),
        ("c.n < 'a'", "c"),
        ("c.n BETWEEN 1 AND 2", "a"),
        ("NOT c.n BETWEEN 1 AND 2", "b"),
        ("c.kind IN ('y', 'z') AND c.id >= 'd'", "de"),
        ("NOT c.kind IN ('y', 'z')", "ab"),
        ("ARRAY_CONTAINS(@list, c.n)", "ac"),
        ("NOT ARRAY_CONTAINS(@list, c.n)", "bde"),
        ("NOT ARRAY_CONTAINS(@none, c.n)", "abcde"),
        ("STARTSWITH(c.id, 'a') OR c.id = 'e'", "ae"),
        ("NOT STARTSWITH(c.n, '1')", "c"),
        ("IS_DEFINED(c.deep.er)", "ab"),
        ("NOT IS_DEFINED(c.deep.er)", "cde"),
        ("c.deep.er = 'p'", "a"),
        ("c['odd name'] = 1", "e"),
        ("c._ts >= 1700000000 AND c.kind = @kind", "ab"),
        ("c._ts > 1700000000", ""),
        ("NOT NOT c.kind = 'x' AND (c.n = 1 OR (c.n = 2.5))", "ab"),
    ],
)
async def test_where(filled: ContainerProxy, where: str, expected: str) -> None:
    """A condition keeps the items for which it is true: undefined is neither true nor false."""
    parameters: dict[str, Any] = {"list": [1, "2"], "none": [], "kind": "x"}
    found = await rows(filled, f"{SELECT_IDS} WHERE {where}", **parameters)
    assert "".join(found) == expected
    counted = await rows(filled, f"{COUNT} WHERE {where}", **parameters)
    assert counted == [len(expected)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT c.id, c.deep.er FROM c WHERE c.id < 'd'", [
            {"id": "a", "er": "p"}, {"id": "b", "er": None}, {"id": "c"},
        ]),
        ("SELECT c.deep.er AS x FROM c WHERE c.id IN ('a', 'e')", [{"x": "p"}, {}]),
        ("SELECT VALUE r.deep FROM r", [{"er": "p"}, {"er": None}, 7]),
        ("SELECT TOP 2 VALUE c.id FROM c", ["a", "b"]),
        ("SELECT VALUE c.id FROM c ORDER BY c.id DESC OFFSET 1 LIMIT 2", ["d", "c"]),
        ("SELECT VALUE c.n FROM c ORDER BY c.n", [None, True, 1, 2.5, "2"]),
        ("SELECT VALUE c.id FROM c WHERE c._ts > 0 ORDER BY c.kind DESC, c.n ASC", list("decab")),
        ("SELECT VALUE c.id FROM c OFFSET @two LIMIT @two", ["c", "d"]),
        ("SELECT TOP 0 * FROM c", []),
    ],
)  # fmt: skip
async def test_select_and_order(filled: ContainerProxy, query: str, expected: list[Any]) -> None:
    """Results have the selected properties, and come in order, or else as they were created."""
    assert await rows(filled, query, two=2) == expected


async def test_whole_items_come_as_stored(filled: ContainerProxy) -> None:
    """SELECT * returns the item as a read does."""
    assert await rows(filled, "SELECT * FROM c WHERE c.id = 'b'") == [dict(await filled.read_item("b", "t"))]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM c JOIN d IN c.list", "unexpected 'JOIN'"),
        ("SELECT DISTINCT c.n FROM c", "unexpected 'DISTINCT'"),
        ("SELECT c.n FROM c GROUP BY c.n", "unexpected 'GROUP'"),
        ("SELECT VALUE SUM(c.n) FROM c", "unexpected 'SUM'"),
        ("SELECT COUNT(1) FROM c", "unexpected 'COUNT'"),
        ("SELECT VALUE COUNT(1) FROM c ORDER BY c.n", "COUNT with"),
        ("SELECT * FROM c WHERE c.id LIKE 'a%'", "unexpected"),
        ("SELECT * FROM c WHERE c.id = 'a\\u0062'", "a parameter may help"),
        ("SELECT * FROM c WHERE c.n + 1 = 2", "unexpected"),
        ("SELECT * FROM c WHERE c.n = c.id", "unexpected 'c'"),
        ("SELECT * FROM c WHERE c.n AND c.n = 1", "unexpected"),
        ("SELECT * FROM c WHERE c.list[0] = 1", "unexpected '0'"),
        ("SELECT * FROM c WHERE c = 1", "unexpected"),
        ("SELECT * FROM c WHERE CONTAINS(c.id, 'a')", "the function CONTAINS"),
        ("SELECT * FROM c WHERE STARTSWITH(c.id, 'a', true)", "unexpected ','"),
        ("SELECT * FROM c WHERE STARTSWITH(c.id, 1)", "prefix that is no string"),
        ("SELECT * FROM c WHERE ARRAY_CONTAINS(c.list, 1)", "unexpected"),
        ("SELECT * FROM c WHERE ARRAY_CONTAINS(@kind, c.n)", "no list"),
        ("SELECT * FROM c WHERE c.n = @list", "array or an object"),
        ("SELECT * FROM c WHERE c.n < null", "ordering by comparison"),
        ("SELECT * FROM c WHERE c.n IN (1, 'a')", "several types"),
        ("SELECT * FROM c WHERE c.n = @missing", "@missing has no value"),
        ("SELECT * FROM c WHERE c.n = 9007199254740993", "beyond 2"),
        ("SELECT * FROM c WHERE d.n = 1", "unexpected 'd'"),
        ("SELECT * FROM c WHERE (c.n = 1", "ends too soon"),
        (WHERE + "(" * 200 + "c.n = 1" + ")" * 200, "nested deeper"),
        (WHERE + " OR ".join(["c.n = 1"] * 501), "more than 500"),
        ("SELECT c.id, c.deep.id FROM c", "two results of one name"),
        ("SELECT TOP 1 * FROM c OFFSET 0 LIMIT 1", "TOP with OFFSET"),
        ("SELECT * FROM c OFFSET 0 LIMIT 1.5", "whole number"),
        ("SELECT TOP 5 VALUE c.deep FROM c", "lack the property"),
        ("SELECT * FROM c ORDER BY c.blob", "excluded from the index"),
        ("SELECT * FROM c ORDER BY c.n, c.kind", "composite index"),
        ("SELECT * FROM c ORDER BY c.deep", "ORDER BY over items where"),
        ("SELECT * FROM c ORDER BY c.list", "ORDER BY over items where"),
        ("SELECT *", "without FROM"),
        ("DROP TABLE items", "unexpected 'DROP'"),
        ("SELECT", "without FROM"),
    ],
)  # fmt: skip
async def test_refuses_queries(filled: ContainerProxy, query: str, message: str) -> None:
    """A query outside the subset is a 400 that says what is not understood."""
    with pytest.raises(CosmosHttpResponseError, match=message) as caught:
        await rows(filled, query, kind="x", list=[1])
    assert caught.value.status_code == 400


@pytest.mark.parametrize("order", ["", " ORDER BY c.n", " ORDER BY c.kind, c.n DESC"])
async def test_paging_by_continuation(container: ContainerProxy, order: str) -> None:
    """Pages hold what they are asked for, and together every item once, also from a token."""
    for number in range(10):
        item = {"id": str(number), "tenantId": "t", "kind": str(number % 2), "n": number % 3}
        await container.create_item(item)
    query = SELECT_IDS + order
    whole = await rows(container, query)
    found: list[Any] = []
    token: str | None = None
    for expected in (4, 4, 2):
        pages: Any = container.query_items(query, partition_key="t", max_item_count=4).by_page(token)
        page = [row async for row in await anext(pages)]
        assert len(page) == expected
        found += page
        token = pages.continuation_token
    assert token is None
    assert found == whole
    limited = container.query_items(f"{query} OFFSET 1 LIMIT 7", partition_key="t", max_item_count=2)
    assert [row async for row in limited] == whole[1:8]


async def test_paging_survives_changes(container: ContainerProxy) -> None:
    """Items that are deleted or added between pages neither repeat nor hide the others."""
    for number in range(6):
        await container.create_item({"id": str(number), "tenantId": "t"})
    query = container.query_items("SELECT VALUE c.id FROM c", partition_key="t", max_item_count=2)
    pages = query.by_page()
    first: list[Any] = [row async for row in await anext(pages)]
    await container.delete_item("1", "t")
    await container.delete_item("3", "t")
    await container.create_item({"id": "6", "tenantId": "t"})
    rest: list[Any] = [row async for page in pages async for row in page]
    assert (first, rest) == (["0", "1"], ["2", "4", "5", "6"])


async def test_pages_are_at_most_4_mb(container: ContainerProxy, cosmos: LocalCosmos) -> None:
    """A page ends before 4 MB, whatever number of items was asked for."""
    for number in range(11):
        await container.create_item({"id": str(number), "tenantId": "t", "blob": LARGE_BLOB})
    pages = container.query_items("SELECT * FROM c", partition_key="t", max_item_count=-1)
    assert [row["id"] async for row in pages] == [str(number) for number in range(11)]
    sizes = [entry.response_bytes for entry in cosmos.requests.of("query")]
    assert len(sizes) == 3
    assert max(sizes) < 4.1 * 1024 * 1024


async def test_bad_continuation_is_refused(filled: ContainerProxy) -> None:
    """A continuation that is no token, or of another query, is a 400."""
    for token in ("x", "[1]", '[null,1,"00"]'):
        pages = filled.query_items("SELECT * FROM c", partition_key="t").by_page(token)
        with pytest.raises(CosmosHttpResponseError, match="continuation token"):
            await anext(pages)


async def test_property_is_found_in_items_written_before(database: DatabaseProxy) -> None:
    """A property that was never queried is found in old and new items alike, per container."""
    first = await database.create_container("first", PartitionKey("/tenantId"))
    second = await database.create_container("second", PartitionKey("/tenantId"))
    for container in (first, second):
        await container.create_item({"id": "old", "tenantId": "t", "p": 1, "q": 2})
    assert await rows(first, "SELECT VALUE c.id FROM c WHERE c.p = 1") == ["old"]
    assert await rows(second, "SELECT VALUE c.id FROM c WHERE c.q = 2") == ["old"]
    for container in (first, second):
        await container.create_item({"id": "new", "tenantId": "t", "p": 1, "q": 2})
        both = await rows(container, "SELECT VALUE c.id FROM c WHERE c.q = 2 AND c.p = 1")
        assert both == ["old", "new"]


async def test_query_charge_follows_the_answer(filled: ContainerProxy, cosmos: LocalCosmos) -> None:
    """A query costs 2.3 RU and then by the bytes it returns."""
    await rows(filled, "SELECT * FROM c WHERE c.id = 'none'")
    await filled.create_item({"id": "big", "tenantId": "t", "blob": "x" * 100 * 1024})
    await rows(filled, "SELECT * FROM c WHERE c.id = 'big'")
    small, large = cosmos.requests.of("query")
    assert small.charge == 2.3
    assert large.charge == pytest.approx(2.3 + 9, abs=0.2)
