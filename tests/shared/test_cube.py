"""Cubes: filter, group_by and merge are what plain Python makes of the same rows, or an error."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import cube as cubes
from shared.columns import DIMENSIONS, LAST_USED, MEASURES, SUMS, USER, encode_dimension, encode_measure
from shared.cube import Cube, concatenate, empty, from_json, merge

NAMES = (USER, *DIMENSIONS)
type Row = tuple[tuple[str | None, ...], tuple[int, ...]]

VALUES = st.sampled_from([None, "a", "b", "c"])
NUMBERS = st.one_of(st.integers(0, 3), st.integers(2**53 - 2, 2**53 + 2), st.integers(0, 2**57))
ROWS = st.lists(
    st.tuples(st.tuples(*[VALUES] * len(NAMES)), st.tuples(*[NUMBERS] * len(MEASURES))), max_size=12
)


def transpose(rows: Iterable[Sequence[Any]], width: int) -> list[Sequence[Any]]:
    """Rows of `width` cells as columns, also when there are no rows."""
    return list(zip(*rows, strict=True)) or [()] * width


def encode(
    rows: int, dimensions: Mapping[str, Sequence[str | None]], measures: Mapping[str, Sequence[int]]
) -> dict[str, Any]:
    """The form of `rows` rows in a segment."""
    return {
        "rows": rows,
        "dimensions": {name: encode_dimension(column) for name, column in dimensions.items()},
        "measures": {name: encode_measure(column) for name, column in measures.items() if any(column)},
    }


def stored(rows: Sequence[Row]) -> dict[str, Any]:
    """The stored form of plain rows."""
    keys = transpose((key for key, _ in rows), len(NAMES))
    numbers = transpose((values for _, values in rows), len(MEASURES))
    return encode(len(rows), dict(zip(NAMES, keys, strict=True)), dict(zip(MEASURES, numbers, strict=True)))


def cube_of(rows: Sequence[Row]) -> Cube:
    """The cube of plain rows, through their stored form."""
    return from_json(stored(rows))


def plain(cube: Cube, *names: str) -> dict[Any, Any]:
    """The rows of a cube, of which no two have equal dimensions."""
    keys = list(zip(*(cube.dimensions[name].column() for name in names), strict=True)) or [()] * cube.rows
    numbers = zip(*(cube.measures[name].tolist() for name in MEASURES), strict=True)
    found = dict(zip(keys, numbers, strict=True))
    assert len(found) == cube.rows
    return found


def grouped(rows: Sequence[Row], *names: str) -> dict[Any, Any]:
    """The same in plain Python."""
    sums: dict[Any, Any] = {}
    for key, numbers in rows:
        group = tuple(key[NAMES.index(name)] for name in names)
        before = sums.get(group, (0,) * len(MEASURES))
        sums[group] = tuple(
            max(pair) if name == LAST_USED else sum(pair)
            for name, pair in zip(MEASURES, zip(before, numbers, strict=True), strict=True)
        )
    return sums


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, names=st.lists(st.sampled_from(NAMES), unique=True))
def test_group_by_is_the_plain_sum(rows: list[Row], names: list[str]) -> None:
    """For any choice of dimensions, their empty values too; the newest use wins."""
    assert plain(cube_of(rows).group_by(*names), *names) == grouped(rows, *names)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, wanted=st.dictionaries(st.sampled_from(NAMES), st.sets(VALUES)))
def test_filter_keeps_the_rows_that_have_the_wanted_values(
    rows: list[Row], wanted: dict[str, set[str | None]]
) -> None:
    """Of each named dimension one of the values; no value at all keeps no row."""
    kept = [
        row for row in rows if all(row[0][NAMES.index(name)] in values for name, values in wanted.items())
    ]
    found = cube_of(rows).filter(wanted)
    assert found.rows == len(kept)
    assert plain(found.group_by(*NAMES), *NAMES) == grouped(kept, *NAMES)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, codes=st.sets(st.integers(0, 3)))
def test_having_codes_is_to_filter_by_their_values(rows: list[Row], codes: set[int]) -> None:
    """Codes are those of the dimension; what makes groups of a cube has the codes of that cube."""
    cube = cube_of(rows)
    model = cube.dimensions["model"]
    asked = [code for code in codes if code < len(model.values)]
    found = cube.having("model", np.array(asked, dtype=np.int64))
    assert plain(found.group_by(*NAMES), *NAMES) == plain(
        cube.filter({"model": {model.values[code] for code in asked}}).group_by(*NAMES), *NAMES
    )
    assert cube.group_by("model").dimensions["model"].values is model.values


@settings(max_examples=60, deadline=None)
@given(one=ROWS, other=ROWS, third=ROWS)
def test_concatenating_keeps_every_row_in_its_order(
    one: list[Row], other: list[Row], third: list[Row]
) -> None:
    """Whatever values each part knows; no value stands twice among those of the whole."""
    whole = concatenate([empty(NAMES), cube_of(one), empty(NAMES), cube_of(other), cube_of(third)])
    rows = [*one, *other, *third]
    keys = transpose((key for key, _ in rows), len(NAMES))
    numbers = transpose((values for _, values in rows), len(MEASURES))
    assert [whole.dimensions[name].column() for name in NAMES] == [list(column) for column in keys]
    assert [whole.measures[name].tolist() for name in MEASURES] == [list(column) for column in numbers]
    for dimension in whole.dimensions.values():
        assert len(set(dimension.values)) == len(dimension.values)
        assert sorted(map(str, dimension.used())) == sorted(map(str, set(dimension.column())))


@settings(max_examples=60, deadline=None)
@given(one=ROWS, other=ROWS, third=ROWS)
def test_merge_neither_minds_order_nor_grouping(one: list[Row], other: list[Row], third: list[Row]) -> None:
    """It is the sum of all rows; empty cubes add nothing."""
    a, b, c = map(cube_of, (one, other, third))
    expected = grouped([*one, *other, *third], *NAMES)
    for merged in (
        merge([a, b, c]), merge([c, a, b]), merge([merge([a, b]), c]), merge([a, merge([b, c])]),
        merge([empty(NAMES), a, b, empty(NAMES), c]),
    ):  # fmt: skip
        assert plain(merged, *NAMES) == expected
    assert concatenate([a, b, c]).totals() == merge([a, b, c]).totals()


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_a_cube_has_the_dimensions_asked_for(rows: list[Row]) -> None:
    """Read with some, projected to some, or labelled with one more."""
    for some in (from_json(stored(rows), DIMENSIONS), cube_of(rows).project(DIMENSIONS)):
        assert list(some.dimensions) == list(DIMENSIONS)
        assert plain(some.group_by(*DIMENSIONS), *DIMENSIONS) == grouped(rows, *DIMENSIONS)
    labelled = cube_of(rows).project(["model"]).labelled("day", "monday")
    expected = {("monday", *key): sums for key, sums in grouped(rows, "model").items()}
    assert plain(labelled.group_by("day", "model"), "day", "model") == expected


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, values=st.lists(st.sampled_from(["a", "c", "y", "z"]), unique=True))
def test_listing_values_adds_rows_but_no_usage(rows: list[Row], values: list[str | None]) -> None:
    """Each of them has a row then, and each sum is what it was."""
    listed = cube_of(rows).project(["model", "feature"]).listing("model", values)
    none = {(value,): (0,) * len(MEASURES) for value in values}
    assert plain(listed.group_by("model"), "model") == none | grouped(rows, "model")


def test_no_rows_add_up_to_zero() -> None:
    """Whatever is done with them."""
    none = empty(NAMES)
    assert none.totals() == dict.fromkeys(MEASURES, 0)
    for cube in (none.group_by("feature"), none.filter({"feature": ["a"]}), merge([none, none])):
        assert cube.rows == 0
        assert cube.totals() == none.totals()
    assert from_json(encode(0, {}, {})).rows == 0


def one(number: int, name: str = "cost") -> Row:
    """A row with that measure, and zeros else."""
    return (None,) * len(NAMES), tuple(number * (measure == name) for measure in MEASURES)


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("numbers", [[2**62], [2**61, 2**61], [2**62 - 1, 1], [2**58] * 16, [2**62, -1]])
def test_a_sum_that_could_pass_64_bits_is_an_error(name: str, numbers: list[int]) -> None:
    """It is never a wrong number."""
    cube = cube_of([one(number, name) for number in numbers])
    for add_up in (cube.totals, cube.group_by):
        with pytest.raises(ArithmeticError, match=name):
            add_up()


@pytest.mark.parametrize(
    "numbers", [[2**62 - 1], [2**61, 2**61 - 1], [2**53, 1], [2**53 + 1] * 3, [2**60, *[1] * 7], [-5, 3, -1]]
)
def test_a_sum_just_below_is_exact(numbers: list[int]) -> None:
    """Also one that no double holds."""
    cube = cube_of([one(number) for number in numbers])
    assert cube.totals()["cost"] == cube.group_by().totals()["cost"] == sum(numbers)


def test_dimensions_with_more_combinations_than_64_bits_are_grouped_exactly() -> None:
    """Keys are renumbered on the way."""
    rows: list[Row] = [((str(n % 7), *(str((n * k) % 11) for k in range(5))), (1,) * 10) for n in range(200)]
    expected = grouped(rows, *NAMES)
    cube = cube_of(rows)
    wide = Cube(
        cube.rows,
        {
            name: cubes.Dimension([*column.values, *map(str, range(100, 4_000))], column.codes)
            for name, column in cube.dimensions.items()
        },
        cube.measures,
    )
    assert 4_000 ** len(NAMES) > 2**64
    assert plain(wide.group_by(*NAMES), *NAMES) == expected


def test_take_keeps_the_order_asked_for() -> None:
    """Rows by their indexes."""
    cube = cube_of([one(number) for number in (5, 6, 7)])
    assert cube.take(np.array([2, 0])).measures["cost"].tolist() == [7, 5]
