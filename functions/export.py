"""The exports: each view as a CSV file, with the parameters of the view but for its pages."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import azure.functions as func

from functions._api import operation
from functions._http import csv_file, parameters
from functions.usage import asking, question
from shared.answers import SnapshotRow
from shared.days import Period
from shared.events import events_sheet
from shared.export import Sheet, record_sheet, summary_sheet, to_csv, view_sheet
from shared.focus import focus_sheet
from shared.ports import Stores
from shared.query import EventsQuery, ExportQuery, FilterQuery, PeriodQuery, SummaryQuery
from shared.quota import month_to_date, quota_view
from shared.services import services
from shared.snapshots import history
from shared.table import Question
from shared.views import VIEWS, query_of

exports = func.Blueprint()
export = partial(operation, exports, "GET", answer=str, media="text/csv")


def add_export[Q: PeriodQuery](
    name: str, query: type[Q], build: Callable[[Stores, Question, Q], Awaitable[Sheet]], what: str
) -> None:
    """The operation of the file of one view."""

    async def export_file(req: func.HttpRequest) -> func.HttpResponse:
        tenant, asked = await asking(req), parameters(req, query)
        about = question(tenant, asked)
        sheet = await build(services().stores, about, asked)
        return await file(name, about.period, sheet)

    export_file.__name__ = f"export_{name.replace('-', '_')}"
    export_file.__doc__ = what
    export(f"usage/export/{name}.csv", query=query)(export_file)


async def history_sheet(stores: Stores, about: Question, asked: PeriodQuery) -> Sheet:
    """How the projection of the quota moved."""
    answer = await history(services().snapshots, about)
    return Sheet(tuple(SnapshotRow.__annotations__), [list(row.values()) for row in answer["data"]])


for view in VIEWS:
    add_export(view, query_of(view, ExportQuery), partial(view_sheet, view), f"All rows of {view} as CSV.")
add_export("summary", SummaryQuery, summary_sheet, "The key metrics, and the totals of the period, as CSV.")
add_export("quota-history", PeriodQuery, history_sheet, "How the projection moved, as CSV.")
add_export("focus", FilterQuery, focus_sheet, "The cost rows of the period in FOCUS 1.2 columns, as CSV.")
add_export("events", EventsQuery, events_sheet, "The single events of 31 days at most, as CSV.")


@export("usage/export/quota.csv")
async def export_quota(req: func.HttpRequest) -> func.HttpResponse:
    """The quota, and the totals of the billing month to date, as CSV."""
    about = question(await asking(req), PeriodQuery())
    answer = await quota_view(services().stores, about.tenant, about.now)
    sheet = record_sheet({**answer["data"], **answer["totals"]})
    return await file("quota", month_to_date(about.tenant, about.now), sheet)


async def file(view: str, period: Period, sheet: Sheet) -> func.HttpResponse:
    """The answer; a large sheet is written beside the event loop, so that other requests need not wait."""
    text = await asyncio.to_thread(to_csv, sheet)
    return csv_file(text, f"usage-{view}-{period.first}-{period.last}.csv")
