"""Marks, rejects, tenants, keys and prices on real tables."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import pairwise
from random import Random

from local.azurite import Azurite
from shared.errors import FieldError
from shared.keys import KeySettings, issue, key_id
from shared.message import MAX_BYTES
from shared.ports import Mark
from shared.pricing import Price
from shared.rejects import Reject
from shared.services import Services
from shared.stores.schema import MARKS_TABLE
from shared.tenants import Tenant, Tier

DAY, NEXT = date(2026, 3, 9), date(2026, 3, 10)
RECEIVED = datetime(2026, 3, 10, 12, 30, 15, 250_000, UTC)


async def marks_of(services: Services, tenant_id: str) -> dict[date, Mark]:
    """The tenant's marks by day."""
    return {mark.day: mark for mark in await services.stores.marks.all() if mark.tenant_id == tenant_id}


def reject(tenant_id: str | None, index: int | None = 0, **changed: object) -> Reject:
    """A reject whose payload takes several properties of an entity."""
    fields = {
        "batch_id": f"{tenant_id}-batch",
        "index": index,
        "received": RECEIVED,
        "payload": Random(1).randbytes(150_000),
        "errors": [FieldError("time", "lies in the future"), FieldError("user.id", "ist zu lang: «ü»")],
        "tenant_id": tenant_id,
        "counted": True,
        **changed,
    }
    return Reject(**fields)  # type: ignore[arg-type]


async def test_marks_are_one_a_tenant_day(services: Services, tenant_id: str) -> None:
    """A day marked often is marked once, for its own tenant, since the last time."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    marks = services.stores.marks
    await asyncio.gather(*(marks.mark(tenant_id, day) for day in (DAY, DAY, DAY, NEXT)))
    assert (await marks.marking(tenant_id)).days.keys() == {DAY, NEXT}
    assert not (await marks.marking(f"{tenant_id}-2")).days
    found = await marks_of(services, tenant_id)
    assert before < found[DAY].at <= datetime.now(UTC)


async def test_a_row_that_is_no_mark_is_none(services: Services, tenant_id: str) -> None:
    """Whatever else a tenant's marks tell, as another version of the service may."""
    marks = services.stores.marks
    await marks.mark(tenant_id, DAY)
    table = services.tables.get_table_client(MARKS_TABLE)
    await table.upsert_entity({"PartitionKey": tenant_id, "RowKey": "cleared", "by": "1"})
    assert (await marks.marking(tenant_id)).days.keys() == {DAY}
    assert [mark.day for mark in await marks.all() if mark.tenant_id == tenant_id] == [DAY]
    assert tenant_id not in [mark.tenant_id for mark in await marks.months()]


async def test_a_mark_is_cleared_unless_it_was_renewed(services: Services, tenant_id: str) -> None:
    """Clearing an outdated mark leaves the newer one; clearing twice is fine."""
    marks = services.stores.marks
    await marks.mark(tenant_id, DAY)
    old = (await marks_of(services, tenant_id))[DAY]
    await marks.mark(tenant_id, DAY)
    await marks.clear(old)
    assert (await marks.marking(tenant_id)).days.keys() == {DAY}
    new = (await marks_of(services, tenant_id))[DAY]
    for _ in range(2):
        await marks.clear(new)
        assert not (await marks.marking(tenant_id)).days


async def test_each_clearing_of_a_tenant_is_told(services: Services, tenant_id: str) -> None:
    """By another text, also when the same days are marked again; what was cleared in vain tells nothing."""
    marks, told = services.stores.marks, set[str]()
    for _ in range(2):
        await marks.mark(tenant_id, DAY)
        told.add((await marks.marking(tenant_id)).stamp)
        old = (await marks_of(services, tenant_id))[DAY]
        await marks.mark(tenant_id, DAY)
        await marks.clear(old)
        assert (await marks.marking(tenant_id)).stamp in told
        await marks.clear((await marks_of(services, tenant_id))[DAY])
    told.add((await marks.marking(tenant_id)).stamp)
    assert len(told) == 3
    assert (await marks.marking(f"{tenant_id}-2")).stamp == ""


async def test_a_marking_is_the_same_until_something_is_marked(services: Services, tenant_id: str) -> None:
    """Also the same day again, or that something else has changed; a month is none, nor another tenant's."""
    marks = services.stores.marks
    await marks.mark(tenant_id, DAY)
    seen = [await marks.marking(tenant_id)]
    for change in (
        partial(marks.mark, tenant_id, DAY),
        partial(marks.mark, tenant_id, NEXT),
        partial(marks.mark_tenant, tenant_id),
        partial(marks.mark_tenant, tenant_id),
    ):
        await marks.mark_tenant(f"{tenant_id}-2")
        await marks.mark_month(tenant_id, DAY.replace(day=1))
        assert await marks.marking(tenant_id) == seen[-1]
        await change()
        seen.append(await marks.marking(tenant_id))
        assert seen.count(seen[-1]) == 1
    assert [one.has_same_days(other) for one, other in pairwise(seen)] == [True, False, False, False]


async def test_a_reject_comes_back_as_it_was(services: Services, tenant_id: str) -> None:
    """Whatever the payload's bytes, its size and its errors, the store gives back the same reject."""
    for one in (
        reject(tenant_id),
        reject(tenant_id, 4_999, payload=b"", errors=[], counted=False),
        reject(tenant_id, 1, payload=b"x" * MAX_BYTES),
        reject(None, None, payload=b"\xff\x00", batch_id=tenant_id),
    ):
        await services.rejects.add([one])
        assert await services.rejects.find(one.id) == one


async def test_a_replayed_reject_stays_closed(services: Services, tenant_id: str) -> None:
    """A redelivery adds the same reject again; that does not open it."""
    one = reject(tenant_id)
    await services.rejects.add([one])
    await services.rejects.mark_replayed(one)
    await services.rejects.add([one, one])
    found = await services.rejects.find(one.id)
    assert found is not None
    assert found.status == "replayed"
    assert [r.id for r in await services.rejects.page(tenant_id, "replayed", 10, 0)] == [one.id]
    assert await services.rejects.page(tenant_id, "open", 10, 0) == []


async def test_a_batch_arrives_once(services: Services, tenant_id: str) -> None:
    """Whenever it comes again, its first arrival is told, to the microsecond; no page of rejects lists it."""
    for later in range(3):
        arrived = await services.rejects.first_arrival(tenant_id, RECEIVED + timedelta(microseconds=later))
        assert arrived == RECEIVED
    assert all(one.batch_id != tenant_id for one in await services.rejects.page(None, None, 1000, 0))


async def test_rejects_are_paged_newest_first(services: Services, tenant_id: str) -> None:
    """Each reject stands on exactly one page, in one order, across days."""
    times = [RECEIVED + timedelta(hours=11 * number) for number in range(7)]
    given = [reject(tenant_id, 0, received=moment, payload=b"{}") for moment in times]
    await services.rejects.add(given)
    pages = [await services.rejects.page(tenant_id, None, 3, offset) for offset in (0, 3, 6, 9)]
    assert [one.received for page in pages for one in page] == times[::-1]
    assert [len(page) for page in pages] == [3, 3, 1, 0]


async def test_tenants_are_found_as_they_were_saved(services: Services, tenant_id: str) -> None:
    """A change is seen at once by who made it; ids differ by case."""
    tenant = Tenant(
        id=tenant_id,
        name="Contoso",
        time_zone="Asia/Kolkata",
        billing_day=31,
        tier=Tier(name="pro", monthly_tokens=10**15, monthly_budget_usd=Decimal("0.01")),
    )
    assert await services.tenants.find(tenant_id) is None
    await services.tenants.save(tenant)
    assert await services.tenants.find(tenant_id) == tenant
    assert await services.tenants.find(tenant_id.upper()) is None
    renamed = tenant.model_copy(update={"name": "Contoso Ltd"})
    await services.tenants.save(renamed)
    assert await services.tenants.find(tenant_id) == renamed
    assert [one for one in await services.tenants.all() if one.id == tenant_id] == [renamed]


async def test_keys_are_stored_as_hashes(services: Services, azurite: Azurite, tenant_id: str) -> None:
    """A key is found by its hash, listed for its tenant, revoked; the key itself stands in no table."""
    shown, stored = issue(tenant_id, KeySettings(scopes=["read"], expires=RECEIVED), RECEIVED)
    await services.keys.save(stored)
    assert await services.keys.find(key_id(shown)) == stored
    assert await services.keys.of_tenant(tenant_id) == [stored]
    assert await services.keys.of_tenant(f"{tenant_id}' or 'a' eq 'a") == []
    rows = [str(row) async for row in services.clients[1].get_table_client("apikeys").list_entities()]
    assert any(stored.id in row for row in rows)
    assert not any(shown in row or shown[6:] in row for row in rows)
    await services.keys.save(stored.model_copy(update={"revoked": True}))
    found = await services.keys.find(stored.id)
    assert found is not None
    assert found.revoked


async def test_prices_hold_from_their_saving_to_their_deletion(services: Services, tenant_id: str) -> None:
    """A price for the same thing from the same day is replaced; deleting an absent one is fine."""
    prices = services.stores.prices
    price = Price(tenant_id=tenant_id, primitive="phone.sms", valid_from=DAY, unit_usd=Decimal("0.0079"))
    first = await services.prices.save(price)
    dearer = price.model_copy(update={"unit_usd": Decimal("0.123456789")})
    assert await services.prices.save(dearer) == first
    assert (await services.prices.all())[first] == dearer
    rates = (await prices.book()).rates(tenant_id, "phone.sms", None, None, DAY)
    assert rates is not None
    assert rates.cost(quantity=1000) == 123_456_789
    for _ in range(2):
        await services.prices.delete(first)
    assert first not in await services.prices.all()
    assert (await prices.book()).rates(tenant_id, "phone.sms", None, None, DAY) is None
