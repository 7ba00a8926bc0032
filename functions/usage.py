"""The usage views for API clients."""

from typing import Any

import azure.functions as func

from functions._api import operation
from functions._http import client, fresh, now, parameters
from shared.answers import ListAnswer, SummaryAnswer
from shared.days import day_of
from shared.errors import NotFound
from shared.keys import Scope
from shared.query import PeriodQuery, SummaryQuery, ViewQuery
from shared.services import services
from shared.summary import summary
from shared.table import Question, list_view
from shared.tenants import Tenant
from shared.views import VIEWS, query_of

usage = func.Blueprint()


@operation(usage, "GET", "usage/summary", query=SummaryQuery, answer=SummaryAnswer)
async def get_summary(req: func.HttpRequest) -> func.HttpResponse:
    """The key metrics of the billing month and of today, beside the totals of a period."""
    tenant, asked = await asking(req), parameters(req, SummaryQuery)
    return fresh(await summary(services().stores, question(tenant, asked), asked))


def add_view(name: str) -> None:
    """The operation of one list view."""

    query = query_of(name, ViewQuery)

    async def get_view(req: func.HttpRequest) -> func.HttpResponse:
        tenant, asked = await asking(req), parameters(req, query)
        return fresh(await list_view(services().stores, name, question(tenant, asked), asked))

    get_view.__name__ = f"get_{name.replace('-', '_')}"
    get_view.__doc__ = VIEWS[name].row.__doc__
    page: Any = ListAnswer
    operation(usage, "GET", f"usage/{name}", query=query, answer=page[VIEWS[name].row])(get_view)


for view in VIEWS:
    add_view(view)


async def asking(req: func.HttpRequest, scope: Scope = "read") -> Tenant:
    """The tenant of the API key that asks. Comes before anything that the request says besides."""
    key = await client(req, scope)
    tenant = await services().tenants.find(key.tenant_id)
    if tenant is None:
        raise NotFound("The tenant of this API key does not exist (any more).")
    return tenant


def question(tenant: Tenant, asked: PeriodQuery) -> Question:
    """Whose usage of which days is asked for, now."""
    moment = now()
    return Question(tenant, asked.days(day_of(moment, tenant.zone)), moment)
