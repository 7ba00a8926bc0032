"""Repricing: a tenant's days at the present price book, each event at the prices of its own UTC date.

A day is folded first; then what its rollup holds is priced anew, and the rollup replaced by the same
commit as a fold's: nothing but cost changes, so that nothing can count twice. While the day's segments
live, each event is priced by itself; afterwards the sums of the rollup's rows are, which is exact unless
a price depends on the length of the context, changes within the tenant's day, or has to be rounded.

Segments stay as they are. The rollup keeps the rates used, its tariff (see `tariff`), and whoever reads
the day's folded segments again applies it: so seal, rebuild and lists of events agree with what is saved,
whatever becomes of the price book later.

The day is marked before it is changed, so that readers leave its merged month alone, and again after,
as it may have been sealed in between. Each day is on its own: an interrupted run is repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Annotated, Literal, cast
from uuid import uuid4

from pydantic import Field

from shared import audit
from shared.answers import Day
from shared.audit import Change, Changes, Record, RecordAnswer, Repriced
from shared.columns import BY_PRICES, COST_SOURCE, KEYS
from shared.cube import Cube, empty, merge
from shared.days import Period, start_of
from shared.errors import Busy, Conflict
from shared.figures import keys
from shared.ports import Stores
from shared.pricing import PriceBook
from shared.rates import CostOutOfRange
from shared.recount import pages, same, saved_day
from shared.rollup import ATTEMPTS, Rollup, fold_day, is_unfolded, save, segment_cube
from shared.tariff import PRICED, Tariff, Use, pack_rates
from shared.tenants import Tenant

OPERATOR = "operator"

type Source = Literal["segments", "rollup"]


class DayAnswer(Repriced):
    """A day with usage."""

    day: Day
    source: Annotated[Source, Field(description="What was priced: single events, or sums of them.")]
    exact: Annotated[bool, Field(description="Whether every event was priced by itself, or as if.")]


@dataclass(frozen=True, slots=True)
class DayChange:
    """What was repriced of one day, and whether every event was priced by itself, or as if."""

    day: date
    source: Source
    exact: bool
    change: Change

    def answer(self) -> DayAnswer:
        """The day as the operator reads it."""
        return {
            "day": str(self.day), "source": self.source, "exact": self.exact, **self.change.answer(),
        }  # fmt: skip


class RepriceAnswer(RecordAnswer):
    """What a run changed, or would change, also by day."""

    days: list[DayAnswer]


@dataclass(frozen=True, slots=True)
class _Day:
    """What is saved of a day, and that at the present prices."""

    saved: Rollup
    tariff: Tariff
    source: Source
    exact: bool
    before: Cube
    after: Cube

    @property
    def changes(self) -> Changes:
        """By what is priced."""
        return audit.changes(self.before, self.after)

    @property
    def state(self) -> Rollup:
        """The next state of the day: not sealed, so that its month is not taken for current."""
        return replace(
            self.saved,
            version=self.saved.version + 1,
            writer=uuid4().hex[:8],
            tariff=self.tariff,
            sealed=False,
        )


@dataclass(slots=True)
class Repricing:
    """One run on a tenant's days; a dry run only tells what would change."""

    stores: Stores
    tenant: Tenant
    book: PriceBook
    now: datetime
    dry_run: bool = False

    async def run(self, period: Period, note: str | None = None) -> tuple[Record, list[DayChange]]:
        """Reprices the period; gives the record, and the days that have usage.

        Raises Busy when others keep changing a day, and Conflict when the price book makes an event
        dearer than any may be. What was repriced until then stays so.
        """
        state: Literal["dry-run", "running"] = "dry-run" if self.dry_run else "running"
        record = Record(uuid4().hex[:12], self.tenant.id, self.now.isoformat(), OPERATOR, period, note, state)
        await self._keep(record)
        days = list[DayChange]()
        for day in await self._days(period):
            record, found = await self._day(record, day)
            if found:
                change = sum(found.changes.values(), Change())
                days.append(DayChange(day, found.source, found.exact, change))
        if not self.dry_run:
            record = replace(record, state="done")
            await self._keep(record)
        return record, days

    async def _days(self, period: Period) -> Sequence[date]:
        """The days of the period that may have usage."""
        marked = (await self.stores.marks.marking(self.tenant.id)).days
        heads = await self.stores.usage.heads(self.tenant.id, period)
        found = {date.fromisoformat(head["day"]) for head in heads}
        return sorted(found | {day for day in marked if day in period})

    async def _day(self, record: Record, day: date) -> tuple[Record, _Day | None]:
        usage, marks, tenant_id = self.stores.usage, self.stores.marks, self.tenant.id
        for _ in range(ATTEMPTS):
            found = await self._found(day)
            if found is None:
                return record, None
            after = replace(
                record,
                exact=record.exact and found.exact,
                changes=audit.added(record.changes, found.changes),
            )
            if self.dry_run or same(found.before, found.after):
                if not self.dry_run and not found.saved.sealed:
                    await marks.mark(tenant_id, day)  # should an interrupted run not have come so far
                return after, found
            after = replace(after, through=day)
            await self._keep(after)
            await marks.mark(tenant_id, day)
            if await save(usage, tenant_id, found.state, found.after):
                await marks.mark(tenant_id, day)
                return after, found
        raise Busy(f"{tenant_id} {day} could not be repriced: others kept changing it")

    async def _found(self, day: date) -> _Day | None:
        """What is saved of the day, once folded, and what that costs at present."""
        await fold_day(self.stores.usage, self.tenant.id, day, self.now)
        saved, _, before = await saved_day(self.stores.usage, self.tenant.id, day)
        if not saved.version:
            return None
        if before is None:
            raise Busy(f"The users of {self.tenant.id} {day} are not all there.")
        rates = pack_rates(self.book, self.tenant.id, _uses(before), self._utc_days(day))
        tariff = Tariff(saved.since, saved.folded, rates)
        try:
            after = await self._of_segments(saved, tariff)
            if after.totals()["requests"] == before.totals()["requests"]:
                return _Day(saved, tariff, "segments", True, before, after)
            after = merge([empty(KEYS), tariff.of_sums(before, day)])
        except (CostOutOfRange, OverflowError) as error:
            raise Conflict(
                f"At these prices something of {day} would cost more than anything may."
            ) from error
        return _Day(saved, tariff, "rollup", tariff.is_exact_on_sums, before, after)

    async def _of_segments(self, saved: Rollup, tariff: Tariff) -> Cube:
        """The segments, of those that the rollup holds, that are still there."""
        cube = empty(KEYS)
        async for segments, _ in pages(self.stores.usage, self.tenant.id, saved, self.now):
            held = [tariff.priced(one) for one in segments if not is_unfolded(saved, one)]
            cube = merge([cube, *(segment_cube(one, users=True) for one in held)])
        return cube

    def _utc_days(self, day: date) -> list[date]:
        """The UTC days on which events of the tenant's day can be; that of its own date is one of them."""
        first = start_of(day, self.tenant.zone)
        last = start_of(day + timedelta(days=1), self.tenant.zone) - timedelta(microseconds=1)
        return sorted({first.date(), last.date()})

    async def _keep(self, record: Record) -> None:
        if not self.dry_run:
            await audit.keep(self.stores.usage, record)


def _uses(cube: Cube) -> list[Use]:
    """What the price list has to say of this usage."""
    listed = cube.filter({COST_SOURCE: [BY_PRICES]}).group_by(*PRICED)
    return cast("list[Use]", keys(listed, PRICED))
