"""Answering a list view: its rows found, sorted and paged, with totals of all that were found."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import numpy as np

from shared.answers import Framed, ListAnswer, PeriodAnswer, Row
from shared.columns import DAY, MEASURES
from shared.days import Period, before
from shared.figures import Key, change, column, figures, keys
from shared.ports import Stores
from shared.query import ExportQuery, ViewQuery
from shared.reading import Reading, read
from shared.tenants import Tenant
from shared.views import VIEWS, Columns, Groups, View

MONTH = len("2026-10")
NOTHING: Mapping[str, int] = dict.fromkeys(MEASURES, 0)


@dataclass(frozen=True, slots=True)
class Question:
    """Whose usage, of which days, asked when."""

    tenant: Tenant
    period: Period
    now: datetime


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a view that were found, in order, and their totals; `shown` gives one row in full."""

    groups: Groups
    columns: Columns
    previous: Mapping[Key, Mapping[str, int]] | None
    order: Sequence[int]
    totals: Row

    def shown(self, row: int) -> dict[str, Any]:
        """The row of that index among the groups: its own columns, the figures, the comparison."""
        own = {name: value(row) for name, value in self.columns.items()}
        then = None if self.previous is None else self.previous.get(self.groups.keys[row], NOTHING)
        return {**own, **compared(self.groups.of(row), then)}


async def list_view(stores: Stores, name: str, question: Question, query: ViewQuery) -> ListAnswer[Any]:
    """One page of a view. Totals are those of all rows, whatever the page."""
    table, frame = await find(stores, name, question, query)
    rows = table.order[query.offset : query.offset + query.limit]
    return {
        "data": [table.shown(row) for row in rows],
        "pagination": {"limit": query.limit, "offset": query.offset, "total": len(table.order)},
        **frame,
    }


async def find(stores: Stores, name: str, question: Question, query: ExportQuery) -> tuple[Table, Framed]:
    """All rows of a view that the query asks for, and what the answer says beside them."""
    view, filters = VIEWS[name], query.filters()
    names = dict.fromkeys((*view.dimensions, *filters))
    earlier = before(question.period)
    now, then = await asyncio.gather(
        read(stores, question.tenant.id, question.period, names),
        read(stores, question.tenant.id, earlier, names) if query.compare else nothing(),
    )
    now = now.filter(filters)
    groups = _grouped(view, now, question.period, query)
    columns = view.columns(groups)
    order = _order(view, groups, columns, query)
    totals = groups.grouped.take(np.array(order, dtype=np.intp)).totals()
    if then is None:
        table = Table(groups, columns, None, order, compared(totals, None))
        return table, frame(question, now, table.totals)
    previous = _aligned(_grouped(view, then.filter(filters), earlier, query), groups, view)
    found = previous if query.q is None else {groups.keys[row] for row in order} & previous.keys()
    before_totals = _sum([previous[key] for key in found])
    table = Table(groups, columns, previous, order, compared(totals, before_totals))
    answer = frame(question, now, table.totals)
    return table, {**answer, "previous_period": period_answer(earlier, question.tenant)}


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
    now = figures(measures)
    if then is None:
        return cast("Row", now)
    old = figures(then)
    return Row(
        **now,
        previous_requests=old["requests"],
        previous_tokens=old["tokens"],
        previous_cost_usd=old["cost_usd"],
        requests_change_percent=change(now["requests"], old["requests"]),
        tokens_change_percent=change(now["tokens"], old["tokens"]),
        cost_usd_change_percent=change(now["cost_usd"], old["cost_usd"]),
    )


def _grouped(view: View, reading: Reading, period: Period, query: ExportQuery) -> Groups:
    cube = reading.cube
    every: Sequence[str | None] = view.every
    if view.keys == (DAY,):
        size = MONTH if getattr(query, "bucket", "day") == "month" else None
        cube = cube.mapped(DAY, lambda day: (day or "")[:size])
        every = sorted({str(day)[:size] for day in period})
    if every:
        cube = cube.listing(view.keys[0], every)
    grouped = cube.group_by(*view.keys)
    measures = {name: column.tolist() for name, column in grouped.measures.items()}
    return Groups(cube, grouped, keys(grouped, view.keys), measures, reading.people or {})


def _aligned(then: Groups, now: Groups, view: View) -> dict[Key, Mapping[str, int]]:
    """The measures of the period before, by key; its days and months under those they are compared with."""
    rows = {key: then.of(row) for row, key in enumerate(then.keys)}
    if view.keys != (DAY,):
        return dict(rows)
    newest_first = zip(sorted(now.keys, reverse=True), sorted(rows, reverse=True), strict=False)
    return {key: rows[earlier] for key, earlier in newest_first}


def _order(view: View, groups: Groups, columns: Columns, query: ExportQuery) -> list[int]:
    """The rows found, in the order of one column; equal ones by key, empty ones last."""
    rows = list(range(len(groups.keys)))
    if query.q is not None:
        rows = [row for row in rows if _is_found(view, columns, row, query.q)]
    sort = query.sort or view.sort
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    values = column(groups.measures, name)
    if values is None:
        values = [_comparable(columns[name](row)) for row in range(len(groups.keys))]
    names = [[part or "" for part in key] for key in groups.keys]
    rows.sort(key=names.__getitem__)
    filled = [row for row in rows if values[row] is not None]
    filled.sort(key=values.__getitem__, reverse=descending)  # type: ignore[arg-type]
    return filled + [row for row in rows if values[row] is None]


def _comparable(value: Any) -> Any:  # noqa: ANN401 - text in any case, numbers as they are
    return value.casefold() if isinstance(value, str) else value


def _is_found(view: View, columns: Columns, row: int, text: str) -> bool:
    return any(text.casefold() in (columns[name](row) or "").casefold() for name in view.searched)


def _sum(rows: Sequence[Mapping[str, int]]) -> dict[str, int]:
    return {name: sum(row[name] for row in rows) for name in NOTHING}


async def nothing() -> None:
    """In the place of a reading that nobody asked for."""
    return
