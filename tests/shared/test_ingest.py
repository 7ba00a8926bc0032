"""Ingest: each event counts once, is a duplicate or is a reject, whatever happens on the way."""

import asyncio
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.days import Period
from shared.errors import TooLarge, Undecodable
from shared.ingest import EARLIEST, LATEST, Receipt, ingest, ingest_message, message_reject
from shared.message import MAX_BYTES
from shared.pricing import Price, PriceBook
from tests.events import CONTOSO, FABRIKAM, Event, body, cloud, counted, event, on, recount, usage
from tests.fakes import NOW, Cloud, Process, Stopped

TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
PERIOD = Period(TODAY - timedelta(days=40), TODAY + timedelta(days=1))


async def deliver(state: Cloud, message: bytes, process: Process | None = None) -> Receipt:
    """A message as the queue delivers it."""
    return await ingest_message(state.stores(process), message, NOW)


def frozen(state: Cloud) -> dict[str, Any]:
    """All that is stored, but for times and etags."""
    plain = {key: {**one, "_ts": 0, "_etag": ""} for key, one in state.documents.items()}
    return {"documents": plain, "claims": state.claims, "rejects": state.rejects, "marks": set(state.marks)}


# --- one message


async def test_a_message_of_many_tenants_and_days_is_counted_by_the_days_of_each_tenant() -> None:
    """One moment is another day in Berlin than in New York."""
    state, late = cloud(), on(YESTERDAY, 23)  # already today in Berlin
    sent = [event("1", time=late), event("2", time=late, tenant_id="fabrikam"), event("3")]
    receipt = await deliver(state, body(*sent))
    assert (receipt.accepted, receipt.duplicates, receipt.rejects) == (3, 0, [])
    for tenant, own in ((CONTOSO, [sent[0], sent[2]]), (FABRIKAM, [sent[1]])):
        reading = await usage(state.stores(), tenant.id, PERIOD)
        assert counted(reading) == recount(own, tenant.zone)
    assert set(state.marks) == {("contoso", TODAY), ("fabrikam", YESTERDAY)}


UNKNOWN = "is no tenant"
BAD: list[tuple[Event, str, str]] = [
    (event(input_tokens=-1), "input_tokens", "greater than or equal to 0"),
    (event(input_tokens=2**60), "input_tokens", "less than or equal"),
    (event(input_tokens=1.5), "input_tokens", "integer"),
    (event(input_tokens="7"), "input_tokens", "valid integer"),
    (event(input_tokens=None), "input_tokens", "ai.chat needs it"),
    (event(primitive="ai.magic"), "primitive", "Input should be"),
    (event(feature="unheard-of"), "product", "catalogue"),
    (event(colour="red"), "colour", "not known"),
    (event(id="x" * 129), "id", "at most 128"),
    (event(id="a\u0000b"), "id", "not allowed"),
    (event(time="2026-03-10T12:00:00"), "time", "timezone"),
    (event(user={"id": "ann", "age": 3}), "user.age", "not known"),
    (event(quantity=1), "quantity", "counted in tokens"),
    (event(cache_read_input_tokens=5, cache_creation_input_tokens=3), "cache_read_input_tokens", "part of"),
    (event(reasoning_output_tokens=4), "reasoning_output_tokens", "part of"),
    (event(cost_usd=10_001), "cost_usd", "less than or equal"),
    (event(tenant_id="nobody"), "tenant_id", UNKNOWN),
    (event(tenant_id="no/such\ntenant"), "tenant_id", "not allowed"),
    (event(tenant_id="x" * 70_000), "tenant_id", "not allowed"),
    (event(time=(NOW - LATEST - timedelta(seconds=1)).isoformat()), "time", "35 days"),
    (event(time=(NOW + EARLIEST + timedelta(seconds=1)).isoformat()), "time", "future"),
    (event(time="0001-01-01T00:00:00+14:00"), "time", "outside of the calendar"),
    (event(time="9999-12-31T23:59:59-14:00"), "time", "outside of the calendar"),
    (event() | {"x" * 50_000: 1}, "x" * 200, "not known"),
    (event() | {f"x{n}": n for n in range(2_000)}, "x0", "not known"),
]


@pytest.mark.parametrize(("bad", "field", "reason"), BAD, ids=[f"{one[1][:30]} {one[2]}" for one in BAD])
async def test_a_bad_event_becomes_a_reject_and_the_good_ones_are_kept(
    bad: Event, field: str, reason: str
) -> None:
    """The reject names the field at fault and holds the payload; a known tenant's freshness counts it."""
    state, good = cloud(), event("good")
    receipt = await deliver(state, body({**bad, "id": bad["id"] if field == "id" else "bad"}, good))
    (reject,) = state.rejects.values()
    assert (receipt.accepted, receipt.duplicates, receipt.rejects) == (1, 0, [reject])
    assert reject.index == 0
    assert reject.errors[0].field == field
    assert reason in reject.errors[0].reason
    assert b'"source":"psa/tickets"' in reject.payload
    reading = await usage(state.stores(), "contoso", PERIOD)
    assert counted(reading) == recount([good], CONTOSO.zone)
    assert reading.rejected == int(bad["tenant_id"] == "contoso")


@pytest.mark.parametrize("edge", [NOW - LATEST, NOW + EARLIEST])
async def test_the_bounds_of_lateness_are_accepted(edge: datetime) -> None:
    """35 days ago and five minutes ahead are the last moments that count."""
    assert (await deliver(cloud(), body(event(time=edge.isoformat())))).accepted == 1


@pytest.mark.parametrize(
    "message",
    [
        b"[[%s]]" % b",".join([b"1e15"] * 100_000),
        body({"\U0001f600" * 200 + str(n): n for n in range(100)}),
        body({"\0" * 200 + str(n): n for n in range(100)}),
        b'{"events":[],"%s":0}' % (b"x" * 500_000),
        b"{" + b"x" * (MAX_BYTES - 1),
    ],
    ids=["numbers", "emoji", "controls", "a name", "no JSON"],
)
async def test_any_reject_fits_its_row(message: bytes) -> None:
    """Written anew it might not: the payload is no larger than the message, the reasons are short."""
    state = cloud()
    receipt = await deliver(state, message)
    assert list(state.rejects.values()) == receipt.rejects
    assert all(one.payload in message for one in receipt.rejects)


async def test_an_event_that_cannot_be_counted_is_kept_as_it_came() -> None:
    """Well-formed as it is, it is not written anew."""
    state = cloud()
    late = body(event("late", time="2020-01-01T01:00:00.0+01:00", cost_usd="1.10"))[11:-2]
    receipt = await deliver(state, b'{ "events":[%s, %s ]}' % (body(event())[11:-2], late))
    assert [one.payload for one in receipt.rejects] == [late]


async def test_an_event_that_is_nested_too_deeply_is_one_reject() -> None:
    """Levels that can be read but not written again spoil neither the message nor its other events."""
    state = cloud()
    nested = b'{"events":[%s,{"id":%s1%s}]}' % (body(event())[11:-2], b"[" * 600, b"]" * 600)
    receipt = await deliver(state, nested)
    assert (receipt.accepted, len(receipt.rejects)) == (1, 1)
    assert receipt.rejects[0].errors[0].reason == "is nested too deeply"
    assert receipt.rejects[0].payload.count(b"[") == 600


async def test_a_cost_beyond_all_bounds_is_a_reject() -> None:
    """What our prices make of an event cannot pass the highest cost of one event."""
    state = cloud()
    price = Price(primitive="phone.sms", valid_from=date(2026, 1, 1), unit_usd=Decimal(10_000))
    state.book = PriceBook([price], lambda *_: None)
    sms = event("sms", primitive="phone.sms", input_tokens=None, output_tokens=None, quantity=2)
    receipt = await deliver(state, body(sms, event("chat")))
    assert receipt.accepted == 1
    assert receipt.rejects[0].errors[0].field == "cost_usd"


@pytest.mark.parametrize("message", [b"", b"nonsense", b"[]", b'{"events":[]}', b"\x1f\x8bnonsense"])
async def test_a_message_without_events_becomes_a_reject(message: bytes) -> None:
    """Its bytes are kept, once however often it comes; nothing is raised."""
    state = cloud()
    receipts = [await deliver(state, message) for _ in range(2)]
    assert [len(receipt.rejects) for receipt in receipts] == [1, 1]
    (reject,) = state.rejects.values()
    assert (reject.payload, reject.index, reject.errors[0].field) == (message, None, "message")


@pytest.mark.parametrize(("message", "error"), [(b"{", Undecodable), (body(*[0] * 5_001), TooLarge)])
async def test_an_api_client_is_told_that_a_message_cannot_be_read(
    message: bytes, error: type[Exception]
) -> None:
    """Nothing of it is kept: the client knows."""
    state = cloud()
    with pytest.raises(error):
        await ingest(state.stores(), message, NOW, "contoso")
    assert not state.rejects


async def test_the_events_of_an_api_client_are_all_of_its_tenant() -> None:
    """A missing tenant is filled in; another one is refused and counted to the client's own."""
    state = cloud()
    sent = [event("1", tenant_id=None), event("2"), event("3", tenant_id="fabrikam")]
    receipt = await ingest(state.stores(), body(*sent), NOW, "contoso")
    assert (receipt.accepted, [reject.index for reject in receipt.rejects]) == (2, [2])
    assert receipt.rejects[0].tenant_id == "contoso"
    assert {document["tenantId"] for document in state.documents.values()} == {"contoso"}


async def test_what_a_client_sends_again_is_rejected_once() -> None:
    """An answer that was lost makes no second reject, neither listed nor counted, on whatever day."""
    state, message = cloud(), body(event("1"), event("2", input_tokens=-1))
    for days in range(3):
        receipt = await ingest(state.stores(), message, NOW + timedelta(days=days), "contoso")
        assert (receipt.accepted, len(receipt.rejects)) == (1, 1)
    assert len(state.rejects) == 1
    assert (await usage(state.stores(), "contoso", PERIOD)).rejected == 1


async def test_the_rejects_of_two_clients_are_their_own() -> None:
    """Also when both send the same bytes at the same time."""
    state, message = cloud(), body(event("1", tenant_id=None, input_tokens=-1))
    for client in ("contoso", "fabrikam"):
        await ingest(state.stores(), message, NOW, client)
    assert {one.tenant_id for one in state.rejects.values()} == {"contoso", "fabrikam"}


# --- duplicates


async def test_duplicates_in_a_batch_and_across_batches_count_once() -> None:
    """`source` and `id` together name an event; another source's id is another event."""
    state = cloud()
    first = await deliver(state, body(event("1"), event("1"), event("1", source="crm")))
    second = await deliver(state, body(event("1"), event("2")))
    assert (first.accepted, first.duplicates) == (2, 1)
    assert (second.accepted, second.duplicates) == (1, 1)
    reading = await usage(state.stores(), "contoso", PERIOD)
    expected = recount([event("1"), event("1"), event("2")], CONTOSO.zone)
    assert (counted(reading), reading.duplicates) == (expected, 2)


async def test_an_event_that_is_twice_in_a_batch_with_times_on_two_days_counts_once() -> None:
    """The first of them counts, though both tenant-days are of one UTC date."""
    state = cloud()
    one, other = (event("1", tenant_id="fabrikam", time=on(TODAY, hour)) for hour in (3, 7))
    receipt = await deliver(state, body(one, other))
    assert (receipt.accepted, receipt.duplicates) == (1, 1)
    reading = await usage(state.stores(), "fabrikam", PERIOD)
    assert counted(reading) == recount([one], FABRIKAM.zone)


# --- killed, failed, redelivered

SENT = [
    event("known"),
    event("1"),
    event("1"),
    event("2", time=on(YESTERDAY)),
    event("3", tenant_id="fabrikam"),
    event("4"),
    event("5", cost_usd="0.000000001"),
    event("bad", input_tokens=-1),
    event("ghost", tenant_id="ghost"),
]


async def prepared() -> Cloud:
    """A cloud that knows one of the events already."""
    state = cloud()
    await deliver(state, body(SENT[0]))
    return state


@pytest.mark.parametrize("dies", [True, False])
@pytest.mark.parametrize("after", [True, False])
async def test_stopped_at_any_operation_and_delivered_again_the_result_is_the_same(
    after: bool, dies: bool
) -> None:
    """Killed, or failed by a store, before or after any operation took effect: nothing more, nothing less."""
    undisturbed, whole = await prepared(), Process()
    receipt = await deliver(undisturbed, body(*SENT), whole)
    assert (receipt.accepted, receipt.duplicates, len(receipt.rejects)) == (5, 2, 2)
    assert whole.steps > 15
    for stop_at in range(1, whole.steps + 1):
        state = await prepared()
        with pytest.raises(Stopped):
            await deliver(state, body(*SENT), Process(stop_at, after=after, dies=dies))
        assert await deliver(state, body(*SENT)) == receipt
        assert await deliver(state, body(*SENT)) == receipt
        assert frozen(state) == frozen(undisturbed)


IDS = st.integers(0, 12)
BATCHES = st.lists(st.lists(IDS, min_size=1, max_size=6), min_size=1, max_size=5)


def sample(number: int) -> Event:
    """Some event, bad if its number is a multiple of five; the same for the same number."""
    fields = {
        "tenant_id": ("contoso", "fabrikam")[number % 2],
        "time": on(TODAY - timedelta(days=number % 3), (number * 7) % 13),
        "user": {"id": f"user{number}"},
        "output_tokens": number,
    }
    return event(f"e{number}", **fields, **({} if number % 5 else {"input_tokens": -1}))


@settings(max_examples=60, deadline=None)
@given(batches=BATCHES, seed=st.integers(0, 2**32))
async def test_concurrent_redelivered_and_killed_batches_count_each_event_once(
    batches: list[list[int]], seed: int
) -> None:
    """Accepted, duplicates and rejects add up to what was sent, and the sums to a plain recount."""
    state, random = cloud(), Random(seed)
    messages = [body(*map(sample, batch), batch_id=str(n)) for n, batch in enumerate(batches)]

    async def attempt(message: bytes) -> None:
        stop_at, after, dies = random.randrange(20), random.random() < 0.5, random.random() < 0.5
        process = Process(stop_at, after=after, dies=dies, pause=lambda: random.randrange(4))
        with suppress(Stopped):  # the message comes again below
            await deliver(state, message, process)

    deliveries = messages * 2
    random.shuffle(deliveries)
    await asyncio.gather(*map(attempt, deliveries))
    receipts = [await deliver(state, message) for message in messages]

    bad = [n for batch in batches for n in batch if n % 5 == 0]
    distinct = {n for batch in batches for n in batch if n % 5}
    assert sum(receipt.accepted for receipt in receipts) == len(distinct)
    assert sum(len(receipt.rejects) for receipt in receipts) == len(bad) == len(state.rejects)
    for batch, receipt in zip(batches, receipts, strict=True):
        assert receipt.accepted + receipt.duplicates + len(receipt.rejects) == len(batch)
    for tenant, parity in ((CONTOSO, 0), (FABRIKAM, 1)):
        own = [n for batch in batches for n in batch if n % 2 == parity]
        reading = await usage(state.stores(), tenant.id, PERIOD)
        assert counted(reading) == recount([sample(n) for n in distinct if n % 2 == parity], tenant.zone)
        assert reading.rejected == sum(n % 5 == 0 for n in own)
        assert reading.duplicates == len(own) - reading.rejected - len(distinct.intersection(own))


async def test_an_api_client_that_repeats_a_batch_later_loses_nothing() -> None:
    """An event that was too new at first is counted when the same bytes come again."""
    state = cloud()
    sent = [event("1"), event("2", time=(NOW + timedelta(minutes=6)).isoformat())]
    first = await ingest(state.stores(), body(*sent), NOW, "contoso")
    assert (first.accepted, len(first.rejects)) == (1, 1)
    await ingest(state.stores(), body(*sent), NOW + timedelta(minutes=2), "contoso")
    reading = await usage(state.stores(), "contoso", PERIOD)
    assert counted(reading) == recount(sent, CONTOSO.zone)


def test_a_poison_message_is_kept_whole() -> None:
    """Its reject says why and holds the bytes."""
    reject = message_reject(b"anything", NOW, "failed five times")
    assert (reject.payload, reject.errors[0].reason, reject.tenant_id) == (
        b"anything",
        "failed five times",
        None,
    )
