"""Columns as JSON: small, and the same again."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from shared.columns import (
    SAFE,
    decode_dimension,
    decode_measure,
    encode,
    encode_dimension,
    encode_measure,
)

VALUES = st.lists(st.none() | st.text(max_size=3), max_size=8)
NUMBERS = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2), max_size=8)


@given(values=VALUES)
def test_a_dimension_comes_back_from_json(values: list[str | None]) -> None:
    """Each row has its value, None and the empty text among them."""
    stored = orjson.loads(orjson.dumps(encode_dimension(values)))
    assert decode_dimension(stored, len(values)) == values
    assert len(stored["values"]) == len(set(values))


@given(numbers=NUMBERS)
def test_a_measure_comes_back_from_json_whose_numbers_are_doubles(numbers: list[int]) -> None:
    """Integers beyond 2**53 are text."""
    stored = orjson.loads(orjson.dumps(encode_measure(numbers)))
    for number in stored if isinstance(stored, list) else [stored]:
        assert isinstance(number, str) or int(float(number)) == number
    assert decode_measure(stored, len(numbers)) == numbers


def test_alike_rows_shrink_to_one_value_and_zeros_to_none() -> None:
    """This is why segments are small."""
    stored = encode(
        3, {"a": ["x"] * 3, "b": ["x", None, "x"]}, {"m": [5] * 3, "n": [0] * 3, "o": [1, SAFE + 1, 2]}
    )
    assert stored == {
        "rows": 3,
        "dimensions": {"a": {"values": ["x"], "codes": 0}, "b": {"values": ["x", None], "codes": [0, 1, 0]}},
        "measures": {"m": 5, "o": [1, "9007199254740993", 2]},
    }
    assert decode_measure(stored["measures"].get("n"), 3) == [0, 0, 0]
