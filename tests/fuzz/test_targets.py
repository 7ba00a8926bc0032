"""The fuzz targets, as far as each run of the tests has time for."""

import base64
import gzip
import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, TOKENS, VALUES

VALUE = re.compile(rb':("[^"]*"|[^",{}\[\]]+)')
EDITS = st.lists(
    st.tuples(st.integers(0, 999), st.integers(0, 12), st.sampled_from(TOKENS) | st.binary(max_size=4)),
    max_size=4,
)
PACKINGS: list[Callable[[bytes], bytes]] = [bytes, gzip.compress, base64.b64encode]


def edited(seed: bytes, edits: Sequence[tuple[int, int, bytes]]) -> bytes:
    """The seed with a few bytes replaced, each time at so many thousandths of it."""
    for place, cut, token in edits:
        start = place * len(seed) // 1_000
        seed = seed[:start] + token + seed[start + cut :]
    return seed


@pytest.mark.parametrize("name", TARGETS)
def test_a_promise_holds_for_any_bytes(name: str) -> None:
    """Those of a good input that was damaged, however it is packed, and those of none."""
    target, seeds = TARGETS[name]
    packings = PACKINGS if name == "message" else [bytes]

    @settings(max_examples=200)
    @given(st.builds(edited, st.sampled_from([*seeds, b""]), EDITS), st.sampled_from(packings))
    def promise(data: bytes, packed: Callable[[bytes], bytes]) -> None:
        target(packed(data))

    promise()


@pytest.mark.parametrize("name", ["message", "quick", "request"])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_promise_holds_for_each_odd_value_in_each_place(name: str, value: bytes) -> None:
    """One at a time, in what is good otherwise."""
    target, seeds = TARGETS[name]
    for seed in seeds:
        target(seed)
        for place in VALUE.finditer(seed):
            target(seed[: place.start(1)] + value + seed[place.end(1) :])
