"""Columns as JSON: small, and the same again."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from shared.columns import decode_dimension, decode_measure, encode_dimension, encode_measure

VALUES = st.lists(st.none() | st.text(max_size=3), max_size=8)
NUMBERS = st.lists(st.integers(0, 2**53) | st.integers(0, 2), max_size=8)


@given(values=VALUES)
def test_a_dimension_comes_back_from_json(values: list[str | None]) -> None:
    """Each row has its value, None and the empty text among them."""
    stored = orjson.loads(orjson.dumps(encode_dimension(values)))
    assert decode_dimension(stored, len(values)) == values
    assert len(stored["values"]) == len(set(values))


@given(numbers=NUMBERS)
def test_a_measure_comes_back_from_json_whose_numbers_are_doubles(numbers: list[int]) -> None:
    """As it was: an event has no larger numbers."""
    stored = orjson.loads(orjson.dumps(encode_measure(numbers)))
    assert all(int(float(number)) == number for number in (stored if isinstance(stored, list) else [stored]))
    assert decode_measure(stored, len(numbers)) == numbers


def test_alike_rows_shrink_to_one_value_and_zeros_to_none() -> None:
    """This is why segments are small."""
    assert encode_dimension(["x"] * 3) == {"values": ["x"], "codes": 0}
    assert encode_dimension(["x", None, "x"]) == {"values": ["x", None], "codes": [0, 1, 0]}
    assert encode_measure([5] * 3) == 5
    assert encode_measure([1, 3, 1]) == [1, 3, 1]
    assert decode_measure(None, 3) == [0, 0, 0]
