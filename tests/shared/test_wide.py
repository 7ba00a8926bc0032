"""Wide days and months, whose totals fit no document of their own: folding, sealing and views as ever.

The tests of ordinary days are run again here, with documents so small that every day and month is wide.
"""

from collections.abc import Iterator

import pytest

from shared import packing
from tests.shared.sealing import World, days_before, on
from tests.shared.test_agreement import test_every_view_is_the_recount
from tests.shared.test_rollup import (
    test_a_fold_stopped_anywhere_is_taken_up_by_the_next,
    test_a_read_is_the_recount_at_every_moment,
    test_racing_folds_and_reads_leave_nothing_over,
    test_whatever_is_overtaken_at_any_operation_stays_exact,
)
from tests.shared.test_seal import (
    test_a_late_event_is_no_difference,
    test_a_round_overtaken_at_any_operation_stays_exact,
    test_a_round_stopped_anywhere_is_taken_up_by_the_next,
    test_racing_rounds_leave_one_month,
    test_readings_and_months_are_the_recount_at_every_moment,
)

__all__ = [
    "test_a_fold_stopped_anywhere_is_taken_up_by_the_next",
    "test_a_late_event_is_no_difference",
    "test_a_read_is_the_recount_at_every_moment",
    "test_a_round_overtaken_at_any_operation_stays_exact",
    "test_a_round_stopped_anywhere_is_taken_up_by_the_next",
    "test_every_view_is_the_recount",
    "test_racing_folds_and_reads_leave_nothing_over",
    "test_racing_rounds_leave_one_month",
    "test_readings_and_months_are_the_recount_at_every_moment",
    "test_whatever_is_overtaken_at_any_operation_stays_exact",
]

ALL_WIDE, ONE_ROW = 400, 720  # bytes: room for the packed form of a row or so; for that and all beside it


@pytest.fixture(autouse=True, scope="module")
def small_documents() -> Iterator[None]:
    """Documents that hold little."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "MAX_CHUNK", ALL_WIDE)
        yield


async def test_wide_and_narrow_days_stand_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are sealed without repair, and the wide month keeps its days in several documents."""
    monkeypatch.setattr(packing, "MAX_CHUNK", ONE_ROW)
    world = World()
    wide, narrow = days_before(20), days_before(18)
    await world.ingest(*(on(wide, number) | {"model": f"model-{number}"} for number in range(48)))
    await world.ingest(on(narrow, 48))
    world.cloud.wait(61)
    sealed = await world.seal()
    assert sealed
    assert (sealed.days, sealed.repaired, sealed.months) == (2, [], 1)
    packed = {one["day"]: one["packed"] for one in world.cloud.kind("totals")}
    assert [packed[str(day)] is None for day in (wide, narrow)] == [True, False]
    (month,) = world.cloud.kind("mtotals")
    assert month["packed"] is None
    assert len(world.cloud.kind("mdays")) > 1
    await world.check_done()
