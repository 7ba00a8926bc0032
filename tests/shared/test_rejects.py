"""Rejects: what they are called."""

import pytest

from shared.message import MAX_EVENTS, batch_id_of
from shared.rejects import REJECT_ID, Reject
from tests.fakes import NOW

BATCH = batch_id_of(b"")


@pytest.mark.parametrize("index", [None, 0, MAX_EVENTS - 1])
def test_every_reject_has_an_id_of_the_form(index: int | None) -> None:
    """Those of events, up to the last of the largest batch, and those of whole messages."""
    assert REJECT_ID.fullmatch(Reject(BATCH, index, NOW, b"", []).id)


@pytest.mark.parametrize(
    "name",
    [
        *("", "nonsense", "1.2.3", f"-1.{BATCH}.0", f"{'9' * 15}.{BATCH}.0", f"\u0661.{BATCH}.0"),
        *(f"1.{BATCH[:-1]}{bad}.0" for bad in ("/", "\\", "#", "?", "\x7f", "'", "é")),
        *(f"1.{BATCH}.0{bad}" for bad in ("/", "\\", "#", "?", "\n", "\x85", "0000")),
    ],
)
def test_what_no_table_takes_is_no_id(name: str) -> None:
    """Characters that a key of a table cannot have, other digits, and numbers that are too long."""
    assert not REJECT_ID.fullmatch(name)
