"""Replaying a reject: the event or message is ingested again, now that its reason may be gone."""

from datetime import datetime

import orjson

from shared.days import day_of
from shared.errors import InvalidInput, TooLarge, Undecodable
from shared.ingest import Receipt, bad_fields, receipt, sort, store
from shared.message import read_batch
from shared.ports import Stores
from shared.rejects import Reject
from shared.sorting import Group


async def replay(stores: Stores, reject: Reject, now: datetime) -> Receipt:
    """Counts what was rejected. Raises InvalidInput, with the reasons, when it is refused again.

    Repeating it changes nothing: the batch, and so its claims and segments, follow from the reject.
    """
    try:
        batch = read_batch(_message(reject), reject.tenant_id)
    except (Undecodable, TooLarge) as error:
        raise InvalidInput.of("message", str(error)) from error
    groups, rejects = await sort(stores, batch, now, reject.received)
    if rejects and not groups_with_events(groups):
        raise InvalidInput(bad_fields(rejects), "It is refused again.")
    await stores.rejects.add(rejects)
    groups += await _uncount(stores, reject, groups)
    stored = [await store(stores, batch.id, group) for group in groups]
    return receipt(batch, groups, stored, rejects)


def groups_with_events(groups: list[Group]) -> bool:
    """Whether anything is left to count."""
    return any(group.events for group in groups)


def _message(reject: Reject) -> bytes:
    if reject.index is None:
        return reject.payload  # the same bytes are the same batch: what it has claimed is still its own
    event = orjson.Fragment(reject.payload)
    return orjson.dumps({"batch_id": f"replay-{reject.batch_id}.{reject.index}", "events": [event]})


async def _uncount(stores: Stores, reject: Reject, groups: list[Group]) -> list[Group]:
    """Takes the reject out of its tenant's count of rejects, where it stands on the day of its arrival."""
    tenant = await stores.tenants.find(reject.tenant_id or "") if reject.counted else None
    if tenant is None:
        return []
    day = day_of(reject.received, tenant.zone)
    for group in groups:
        if (group.tenant.id, group.day) == (tenant.id, day):
            group.rejected -= 1
            return []
    return [Group(tenant, day, rejected=-1)]
