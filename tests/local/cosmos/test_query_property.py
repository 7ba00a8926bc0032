"""Random queries over random items agree with a plain evaluator of Cosmos's semantics."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.cosmos import items, query, values
from local.cosmos.errors import CosmosError
from local.cosmos.items import Operation
from local.cosmos.store import Store
from local.cosmos.values import Json
from tests.local.cosmos.conftest import INDEXING, Clock

# Any value of an item, or UNDEFINED.
type Value = Any
UNDEFINED: Value = object()
SELECT = "SELECT * FROM c"
PATHS = [("a",), ("b",), ("n", "a"), ("id",), ("_ts",), ("odd name",)]
STRINGS = ["", "a", "ab", "é", "\U0001f600"]
NUMBERS = [0, -0.0, 1, -1.5, 2**53, 1e300]
VALUES: list[Any] = [None, True, False, *NUMBERS, *STRINGS]
SCALARS = st.sampled_from(VALUES)

# True, False or UNDEFINED.
type Truth = Any
type Predicate = Callable[[dict[str, Any]], Truth]
type Written = tuple[str, Predicate]


def at(item: Value, path: tuple[str, ...]) -> Value:
    """The value at a path of an item."""
    for name in path:
        item = item.get(name, UNDEFINED) if isinstance(item, dict) else UNDEFINED
    return item


def kind(value: Value) -> str:
    """The type of a value, as Cosmos names it."""
    names = {type(None): "null", bool: "boolean", int: "number", float: "number", str: "string"}
    return names.get(type(value), "undefined" if value is UNDEFINED else "composite")


def compare(operator: str, left: Value, right: Value) -> Truth:
    """True, False or UNDEFINED, as Cosmos compares."""
    if kind(left) != kind(right):
        return UNDEFINED
    if operator in ("=", "!="):
        return (left == right) == (operator == "=")
    return {
        "<": lambda: left < right,
        "<=": lambda: left <= right,
        ">": lambda: left > right,
        ">=": lambda: left >= right,
    }[operator]()


def negation(truth: Truth) -> Truth:
    """NOT."""
    return UNDEFINED if truth is UNDEFINED else not truth


def conjunction(truths: list[Truth]) -> Truth:
    """AND."""
    if False in truths:
        return False
    return UNDEFINED if UNDEFINED in truths else True


def disjunction(truths: list[Truth]) -> Truth:
    """OR."""
    return negation(conjunction([negation(truth) for truth in truths]))


def written(path: tuple[str, ...]) -> str:
    """A path as text."""
    return "c" + "".join(f'["{name}"]' if " " in name else f".{name}" for name in path)


class Parameters:
    """The values of a query's parameters, by name."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def __call__(self, draw: st.DrawFn, value: Value) -> str:
        """The text of a constant: a literal, or a new parameter."""
        literal = value is None or isinstance(value, bool | int | float)
        plain = isinstance(value, str) and value.isascii() and value.isprintable()
        if (literal or plain) and draw(st.booleans()):
            return f"'{value}'" if isinstance(value, str) else json.dumps(value)
        name = f"@p{len(self.values)}"
        self.values[name] = value
        return name


def contains(array: list[Any], found: Any) -> Any:  # noqa: ANN401 - any JSON, or undefined
    """Whether the array has an equal element; undefined of nothing."""
    if found is UNDEFINED:
        return UNDEFINED
    return any(compare("=", found, element) is True for element in array)


def starts_with(found: Any, prefix: str) -> Any:  # noqa: ANN401 - any JSON, or undefined
    """Whether the text begins so; undefined of anything but text."""
    return found.startswith(prefix) if kind(found) == "string" else UNDEFINED


def one_test(draw: st.DrawFn, constant: Parameters) -> Written:
    """A random test of a property: its text, and what it means."""
    path = draw(st.sampled_from(PATHS))
    name = written(path)
    ordered: st.SearchStrategy[Any] = st.sampled_from([*NUMBERS, *STRINGS])
    value: Json
    match draw(st.sampled_from(["=", "order", "BETWEEN", "IN", "CONTAINS", "STARTS", "DEFINED"])):
        case "=":
            operator, value = draw(st.sampled_from(["=", "!="])), draw(SCALARS)
            text = f"{name} {operator} {constant(draw, value)}"
            return text, lambda item: compare(operator, at(item, path), value)
        case "order":
            operator, value = draw(st.sampled_from(["<", "<=", ">", ">="])), draw(ordered)
            text = f"{name} {operator} {constant(draw, value)}"
            return text, lambda item: compare(operator, at(item, path), value)
        case "BETWEEN":
            low, high = draw(ordered), draw(ordered)
            text = f"{name} BETWEEN {constant(draw, low)} AND {constant(draw, high)}"
            return text, lambda item: conjunction(
                [compare(">=", at(item, path), low), compare("<=", at(item, path), high)]
            )
        case "IN":
            pools: list[list[Any]] = [NUMBERS, STRINGS, [None], [True, False]]
            pool = draw(st.sampled_from(pools))
            members = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3))
            texts = ", ".join(constant(draw, member) for member in members)
            return f"{name} IN ({texts})", lambda item: disjunction(
                [compare("=", at(item, path), member) for member in members]
            )
        case "CONTAINS":
            array = draw(st.lists(SCALARS, max_size=4))
            parameter = constant(draw, array)
            return f"ARRAY_CONTAINS({parameter}, {name})", lambda item: contains(array, at(item, path))
        case "STARTS":
            prefix = draw(st.sampled_from(STRINGS))
            text = f"STARTSWITH({name}, {constant(draw, prefix)})"
            return text, lambda item: starts_with(at(item, path), prefix)
    return f"IS_DEFINED({name})", lambda item: at(item, path) is not UNDEFINED


def condition(draw: st.DrawFn, constant: Parameters, depth: int) -> Written:
    """A random condition: its text, and what it means."""
    shape = draw(st.sampled_from(["test", "test", "AND", "OR", "NOT"])) if depth else "test"
    if shape == "test":
        return one_test(draw, constant)
    if shape == "NOT":
        text, truth = condition(draw, constant, depth - 1)
        return f"NOT ({text})", lambda item: negation(truth(item))
    count = draw(st.integers(2, 3))
    parts = [condition(draw, constant, depth - 1) for _ in range(count)]
    join = conjunction if shape == "AND" else disjunction
    text = "(" + f" {shape} ".join(text for text, _ in parts) + ")"
    return text, lambda item: join([truth(item) for _, truth in parts])


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, dict[str, Any], Predicate]:
    """A random condition, the values of its parameters, and what it means."""
    constant = Parameters()
    text, truth = condition(draw, constant, 3)
    return text, constant.values, truth


def rank(value: Value) -> tuple[int, Any]:
    """Sorts as Cosmos does: null, booleans, numbers, strings."""
    order = ["null", "boolean", "number", "string"].index(kind(value))
    return order, 0 if value is None else value


def all_pages(store: Store, body: dict[str, Any], page_items: int) -> list[Any]:
    """The results of all pages."""
    container = store.container("d", "c")
    found: list[Any] = []
    token: str | None = None
    while True:
        page = query.run(store, container, values.key("t"), body, page_items, token)
        assert len(page.results) <= page_items
        found += [json.loads(result) for result in page.results]
        token = page.continuation
        if token is None:
            return found


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """A store that all examples share, so that columns and indexes come and stay."""
    clock = Clock()
    store = Store(":memory:", clock)
    store.create_database({"id": "d"})
    key: dict[str, Any] = {"paths": ["/tenantId"], "kind": "Hash", "version": 2}
    store.create_container("d", {"id": "c", "partitionKey": key, "indexingPolicy": INDEXING})
    yield store
    store.close()


def fill(store: Store, contents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make the partition hold these items, created in this order."""
    container, partition = store.container("d", "c"), values.key("t")
    old = query.run(store, container, partition, {"query": "SELECT VALUE c.id FROM c"}, 1000, None)
    for result in old.results:
        items.run(store, container, partition, Operation("delete", json.loads(result)))
    filled = []
    for number, content in enumerate(contents):
        body = content | {"id": f"{'ab'[number % 2]}{number}", "tenantId": "t"}
        created = items.run(store, container, partition, Operation("create", body=body))
        assert created.body is not None
        filled.append(json.loads(created.body))
    return filled


def contents(random: Random) -> list[dict[str, Any]]:
    """Items in which every path has every value, each combined with random others."""
    columns = {}
    for name in ("a", "b", "n", "odd name"):
        columns[name] = [*VALUES, UNDEFINED, [1], {"a": 1}]
        random.shuffle(columns[name])
    columns["n"] = [{"a": value} if kind(value) != "undefined" else {} for value in columns["n"]]
    return [
        {name: value for name, value in zip(columns, row, strict=True) if value is not UNDEFINED}
        for row in zip(*columns.values(), strict=True)
    ]


@st.composite
def windows(draw: st.DrawFn) -> tuple[tuple[str, ...] | None, bool, int, int]:
    """A random path to order by, its direction, an offset and a limit."""
    path = draw(st.sampled_from([None, None, ("a",), ("n", "a"), ("id",)]))
    offset, limit = draw(st.sampled_from([(0, 1000), (1, 2), (0, 3), (2, 1000)]))
    return path, draw(st.booleans()), offset, limit


@settings(max_examples=150, deadline=None)
@given(st.randoms(use_true_random=False), st.lists(st.tuples(conditions(), windows()), min_size=10))
def test_random_queries_agree(
    store: Store,
    random: Random,
    queries: list[tuple[tuple[str, dict[str, Any], Predicate], Any]],
) -> None:
    """Filter, order and window give what the evaluator gives, whatever the size of the pages."""
    filled = fill(store, contents(random))
    for (text, parameters, truth), (path, descending, offset, limit) in queries:
        expected = [item for item in filled if truth(item) is True]
        order = f" ORDER BY {written(path)} {'DESC' if descending else 'ASC'}" if path else ""
        given = [{"name": name, "value": value} for name, value in parameters.items()]
        body = {
            "query": f"{SELECT} WHERE {text}{order} OFFSET {offset} LIMIT {limit}",
            "parameters": given,
        }
        kinds = {kind(at(item, path)) for item in expected} if path else set()
        if kinds & {"undefined", "composite"}:
            if limit == 1000:
                with pytest.raises(CosmosError, match="ORDER BY over items"):
                    all_pages(store, body, 1000)
            continue
        if path:  # among equals the newest last, and all reversed for DESC
            expected.sort(key=lambda item: rank(at(item, path)))
            expected = expected[::-1] if descending else expected
        for page_items in (2, 1000):
            assert all_pages(store, body, page_items) == expected[offset : offset + limit], text


@given(SCALARS, SCALARS)
def test_keys_sort_as_values(left: Value, right: Value) -> None:
    """The keys of two values compare as Cosmos sorts the values."""
    assert (values.key(left) < values.key(right)) == (rank(left) < rank(right))
    assert (values.key(left) == values.key(right)) == (rank(left) == rank(right))
