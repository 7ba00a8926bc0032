"""Sealing: a day that has ended is counted again from all of its segments, and its mark is cleared.

Only sealing clears marks, so every day that is not sealed has one: the timer finds it, and readers
know to look for segments beside its rollup. A late event marks its day again, and the fold that adds
it makes the rollup unsealed. In this order: the day is sealed, a merged month that holds another
state of it is deleted (see `months`), its mark is cleared.
"""

import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from shared.days import Period, month_of, start_of
from shared.each import each
from shared.errors import Busy
from shared.months import build_month, release
from shared.ports import Mark, Stores, Usage
from shared.recount import count_again, is_alive, repair
from shared.rollup import ATTEMPTS, SETTLED, Rollup, fold_day, read_rollup
from shared.tenants import Tenant

GRACE = timedelta(minutes=15)  # after the end of a day or month
AT_ONCE = 4
log = logging.getLogger("usage.seal")


@dataclass(slots=True)
class Sealed:
    """What a round did: days sealed, those of them that had to be repaired, months merged."""

    days: int = 0
    repaired: list[tuple[str, date]] = field(default_factory=list)
    months: int = 0


async def seal_marked(
    stores: Stores,
    now: datetime,
    wanted: Callable[[Mark], bool] | None = None,
    before: Callable[[str], Awaitable[object]] | None = None,
) -> Sealed:
    """One round over the marks: seals days that have ended, merges months.

    It takes the marks that are wanted, by default all but the youngest: what they mark may not be
    visible yet to all, unless this very client has written it. `before` is what has to be done with the
    news of a tenant before they are none: should it fail, the tenant's days keep their marks.
    """
    sealed = Sealed()
    chosen = wanted or (lambda mark: mark.month or mark.at <= now - SETTLED)

    async def seal(marks: list[Mark]) -> None:
        if tenant := await stores.tenants.find(marks[0].tenant_id):
            if before:
                await before(tenant.id)
            months = _grouped(marks, lambda mark: month_of(mark.day).first)
            await each(months, lambda some: _seal_days(stores, tenant, some, now, sealed))

    async def build(mark: Mark) -> None:
        tenant = await stores.tenants.find(mark.tenant_id)
        if tenant and has_ended(month_of(mark.day), tenant, now) and await build_month(stores, mark):
            sealed.months += 1

    days = filter(chosen, await stores.marks.all())
    try:
        await each(_grouped(days, lambda mark: mark.tenant_id), seal, AT_ONCE)
    finally:  # a day that cannot be sealed keeps no month from being merged
        await each(filter(chosen, await stores.marks.months()), build, AT_ONCE)
    return sealed


def has_ended(period: Period, tenant: Tenant, now: datetime) -> bool:
    """Whether the tenant's calendar has left the period behind, and what was on its way has arrived."""
    return start_of(period.last + timedelta(days=1), tenant.zone) + GRACE <= now


async def _seal_days(
    stores: Stores, tenant: Tenant, marks: Sequence[Mark], now: datetime, sealed: Sealed
) -> None:
    """Seals marked days of one month; those that have not ended are folded only.

    A day that fails keeps its mark, and none of the others from being sealed.
    """
    done: list[tuple[Mark, Rollup]] = []

    async def seal(mark: Mark) -> None:
        if not has_ended(Period(mark.day, mark.day), tenant, now):
            await fold_day(stores.usage, tenant.id, mark.day, now)
            return
        rollup, repaired = await _seal_day(stores.usage, tenant, mark.day, now)
        if repaired:
            log.error(
                "repaired %s %s: it was not the sum of its segments", tenant.id, mark.day,
                extra={"tenant": tenant.id, "day": str(mark.day)},
            )  # fmt: skip
            sealed.repaired.append((tenant.id, mark.day))
        done.append((mark, rollup))

    try:
        await each(marks, seal)
    finally:
        if done:
            stamps = {str(mark.day): rollup.stamp for mark, rollup in done if rollup.version}
            await release(stores, tenant.id, month_of(marks[0].day), stamps)
        for mark, _ in done:
            await stores.marks.clear(mark)
        sealed.days += len(done)


async def _seal_day(usage: Usage, tenant: Tenant, day: date, now: datetime) -> tuple[Rollup, bool]:
    """Seals a day; gives its sealed state, and whether it had to be repaired.

    Raises Busy when others keep changing it.
    """
    repaired = False
    for _ in range(ATTEMPTS):
        folded = await _fold(usage, tenant.id, day, now)
        saved = await usage.documents(tenant.id, "totals", Period(day, day))
        rollup = read_rollup(saved[0]) if saved else Rollup(day)
        if folded and (rollup.sealed or not rollup.version):
            return rollup, repaired
        recount = await count_again(usage, tenant.id, day, now) if is_alive(tenant, day, now) else None
        if recount and not recount.right:
            repaired |= await repair(usage, tenant.id, recount)
        elif folded and not (recount and recount.waiting):
            own = {name: value for name, value in saved[0].items() if not name.startswith("_")}
            await usage.commit(own | {"sealed": True}, rollup.etag)
    raise Busy(f"{tenant.id} {day} could not be sealed: others kept changing it")


async def _fold(usage: Usage, tenant_id: str, day: date, now: datetime) -> bool:
    """Folds what waits; False if it cannot be done, as when a chunk is lost: what is sealed is repaired."""
    try:
        await fold_day(usage, tenant_id, day, now)
    except Busy:
        return False
    return True


def _grouped[K: Hashable](marks: Iterable[Mark], key: Callable[[Mark], K]) -> list[list[Mark]]:
    groups: dict[K, list[Mark]] = {}
    for mark in marks:
        groups.setdefault(key(mark), []).append(mark)
    return list(groups.values())
