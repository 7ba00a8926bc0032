"""Amounts: exact in both directions, with no more digits than they need."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import nano, units, usd


@given(number=st.integers(-(2**62), 2**62))
def test_nano_dollars_come_back(number: int) -> None:
    """No digit is lost, also beyond what a double holds."""
    assert nano(usd(number)) == number
    assert usd(number) * 10**9 == number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (1, "0.000000001"), (-1, "-0.000000001"), (10**9, "1"), (100 * 10**9, "100"),
        (1_500_000_000, "1.5"), (2**62, "4611686018.427387904"), (-1_500_000_000, "-1.5"),
    ],
)  # fmt: skip
def test_an_amount_is_shown_without_needless_digits(number: int, text: str) -> None:
    """Whole dollars are whole numbers."""
    assert f"{usd(number):f}" == text


@pytest.mark.parametrize(
    ("thousandths", "text"), [(0, "0"), (1, "0.001"), (12_500, "12.5"), (10**10, "10000000")]
)
def test_units_are_thousandths(thousandths: int, text: str) -> None:
    """Of minutes, images, messages."""
    assert f"{units(thousandths):f}" == text
    assert units(thousandths) == Decimal(thousandths) / 1000
