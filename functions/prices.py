"""For the operator of the platform: prices, and pricing anew what has been counted."""

import re
from http import HTTPStatus
from typing import Annotated, TypedDict

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from functions._api import operation
from functions._http import answer, body_of, nothing, now, operator, parameters
from functions.operator import Listed, find_tenant
from shared import audit, days
from shared.audit import RecordAnswer
from shared.errors import NotFound
from shared.event import TenantId, Text256
from shared.pricing import Price, PriceBook
from shared.query import Day
from shared.reprice import RepriceAnswer, Repricing
from shared.services import services

prices = func.Blueprint()
PRICE_ID = re.compile(r"[0-9a-f]{16}")


class KeptPrice(Price):
    """A price and its id."""

    id: str


class PriceIds(TypedDict):
    """The ids under which prices are kept."""

    ids: list[str]


class Prices(BaseModel):
    """A list of prices."""

    model_config = ConfigDict(extra="forbid")

    prices: Annotated[list[Price], Field(min_length=1, max_length=1_000)]


class RepriceRequest(BaseModel):
    """Which days of which tenant, both included; a dry run only tells what would change."""

    model_config = ConfigDict(extra="forbid")

    tenant_id: TenantId
    first: Annotated[Day, Field(alias="from", description="The first day, one of the tenant's.")]
    last: Annotated[Day, Field(alias="to", description="The last day.")]
    dry_run: StrictBool
    note: Annotated[Text256 | None, Field(description="Why; kept in the record.")] = None


class RecordsQuery(BaseModel):
    """Whose runs."""

    model_config = ConfigDict(extra="forbid")

    tenant_id: TenantId


@operation(prices, "GET", "operator/prices", caller="operator", answer=Listed[KeptPrice])
async def list_prices(req: func.HttpRequest) -> func.HttpResponse:
    """Our own prices: list prices of units, contract prices of tenants."""
    await operator(req)
    kept = await services().prices.all()
    return answer({"data": [{"id": id_, **price.model_dump(mode="json")} for id_, price in kept.items()]})


@operation(
    prices,
    "POST",
    "operator/prices",
    caller="operator",
    body=Prices,
    answer=PriceIds,
    status=HTTPStatus.CREATED,
)
async def post_prices(req: func.HttpRequest) -> func.HttpResponse:
    """Adds prices; one for the same thing from the same day is replaced.

    They hold for events to come, everywhere within a minute; `operator/reprice` applies them to those
    that have been counted.
    """
    await operator(req)
    given = body_of(req, Prices).prices
    return answer({"ids": [await services().prices.save(price) for price in given]}, HTTPStatus.CREATED)


@operation(prices, "DELETE", "operator/prices/{price_id}", caller="operator", status=HTTPStatus.NO_CONTENT)
async def delete_price(req: func.HttpRequest) -> func.HttpResponse:
    """Forgets a price, if it is there; what was priced with it stays as it is."""
    await operator(req)
    price_id = req.route_params["price_id"]
    if not PRICE_ID.fullmatch(price_id):
        raise NotFound("There is no such price.")
    await services().prices.delete(price_id)
    return nothing()


@operation(prices, "POST", "operator/reprice", caller="operator", body=RepriceRequest, answer=RepriceAnswer)
async def post_reprice(req: func.HttpRequest) -> func.HttpResponse:
    """Prices a tenant's days anew, each event at the present prices of its own UTC date.

    Costs that events came with stay. Where the single events are gone their sums are priced, at base
    tiers: such a day may not be `exact`. Repeating it changes nothing more; an interrupted run is repeated.
    """
    await operator(req)
    asked = body_of(req, RepriceRequest)
    period = days.custom(asked.first, asked.last)
    tenant = await find_tenant(asked.tenant_id)
    book = PriceBook((await services().prices.all()).values())  # `book()` may be a minute old
    repricing = Repricing(services().stores, tenant, book, now(), dry_run=asked.dry_run)
    record, changed = await repricing.run(period, asked.note)
    return answer({**record.answer(), "days": [day.answer() for day in changed]})


@operation(
    prices,
    "GET",
    "operator/reprices",
    caller="operator",
    query=RecordsQuery,
    answer=Listed[RecordAnswer],
)
async def list_reprices(req: func.HttpRequest) -> func.HttpResponse:
    """Every run on a tenant's days, the newest first: who, when, why, and what it changed."""
    await operator(req)
    tenant = await find_tenant(parameters(req, RecordsQuery).tenant_id)
    found = await audit.records(services().stores.usage, tenant.id)
    return answer({"data": [record.answer() for record in found]})
