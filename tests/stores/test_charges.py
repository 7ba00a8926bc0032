"""Request units: what the endpoint charges is what is counted, by operation."""

from collections import Counter
from datetime import date

import pytest

from local.cosmos import LocalCosmos
from shared.stores.usage import UsageStore

DAY = date(2026, 11, 1)


async def test_every_charge_is_counted_by_operation(
    usage: UsageStore, cosmos: LocalCosmos, tenant_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writes, reads, pages and refusals (409, 404) alike, to the last request unit."""
    counted = Counter[str]()
    monkeypatch.setattr(
        "shared.telemetry.charged",
        lambda name, units: counted.update({name: round(units * 100)}),
    )
    segment = {"id": f"seg|{DAY}|1", "tenantId": tenant_id, "kind": "segment", "day": str(DAY)}
    cosmos.requests.clear()
    assert await usage.add_segment(segment)
    assert not await usage.add_segment(segment)
    assert await usage.find(tenant_id, "nothing") is None
    assert await usage.ids(tenant_id, "segment", DAY) == [segment["id"]]
    await usage.put(segment)
    await usage.delete(tenant_id, segment["id"])
    for operation in ("create", "read", "query", "upsert", "delete"):
        assert counted[operation] == round(cosmos.requests.charge(operation) * 100) > 0
