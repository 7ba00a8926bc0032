"""What is saved of the usage of a period: its merged months, its other days, who the users are."""

from collections.abc import Collection, Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import date

from shared.columns import DAY, USER
from shared.days import Period, joined, month_of, months_of
from shared.ports import Document, Usage
from shared.rollup import Rollup, read_rollup


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: the days of a period, by these dimensions."""

    period: Period
    names: tuple[str, ...]

    def whole(self, marked: Iterable[date]) -> list[Period]:
        """The months that lie in the period as a whole and have no mark: they may be merged."""
        if DAY in self.names and USER in self.names:
            return []  # months do not keep the days of each user
        touched = {month_of(day) for day in marked}
        return [
            month
            for month in months_of(self.period)
            if month.first in self.period and month.last in self.period and month not in touched
        ]


@dataclass(frozen=True, slots=True)
class Saved:
    """What is saved of what is asked for.

    That is the main documents of merged months, the totals of all other days, and the heads of `shards`.
    `states` are those of the marked days. Of the months that may be merged, `whole`, these are `merged`.
    """

    asked: Asked
    months: Sequence[Document]
    days: Sequence[Document]
    states: Sequence[Rollup]
    whole: Set[Period]
    merged: Set[Period]
    shards: Sequence[Document]


async def find_saved(
    usage: Usage, tenant_id: str, asked: Asked, marked: Collection[date], split: Set[Period]
) -> Saved:
    """What is saved, where these days are marked. Months that were split are read by day, even if merged."""
    users = USER in asked.names

    async def ask(months: Iterable[Period], *more: tuple[str, Period | None]) -> list[Document]:
        runs = joined(part for month in months if (part := month.within(asked.period)))
        wanted = [*(("totals", run) for run in runs), *more]
        return await usage.several(tenant_id, wanted, cubes=not users) if wanted else []

    marked = sorted(day for day in marked if day in asked.period)
    whole = asked.whole(marked)
    split = split & {*whole}
    more: list[tuple[str, Period | None]] = [("directory", None)] if users else []
    if whole:
        more.append(("mtotals", Period(whole[0].first, whole[-1].last)))
    found = await ask((one for one in months_of(asked.period) if one not in whole or one in split), *more)
    ready = {_month(one): one for one in found if one["kind"] == "mtotals" and one["state"] == "ready"}
    found += await ask(one for one in whole if one not in ready and one not in split)
    days = {one["day"]: one for one in found if one["kind"] == "totals"}
    return Saved(
        asked=asked,
        months=[ready[one] for one in whole if one in ready and one not in split],
        days=[days[day] for day in sorted(days)],
        states=[read_rollup(days[str(day)]) if str(day) in days else Rollup(day) for day in marked],
        whole=frozenset(whole),
        merged=ready.keys(),
        shards=[one for one in found if one["kind"] == "directory"],
    )


def _month(head: Document) -> Period:
    return month_of(date.fromisoformat(head["day"]))
