"""Packed cubes: the same again, whatever the numbers and names."""

import base64

import pytest
import zstandard
from hypothesis import given, settings

from shared.columns import DIMENSIONS, MEASURES, USER
from shared.cube import empty
from shared.packing import pack, unpack
from tests.shared.test_cube import NAMES, ROWS, Row, cube_of, plain


@settings(max_examples=80, deadline=None)
@given(rows=ROWS)
def test_a_cube_comes_back_from_its_packed_form(rows: list[Row]) -> None:
    """Each row in its place."""
    cube, again = cube_of(rows), unpack(pack(cube_of(rows)))
    assert list(again.dimensions) == list(NAMES)
    assert again.rows == cube.rows
    for name in NAMES:
        assert again.dimensions[name].column() == cube.dimensions[name].column()
    for name in MEASURES:
        assert again.measures[name].tolist() == cube.measures[name].tolist()


@pytest.mark.parametrize("limit", [2**8, 2**16, 2**32, 2**53, 2**63])
@pytest.mark.parametrize("offset", [-1, 0])
def test_numbers_at_the_bounds_of_each_width_come_back(limit: int, offset: int) -> None:
    """The narrowest column that holds a number is wide enough."""
    number = min(limit + offset, 2**63 - 1)
    rows: list[Row] = [
        ((None,) * len(NAMES), (number,) * len(MEASURES)),
        ((None,) * len(NAMES), (0,) * len(MEASURES)),
    ]
    assert unpack(pack(cube_of(rows))).measures["cost"].tolist() == [number, 0]


@pytest.mark.parametrize("name", ["", "\n", '"', "é\u2028", "x" * 256])
def test_names_of_any_text_come_back(name: str) -> None:
    """The header's end is not mistaken."""
    rows: list[Row] = [((name, None, "a", "b", "c", "d"), (1,) * len(MEASURES))]
    assert unpack(pack(cube_of(rows))).dimensions[USER].column() == [name]


def test_values_that_no_row_has_are_left_out() -> None:
    """A chunk names its own users only."""
    rows: list[Row] = [((f"user{n}", *"abcde"), (1,) * len(MEASURES)) for n in range(100)]
    chunk = cube_of(rows).filter({USER: ["user7"]})
    assert unpack(pack(chunk)).dimensions[USER].values == ["user7"]


def test_no_rows_can_be_packed() -> None:
    """They come back with their dimensions."""
    again = unpack(pack(empty((USER, *DIMENSIONS))))
    assert (again.rows, plain(again, *NAMES)) == (0, {})


def test_a_packed_cube_cannot_unpack_to_more_memory_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged document is an error."""
    bomb = zstandard.ZstdCompressor(write_content_size=False).compress(b"0" * 10_000_000)
    monkeypatch.setattr("shared.packing.MAX_UNPACKED", 1_000_000)
    with pytest.raises(zstandard.ZstdError):
        unpack(base64.b64encode(bomb).decode())
