"""The order of rows: any page is a part of what plain Python sorts."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.columns import DIMENSIONS
from shared.order import EMPTY, MEASURE, numbered, page
from shared.views import VIEWS, Groups, moment, moments
from tests.shared.test_cube import ROWS, Row, cube_of

MODELS, LAST_MOMENT = VIEWS["by-model"], 253_402_300_799_999


@settings(max_examples=100, deadline=None)
@given(
    rows=ROWS,
    numbers=st.lists(st.sampled_from([-(2**62), -3, 0, 3, 2**62, EMPTY]), min_size=12, max_size=12),
    offset=st.integers(0, 13),
    limit=st.integers(1, 13),
)
def test_a_page_is_a_part_of_all_rows_sorted(
    rows: list[Row], numbers: list[int], offset: int, limit: int
) -> None:
    """By number, equal ones by key; pages beyond the end are empty."""
    grouped = cube_of(rows).group_by(*MODELS.keys)
    names = list(zip(*(grouped.dimensions[name].column() for name in MODELS.keys), strict=True))
    every = sorted(range(grouped.rows), key=lambda row: (numbers[row], [part or "" for part in names[row]]))
    given_numbers = np.array(numbers[: grouped.rows], dtype=np.int64)
    found = page(MODELS, Groups(grouped, grouped, {}), given_numbers, offset, limit)
    assert found.tolist() == every[offset : offset + limit]


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, sign=st.sampled_from(["", "-"]))
def test_a_column_that_shows_a_measure_is_sorted_as_it_is_shown(rows: list[Row], sign: str) -> None:
    """The order of the numbers is that of the texts and decimals, and what is empty comes last."""
    cube = cube_of([(key, (*numbers[:-1], numbers[-1] % LAST_MOMENT)) for key, numbers in rows])
    groups = Groups(cube, cube.group_by(*DIMENSIONS, "user"), {})
    shown: dict[str, list[Any]] = {
        "last_active": list(VIEWS["by-user"].columns["last_active"](groups)),
        "quantity": list(VIEWS["primitives"].columns["quantity"](groups)),
    }
    for name, cells in shown.items():
        order = np.argsort(numbered(VIEWS["by-user"], groups, sign + name), kind="stable").tolist()
        assert [cells[row] for row in order] == sorted(cells, reverse=bool(sign))
    assert set(shown) < set(MEASURE)


@pytest.mark.parametrize("milliseconds", [0, 1, 999, 1_000, 1_773_144_000_120, LAST_MOMENT])
def test_many_moments_are_written_as_one_is(milliseconds: int) -> None:
    """To the millisecond, in UTC."""
    assert moments(np.array([milliseconds])) == [moment(milliseconds)]
