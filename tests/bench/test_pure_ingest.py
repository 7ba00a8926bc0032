"""The report of the pure path of ingest says for which sizes the goal is met."""

import pytest

from bench.pure_ingest import verdict


@pytest.mark.parametrize(
    ("ratios", "found"),
    [
        ((3.9, 3.0, 2.0), "**met** at every size"),
        ((9.0, 4.0, 2.0), "**met** from 10 events a message on"),
        ((3.0, 4.1, 2.0), "**met** from 100 events a message on"),
        ((3.0, 3.0, 4.1), "**not met**"),
    ],
)
def test_the_verdict_follows_from_the_ratios(ratios: tuple[float, ...], found: str) -> None:
    """A size counts as met only if all larger ones are, too."""
    assert verdict(dict(zip((1, 10, 100), ratios, strict=True))) == found
