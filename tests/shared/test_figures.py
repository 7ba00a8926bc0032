"""Figures: those of all rows at once are those of each row, and the top is what plain Python finds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.columns import MEASURES
from shared.cube import Cube
from shared.figures import NAMES, among, amounts, distinct_users, figures, keys, of_rows, top
from tests.shared.test_cube import ROWS, VALUES, Row, cube_of, plain

PAIR = ("model", "provider")


def measures_of(cube: Cube) -> list[dict[str, int]]:
    """The measures of each row."""
    columns = [cube.measures[name].tolist() for name in MEASURES]
    return [dict(zip(MEASURES, numbers, strict=True)) for numbers in zip(*columns, strict=True)]


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_the_figures_of_all_rows_are_those_of_each(rows: list[Row]) -> None:
    """In the same order, and null in the same places."""
    cube = cube_of(rows)
    columns = of_rows(cube)
    assert list(columns) == list(NAMES)
    found = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    assert found == [figures(measures) for measures in measures_of(cube)]


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, wanted=st.sets(st.tuples(VALUES, VALUES)))
def test_among_keys_are_the_rows_that_have_one_of_them(
    rows: list[Row], wanted: set[tuple[str | None, str | None]]
) -> None:
    """As a pair: not those that have the one part of one key and the other part of another."""
    grouped = cube_of(rows).group_by(*PAIR)
    expected = {key: numbers for key, numbers in plain(grouped, *PAIR).items() if key in wanted}
    assert plain(among(grouped, PAIR, list(wanted)), *PAIR) == expected


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, measure=st.sampled_from(["requests", "tokens"]))
def test_the_top_has_most_and_the_first_name_of_those_that_have(rows: list[Row], measure: str) -> None:
    """None is never the top, nor is what has nothing of the measure."""
    pairs = cube_of(rows).group_by("user", "feature")
    best: dict[tuple[str | None, ...], tuple[int, str]] = {}
    for (user, feature), amount in zip(
        keys(pairs, ("user", "feature")), amounts(pairs, measure).tolist(), strict=True
    ):
        if feature is not None and amount:
            best[user,] = min(best.get((user,), (0, "")), (-amount, feature))
    expected = {user: feature for user, (_, feature) in best.items()}
    assert top(cube_of(rows), ("user",), "feature", measure) == expected


@settings(max_examples=30, deadline=None)
@given(rows=ROWS)
def test_distinct_users_are_counted_once(rows: list[Row]) -> None:
    """Unattended work is nobody's; a user whose rows were filtered out is not counted."""
    cube = cube_of(rows)
    assert distinct_users(cube) == len({key[0] for key, _ in rows} - {None})
    assert distinct_users(cube.filter({"user": {"a"}})) == any(key[0] == "a" for key, _ in rows)
