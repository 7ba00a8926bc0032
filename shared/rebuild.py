"""The rebuild: a range of days counted again from their segments, and repaired where they differ.

Nothing is written where nothing is wrong. Segments live for 40 days: older days are left alone.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from shared.days import Period, month_of
from shared.errors import Busy
from shared.months import build_month, find_month, is_current, stamps_of
from shared.ports import Mark, Stores
from shared.recount import count_again, is_alive, repair
from shared.rollup import ATTEMPTS
from shared.seal import has_ended, seal_marked
from shared.tenants import Tenant

type Outcome = Literal["equal", "differs", "repaired", "empty", "gone", "waits"]
"""`differs` only in a dry run; `empty`: a day without any usage; `gone`: one whose segments expired.

`waits`: a month with unsealed days.
"""


@dataclass(slots=True)
class Rebuild:
    """One rebuild of a tenant's days; a dry run only tells what differs."""

    stores: Stores
    tenant: Tenant
    now: datetime
    dry_run: bool = False
    repaired: set[date] = field(default_factory=set)

    async def day(self, day: date) -> Outcome:
        """Counts one day again. Raises Busy when others keep changing it."""
        if not is_alive(self.tenant, day, self.now):
            return "gone" if await self._is_used(day) else "empty"
        for _ in range(ATTEMPTS):
            recount = await count_again(self.stores.usage, self.tenant.id, day, self.now)
            if not (recount.saved.version or recount.waiting):
                return "empty"
            if recount.right:
                return "repaired" if day in self.repaired else "equal"
            if self.dry_run:
                return "differs"
            await self.stores.marks.mark(self.tenant.id, day)  # readers leave the merged month alone now
            self.repaired.add(day)
            await repair(self.stores.usage, self.tenant.id, recount)
            await self.stores.marks.mark(self.tenant.id, day)  # readers forget what they have kept
        raise Busy(f"{self.tenant.id} {day} could not be repaired: others kept changing it")

    async def finish(self, period: Period) -> dict[date, Outcome]:
        """Seals what was repaired, then merges the ended months of the period that need it."""
        if self.repaired:
            await seal_marked(self.stores, self.now, self._is_repaired)
        months = sorted({month_of(day).first for day in period})
        return {first: await self._month(month_of(first)) for first in months}

    async def _is_used(self, day: date) -> bool:
        usage, tenant_id = self.stores.usage, self.tenant.id
        return bool(
            await usage.heads(tenant_id, Period(day, day))
            or await usage.count_segments(tenant_id, day, 0, ())
        )

    async def _month(self, month: Period) -> Outcome:
        usage, tenant_id = self.stores.usage, self.tenant.id
        found = await find_month(usage, tenant_id, month)
        if await is_current(usage, tenant_id, month, found) or not await stamps_of(usage, tenant_id, month):
            return "equal"
        marked = (await self.stores.marks.marking(tenant_id)).days
        if not has_ended(month, self.tenant, self.now) or any(day in month for day in marked):
            return "waits"
        if self.dry_run:
            return "differs"
        await self.stores.marks.mark_month(tenant_id, month.first)
        built = [
            await build_month(self.stores, mark)
            for mark in await self.stores.marks.months()
            if (mark.tenant_id, mark.day) == (tenant_id, month.first)
        ]
        return "repaired" if any(built) else "waits"

    def _is_repaired(self, mark: Mark) -> bool:
        return mark.tenant_id == self.tenant.id and not mark.month and mark.day in self.repaired
