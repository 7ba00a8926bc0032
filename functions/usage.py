"""The usage views for API clients."""

from datetime import date

import azure.functions as func

from functions._http import answer, client, handled, now, number, parameters
from shared import days
from shared.errors import InvalidInput, NotFound
from shared.services import services
from shared.table import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET, Page
from shared.views import VIEWS, Question, list_view, summary

usage = func.Blueprint()
PERIOD = ("period", "from", "to")
PAGE = ("limit", "offset", "sort")


@usage.route("usage/summary", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@handled
async def get_summary(req: func.HttpRequest) -> func.HttpResponse:
    """The key metrics of the month, and the totals of a period."""
    return answer(await summary(services().stores, await question(req, parameters(req, PERIOD))))


@usage.route("usage/{view}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@handled
async def get_view(req: func.HttpRequest) -> func.HttpResponse:
    """One page of a list view."""
    name = req.route_params["view"].lower()
    if name not in VIEWS:
        raise NotFound(f"There is no view {name!r}: {', '.join(sorted(VIEWS))}.")
    given = parameters(req, PERIOD + PAGE)
    asked = await question(req, given)
    return answer(await list_view(services().stores, name, asked, page(given)))


async def question(req: func.HttpRequest, given: dict[str, str]) -> Question:
    """Whose usage of which days is asked for. The tenant is the API key's own."""
    key = await client(req, "read")
    tenant = await services().tenants.find(key.tenant_id)
    if tenant is None:
        raise NotFound("The tenant of this API key does not exist (any more).")
    moment = now()
    return Question(tenant, period(given, days.day_of(moment, tenant.zone)), moment)


def period(given: dict[str, str], today: date) -> days.Period:
    """`period`, or `from` and `to`; the last 30 days by default."""
    if "from" in given or "to" in given:
        if "period" in given:
            raise InvalidInput.of("period", "cannot be combined with from and to")
        return days.custom(given.get("from"), given.get("to"), today)
    return days.preset(given.get("period", "30d"), today)


def page(given: dict[str, str]) -> Page:
    """`limit`, `offset` and `sort`."""
    return Page(
        number(given, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        number(given, "offset", 0, 0, MAX_OFFSET),
        given.get("sort"),
    )
