"""Sealing and merging through the real clients: what months and marks need of their stores."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from itertools import batched
from typing import Any

from local.cosmos import LocalCosmos
from shared.columns import DAY, DIMENSIONS, USER
from shared.days import Period
from shared.ingest import ingest
from shared.message import read_batch
from shared.reading import read
from shared.rebuild import Rebuild
from shared.rollup import fold_day
from shared.seal import Sealed, seal_marked
from shared.segment import make_segment
from shared.services import Services
from shared.stores.usage import UsageStore
from shared.tenants import Tenant
from tests.events import body, event

MONTH = date(2026, 2, 1)


def chunk(tenant_id: str, writer: str, number: int = 0, day: date = MONTH) -> dict[str, Any]:
    """A users chunk of a month."""
    name = f"musers|{day:%Y-%m}|{writer}|{number}"
    return {"id": name, "tenantId": tenant_id, "kind": "musers", "day": str(day), "writer": writer}


async def etag_of(usage: UsageStore, tenant_id: str) -> str:
    """The version of the one chunk."""
    (found,) = await usage.documents(tenant_id, "musers", Period(MONTH, MONTH))
    return str(found["_etag"])


async def test_ids_are_those_of_the_kind_and_day(usage: UsageStore, tenant_id: str) -> None:
    """Not of other months, kinds or tenants."""
    for one in (chunk(tenant_id, "a"), chunk(tenant_id, "b", 1), chunk(tenant_id, "c", day=date(2026, 3, 1))):
        await usage.put(one)
    await usage.put(chunk("fabrikam", "d"))
    await usage.put(chunk(tenant_id, "e") | {"id": "x", "kind": "mdays"})
    assert sorted(await usage.ids(tenant_id, "musers", MONTH)) == ["musers|2026-02|a|0", "musers|2026-02|b|1"]


async def test_a_version_is_deleted_only_as_it_was_read(usage: UsageStore, tenant_id: str) -> None:
    """What others have replaced stays; what they have deleted is fine."""
    document = chunk(tenant_id, "a")
    await usage.put(document)
    old = await etag_of(usage, tenant_id)
    await usage.put(document | {"n": 2})
    assert not await usage.delete(tenant_id, document["id"], old)
    assert await usage.delete(tenant_id, document["id"], await etag_of(usage, tenant_id))
    assert await usage.delete(tenant_id, document["id"], old)
    assert await usage.delete(tenant_id, document["id"])
    assert not await usage.ids(tenant_id, "musers", MONTH)


async def test_a_delete_whose_answer_was_lost_was_done(
    usage: UsageStore, cosmos: LocalCosmos, tenant_id: str
) -> None:
    """The client repeats it and finds nothing."""
    await usage.put(chunk(tenant_id, "a"))
    fault = cosmos.faults.add("delete", status=503, when="after")
    assert await usage.delete(tenant_id, chunk(tenant_id, "a")["id"], await etag_of(usage, tenant_id))
    assert fault.fired == 1


async def test_a_document_that_was_deleted_is_not_replaced(usage: UsageStore, tenant_id: str) -> None:
    """Who deletes a draft wins over who makes it ready."""
    document = chunk(tenant_id, "a")
    await usage.put(document)
    etag = await etag_of(usage, tenant_id)
    await usage.delete(tenant_id, document["id"])
    assert not await usage.commit(document | {"n": 2}, etag)
    assert not await usage.ids(tenant_id, "musers", MONTH)


async def test_marks_of_months_are_no_days(services: Services, tenant_id: str) -> None:
    """A month is listed apart, and cleared unless it has been marked again."""
    marks = services.stores.marks
    await marks.mark(tenant_id, date(2026, 2, 1))
    await marks.mark_month(tenant_id, MONTH)
    assert (await marks.marking(tenant_id)).days.keys() == {date(2026, 2, 1)}
    (day,) = [mark for mark in await marks.all() if mark.tenant_id == tenant_id]
    (month,) = [mark for mark in await marks.months() if mark.tenant_id == tenant_id]
    assert (day.month, month.month, month.day) == (False, True, MONTH)
    await marks.mark_month(tenant_id, MONTH)
    await marks.clear(month)
    await marks.clear(day)
    (month,) = [mark for mark in await marks.months() if mark.tenant_id == tenant_id]
    assert not (await marks.marking(tenant_id)).days
    await marks.clear(month)
    assert tenant_id not in {mark.tenant_id for mark in await marks.months()}


async def test_a_month_is_sealed_merged_reopened_and_rebuilt(services: Services, tenant_id: str) -> None:
    """What is read is the same, from days or from the month; a rebuild finds nothing."""
    stores, now = services.stores, datetime.now(UTC)
    tenant = Tenant(id=tenant_id, name="T")
    await services.tenants.save(tenant)
    last = now.date().replace(day=1) - timedelta(days=1)
    month = Period(last.replace(day=1), last)
    then = now.replace(year=last.year, month=last.month, day=last.day, hour=12)

    def own(mark: Any) -> bool:  # noqa: ANN401
        return bool(mark.tenant_id == tenant_id)

    for number in range(2):
        message = body(event(f"e{number}", tenant_id=tenant_id, time=then.isoformat()))
        await ingest(stores, message, then)
        assert await requests(services, tenant_id, month) == {number + 1}
        assert await seal_marked(stores, then + timedelta(days=2), own) == Sealed(days=1, months=1)
        assert await requests(services, tenant_id, month) == {number + 1}
        assert not (await stores.marks.marking(tenant_id)).days
    (head,) = await stores.usage.heads(tenant_id, month)
    job = Rebuild(stores, tenant, then + timedelta(days=2))
    assert {day: await job.day(day) for day in month} == {**dict.fromkeys(month, "empty"), last: "equal"}
    assert await job.finish(month) == {month.first: "equal"}
    assert await stores.usage.heads(tenant_id, month) == [head]
    assert head["sealed"]


async def test_a_day_of_very_many_models_is_folded_sealed_and_merged(
    services: Services, tenant_id: str
) -> None:
    """Its totals fit no document (2 MB); it is read in every form all the same, as is its month."""
    stores, now = services.stores, datetime.now(UTC)
    await services.tenants.save(Tenant(id=tenant_id, name="T"))
    last = now.date().replace(day=1) - timedelta(days=1)
    month = Period(last.replace(day=1), last)
    await store_models(services, tenant_id, last)
    assert await fold_day(stores.usage, tenant_id, last, now) == MODELS // IN_SEGMENT
    (day,) = await stores.usage.documents(tenant_id, "totals", month)
    assert day["packed"] is None
    assert await requests(services, tenant_id, month) == {MODELS}
    then = now + timedelta(days=2)
    sealed = await seal_marked(stores, then, lambda mark: mark.tenant_id == tenant_id)
    assert sealed == Sealed(days=1, months=1)
    assert not (await stores.marks.marking(tenant_id)).days
    (merged,) = await stores.usage.documents(tenant_id, "mtotals", month)
    assert merged["packed"] is None
    assert merged["day_chunks"] > 1
    assert await requests(services, tenant_id, month) == {MODELS}


MODELS, IN_SEGMENT = 25_000, 1_000


async def store_models(services: Services, tenant_id: str, day: date) -> None:
    """One event of each model, as ingest would have stored them."""
    for number, some in enumerate(batched(range(MODELS), IN_SEGMENT, strict=True)):
        models = [hashlib.sha512(str(one).encode()).hexdigest() for one in some]
        events = [
            event(f"e{one}", tenant_id=tenant_id, time=f"{day}T12:00:00Z", model=model)
            for one, model in zip(some, models, strict=True)
        ]
        sent = read_batch(body(*events)).events
        assert await services.stores.usage.add_segment(make_segment(tenant_id, day, str(number), sent))
    await services.stores.marks.mark(tenant_id, day)


async def requests(services: Services, tenant_id: str, month: Period) -> set[int]:
    """How many the month has, read in every form."""
    shapes = ((), DIMENSIONS, (DAY,), (DAY, *DIMENSIONS), (USER, *DIMENSIONS), (USER, DAY))
    cubes = [(await read(services.stores, tenant_id, month, names)).cube for names in shapes]
    return {cube.totals()["requests"] for cube in cubes}
