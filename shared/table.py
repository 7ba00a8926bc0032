"""Answering a list view: its rows found, sorted and paged, with totals of all that were found."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shared.answers import Framed, ListAnswer, PeriodAnswer, Row
from shared.columns import DAY, MEASURES, Value
from shared.cube import Cube, Integers
from shared.days import Period, before
from shared.figures import among, change, figures, keys, of_rows
from shared.order import numbered, page
from shared.ports import Stores
from shared.query import ExportQuery, ViewQuery
from shared.reading import Reading, answer
from shared.tenants import Tenant
from shared.views import VIEWS, Groups, View

MONTH = len("2026-10")
NOTHING = figures(dict.fromkeys(MEASURES, 0))


@dataclass(frozen=True, slots=True)
class Question:
    """Whose usage, of which days, asked when."""

    tenant: Tenant
    period: Period
    now: datetime


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a view that were found, the number that orders each, and what they are compared with."""

    view: View
    groups: Groups
    numbers: Integers
    previous: Cube | None

    def rows(self, offset: int, limit: int) -> Iterator[dict[str, Any]]:
        """Those at these places in full: their own columns, the figures, the comparison."""
        groups = self.groups.at(page(self.view, self.groups, self.numbers, offset, limit))
        own = {name: column(groups) for name, column in self.view.columns.items()}
        rows = _rows(own | of_rows(groups.grouped))
        if self.previous is None:
            return rows
        wanted = keys(groups.grouped, self.view.keys)
        earlier = among(self.previous, self.view.keys, wanted)
        then = dict(zip(keys(earlier, self.view.keys), _rows(of_rows(earlier)), strict=True))
        return (row | comparison(row, then.get(key, NOTHING)) for key, row in zip(wanted, rows, strict=True))

    def totals(self) -> Row:
        """The figures of all rows, whatever the page, and the comparison."""
        then = None if self.previous is None else self.previous.totals()
        return compared(self.groups.grouped.totals(), then)


async def list_view(stores: Stores, name: str, question: Question, query: ViewQuery) -> ListAnswer[Any]:
    """One page of a view. Totals are those of all rows, whatever the page."""

    def shown(table: Table, framed: Framed) -> ListAnswer[Any]:
        return {
            "data": list(table.rows(query.offset, query.limit)),
            "pagination": {"limit": query.limit, "offset": query.offset, "total": len(table.numbers)},
            **framed,
        }

    return await find(stores, name, question, query, shown)


async def find[T](
    stores: Stores, name: str, question: Question, query: ExportQuery, work: Callable[[Table, Framed], T]
) -> T:
    """What `work` makes of all rows that the query asks for, and of what the answer says beside them."""
    view, earlier = VIEWS[name], before(question.period) if query.compare else None
    names = (*view.dimensions, *query.filters())
    wanted = [(period, names) for period in (question.period, earlier) if period]

    def worked(readings: Sequence[Reading]) -> T:
        return work(*_table(view, question, earlier, query, readings))

    return await answer(stores, question.tenant.id, wanted, worked)


def _table(
    view: View, question: Question, earlier: Period | None, query: ExportQuery, readings: Sequence[Reading]
) -> tuple[Table, Framed]:
    """The rows that were found in the period, compared with those of the earlier one if there is one."""
    now, *then = (reading.filter(query.filters()) for reading in readings)
    every = _grouped(view, now, question.period, query)
    groups = every if query.q is None else every.at(_searched(view, every, query.q))
    numbers = numbered(view, groups, query.sort or view.sort)
    if earlier is None:
        table = Table(view, groups, numbers, None)
        return table, frame(question, now, table.totals())
    previous = _aligned(view, every, _grouped(view, then[0], earlier, query).grouped)
    if query.q is not None:
        previous = among(previous, view.keys, keys(groups.grouped, view.keys))
    table = Table(view, groups, numbers, previous)
    framed = frame(question, now, table.totals())
    return table, {**framed, "previous_period": period_answer(earlier, question.tenant)}


def frame(question: Question, reading: Reading, totals: Row) -> Framed:
    """What every view tells beside its data."""
    return {
        "totals": totals,
        "period": period_answer(question.period, question.tenant),
        "freshness": {
            "complete_through": question.now.isoformat(timespec="milliseconds"),
            "unpriced": totals["unpriced_requests"],
            "rejected": reading.rejected,
            "duplicates": reading.duplicates,
        },
    }


def period_answer(period: Period, tenant: Tenant) -> PeriodAnswer:
    """The days, as answers name them."""
    return {"from": str(period.first), "to": str(period.last), "time_zone": tenant.time_zone}


def compared(measures: Mapping[str, int], then: Mapping[str, int] | None) -> Row:
    """The figures, and beside them those of the previous period."""
    now: Mapping[str, Any] = figures(measures)
    return cast("Row", now if then is None else {**now, **comparison(now, figures(then))})


def comparison(now: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """What stands beside figures: those of the previous period, and the change."""
    return {
        "previous_requests": old["requests"],
        "previous_tokens": old["tokens"],
        "previous_cost_usd": old["cost_usd"],
        "requests_change_percent": change(now["requests"], old["requests"]),
        "tokens_change_percent": change(now["tokens"], old["tokens"]),
        "cost_usd_change_percent": change(now["cost_usd"], old["cost_usd"]),
    }


def _rows(columns: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for cells in zip(*columns.values(), strict=True):
        yield dict(zip(columns, cells, strict=True))


def _grouped(view: View, reading: Reading, period: Period, query: ExportQuery) -> Groups:
    cube, every = reading.cube, view.every
    if view.keys == (DAY,):
        every = days = [str(day) for day in period]
        if getattr(query, "bucket", "day") == "month":
            cube = cube.mapped(DAY, lambda day: (day or "")[:MONTH])
            every = list(dict.fromkeys(day[:MONTH] for day in days))
    grouped = cube.group_by(*view.keys)
    if every:
        grouped = grouped.listing(view.keys[0], every)
    return Groups(cube, grouped, {} if reading.people is None else reading.people)


def _aligned(view: View, now: Groups, then: Cube) -> Cube:
    """The rows of the period before; its days and months under those they are compared with."""
    if view.keys != (DAY,):
        return then
    days, earlier = (sorted(map(str, some)) for some in (now.names(DAY), then.dimensions[DAY].column()))
    renamed: dict[Value, Value] = dict(zip(reversed(earlier), reversed(days), strict=False))
    return then.filter({DAY: renamed}).mapped(DAY, renamed.get)


def _searched(view: View, groups: Groups, text: str) -> NDArray[np.intp]:
    """The rows that have this text, in any case, in what is searched."""
    columns = [view.columns[name](groups) for name in view.searched]
    wanted = text.casefold()
    found = [any(wanted in (cell or "").casefold() for cell in row) for row in zip(*columns, strict=True)]
    return np.flatnonzero(found)
