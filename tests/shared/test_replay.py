"""Replay: a reject is counted once its reason is gone, exactly once, and no longer as a reject."""

from contextlib import suppress
from datetime import timedelta

import orjson
import pytest

from shared.catalogue import FEATURES
from shared.days import Period
from shared.errors import InvalidInput
from shared.ingest import ingest, ingest_message, message_reject
from shared.rejects import Reject
from shared.replay import replay
from shared.rollup import fold_day
from tests.events import CONTOSO, FABRIKAM, Event, body, cloud, counted, event, on, recount, usage
from tests.fakes import NOW, Cloud, Process, Stopped

PERIOD = Period(NOW.date() - timedelta(days=40), NOW.date() + timedelta(days=2))
LATER = NOW + timedelta(days=1)
EARLY = event("early", time=(NOW + timedelta(hours=1)).isoformat())


async def rejected(state: Cloud, *events: Event, api: str | None = None) -> Reject:
    """The only reject of a batch."""
    receipt = await ingest(state.stores(), body(*events), NOW, api)
    (reject,) = receipt.rejects
    return reject


async def check(state: Cloud, events: list[Event], rejects: int, duplicates: int = 0) -> None:
    """What is read of contoso is the recount, before and after a fold."""
    for _ in range(2):
        reading = await usage(state.stores(), "contoso", PERIOD)
        assert counted(reading) == recount(events, CONTOSO.zone)
        assert (reading.rejected, reading.duplicates) == (rejects, duplicates)
        for mark in await state.stores().marks.all():
            await fold_day(state.stores().usage, mark.tenant_id, mark.day, LATER)


async def test_a_reject_whose_reason_is_gone_is_counted() -> None:
    """Its tenant's figures then count it as an event, and no more as a reject; again changes nothing."""
    state = cloud()
    reject = await rejected(state, event("1"), EARLY)
    await check(state, [event("1")], 1)
    for _ in range(3):
        receipt = await replay(state.stores(), reject, LATER)
        assert (receipt.accepted, receipt.duplicates, receipt.rejects) == (1, 0, [])
        await check(state, [event("1"), EARLY], 0)


async def test_a_reject_of_another_day_is_taken_out_of_the_day_of_its_arrival() -> None:
    """The event counts on its own day."""
    state = cloud()
    del FEATURES["sms-reminders"]
    try:
        late = event("late", time=on(NOW.date() - timedelta(days=3)), feature="sms-reminders")
        reject = await rejected(state, event("1"), late)
    finally:
        FEATURES["sms-reminders"] = "voice"
    await replay(state.stores(), reject, LATER)
    await check(state, [event("1"), late], 0)
    reading = await usage(state.stores(), "contoso", Period(NOW.date(), NOW.date()))
    assert (reading.rejected, reading.cube.rows) == (0, 1)


async def test_a_reject_that_is_refused_again_stays_as_it_is() -> None:
    """The reasons are told, and nothing is written."""
    state = cloud()
    reject = await rejected(state, event("1"), event("bad", input_tokens=-1))
    before = dict(state.documents), dict(state.rejects)
    with pytest.raises(InvalidInput) as refused:
        await replay(state.stores(), reject, LATER)
    assert [error.field for error in refused.value.errors] == ["events[0].input_tokens"]
    assert (state.documents, state.rejects) == before


async def test_a_reject_of_an_unknown_tenant_is_counted_once_the_tenant_is_there() -> None:
    """It was in nobody's figures, so that nothing is taken out of them."""
    state = cloud()
    del state.tenants["contoso"]
    reject = await rejected(state, event("1"))
    assert not reject.counted
    state.tenants["contoso"] = CONTOSO
    await replay(state.stores(), reject, LATER)
    await check(state, [event("1")], 0)


async def test_an_event_that_came_again_meanwhile_is_a_duplicate() -> None:
    """It counts once."""
    state = cloud()
    reject = await rejected(state, EARLY)
    await ingest(state.stores(), body(EARLY, batch_id="again"), LATER)
    receipt = await replay(state.stores(), reject, LATER)
    assert (receipt.accepted, receipt.duplicates) == (0, 1)
    await check(state, [EARLY], 0, duplicates=1)


async def test_an_event_of_an_api_client_is_replayed_for_its_own_tenant_only() -> None:
    """A missing tenant is filled in again; a foreign one stays refused."""
    state = cloud()
    state.tenants["contoso"] = CONTOSO
    del FEATURES["sms-reminders"]
    try:
        filled = await rejected(state, event("1", tenant_id=None, feature="sms-reminders"), api="contoso")
    finally:
        FEATURES["sms-reminders"] = "voice"
    foreign = await rejected(state, event("2", tenant_id="fabrikam"), api="contoso")
    await replay(state.stores(), filled, LATER)
    with pytest.raises(InvalidInput):
        await replay(state.stores(), foreign, LATER)
    await check(state, [event("1", feature="sms-reminders")], 1)
    assert not counted(await usage(state.stores(), FABRIKAM.id, PERIOD))


@pytest.mark.parametrize("after", [True, False])
async def test_a_replay_that_was_killed_is_completed_by_the_next(after: bool) -> None:
    """Wherever that was: one event, no reject."""
    stop_at, stopped = 0, True
    while stopped:
        stop_at += 1
        state = cloud()
        reject = await rejected(state, event("1"), EARLY)
        process = Process(stop_at, after=after)
        with suppress(Stopped):
            await replay(state.stores(process), reject, LATER)
        stopped = process.steps >= stop_at
        await replay(state.stores(), reject, LATER)
        await check(state, [event("1"), EARLY], 0)
    assert stop_at > 5


@pytest.mark.parametrize("stop_at", range(1, 14))
async def test_a_poison_message_is_counted_by_its_replay(stop_at: int) -> None:
    """What its failed attempts had claimed or stored is still its own."""
    state = cloud()
    sent = [event("1"), event("2"), event("3", time=on(NOW.date() - timedelta(days=1)))]
    with suppress(Stopped):
        await ingest_message(state.stores(Process(stop_at)), body(*sent), NOW)
    reject = message_reject(body(*sent), NOW, "failed")
    for _ in range(2):
        receipt = await replay(state.stores(), reject, LATER)
        assert (receipt.accepted, receipt.duplicates) == (3, 0)
        await check(state, sent, 0)


async def test_a_cloud_event_is_kept_and_counted_as_one() -> None:
    """Its reject holds it as it came, and its replay reads it again."""
    state = cloud()
    data = {name: value for name, value in EARLY.items() if name not in ("id", "source", "time")}
    sent = orjson.dumps({**EARLY, **dict.fromkeys(data), "specversion": "1.0", "data": data})
    (reject,) = (await ingest(state.stores(), sent, NOW)).rejects
    assert reject.payload == sent
    await replay(state.stores(), reject, LATER)
    await check(state, [EARLY], 0)


async def test_a_message_that_cannot_be_read_is_refused_again() -> None:
    """As invalid input of the operator."""
    state = cloud()
    receipt = await ingest_message(state.stores(), b"nonsense", NOW)
    with pytest.raises(InvalidInput, match="not valid") as refused:
        await replay(state.stores(), receipt.rejects[0], LATER)
    assert refused.value.errors[0].field == "message"


async def test_replaying_a_message_with_bad_events_again_changes_nothing() -> None:
    """Its bad events are rejects once, and counted once, whenever it is replayed."""
    state = cloud()
    reject = message_reject(body(event("1"), event("bad", input_tokens=-1)), NOW, "failed")
    for day in range(3):
        await replay(state.stores(), reject, NOW + timedelta(days=day))
    await check(state, [event("1")], 1)
    assert len(state.rejects) == 1
