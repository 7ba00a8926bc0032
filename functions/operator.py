"""For the operator of the platform: tenants, API keys and rejects."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal, TypedDict

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from functions._api import operation
from functions._http import answer, body_of, nothing, now, operator, parameters
from functions.ingest import IngestAnswer, counts_of, tell
from shared.alerts.evaluate import look_again
from shared.errors import Conflict, InvalidInput, NotFound
from shared.event import TenantId
from shared.keys import KEY_ID, ApiKey, KeySettings, issue
from shared.rejects import REJECT_ID, Reject
from shared.replay import replay
from shared.services import services
from shared.tenants import Tenant, TenantSettings, settled

operators = func.Blueprint()
CREATED, NO_CONTENT = HTTPStatus.CREATED, HTTPStatus.NO_CONTENT


class Listed[T](TypedDict):
    """All there are."""

    data: list[T]


class IssuedKey(ApiKey):
    """A new key, with the key itself."""

    key: Annotated[str, Field(description="Shown only here.", examples=["oneai_…"])]


class RejectQuery(BaseModel):
    """Which rejects."""

    model_config = ConfigDict(extra="forbid")

    tenant_id: TenantId | None = None
    status: Literal["open", "replayed"] | None = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 50
    offset: Annotated[int, Field(ge=0, le=100_000)] = 0


class BadField(TypedDict):
    """One thing wrong."""

    field: str
    reason: str


class RejectAnswer(TypedDict):
    """An event, or a whole message, that could not be counted."""

    id: str
    received: datetime
    tenant_id: str | None
    index: Annotated[int | None, Field(description="Its place in the message; null: all of it.")]
    errors: list[BadField]
    status: Literal["open", "replayed"]
    payload: str


class RejectsPage(TypedDict):
    """Which of the rejects these are."""

    limit: int
    offset: int


class RejectsAnswer(TypedDict):
    """Some of the rejects."""

    data: list[RejectAnswer]
    pagination: RejectsPage


@operation(operators, "GET", "operator/tenants", caller="operator", answer=Listed[Tenant])
async def list_tenants(req: func.HttpRequest) -> func.HttpResponse:
    """Every tenant."""
    await operator(req)
    return answer({"data": await services().tenants.all()})


@operation(operators, "GET", "operator/tenants/{tenant_id}", caller="operator", answer=Tenant)
async def get_tenant(req: func.HttpRequest) -> func.HttpResponse:
    """One tenant."""
    await operator(req)
    return answer(await the_tenant(req))


@operation(
    operators, "PUT", "operator/tenants/{tenant_id}", caller="operator", body=TenantSettings, answer=Tenant
)
async def put_tenant(req: func.HttpRequest) -> func.HttpResponse:
    """Creates or changes a tenant."""
    await operator(req)
    tenant_id, settings = tenant_id_of(req), body_of(req, TenantSettings)
    before = await services().tenants.find(tenant_id)
    tenant = settled(before, tenant_id, settings, now())
    await services().tenants.save(tenant)
    if before:
        await look_again(services().stores.marks, tenant, now())
    return answer(tenant)


@operation(operators, "GET", "operator/tenants/{tenant_id}/keys", caller="operator", answer=Listed[ApiKey])
async def list_keys(req: func.HttpRequest) -> func.HttpResponse:
    """The tenant's API keys, without the keys themselves: only their hashes are stored."""
    await operator(req)
    tenant = await the_tenant(req)
    return answer({"data": await services().keys.of_tenant(tenant.id)})


@operation(
    operators,
    "POST",
    "operator/tenants/{tenant_id}/keys",
    caller="operator",
    body=KeySettings,
    answer=IssuedKey,
    status=CREATED,
)
async def post_key(req: func.HttpRequest) -> func.HttpResponse:
    """Issues an API key; this answer is the only place where it ever stands."""
    await operator(req)
    tenant = await the_tenant(req)
    key, stored = issue(tenant.id, body_of(req, KeySettings), now())
    await services().keys.save(stored)
    return answer({"key": key, **stored.model_dump(mode="json")}, HTTPStatus.CREATED)


@operation(
    operators, "DELETE", "operator/tenants/{tenant_id}/keys/{key_id}", caller="operator", status=NO_CONTENT
)
async def delete_key(req: func.HttpRequest) -> func.HttpResponse:
    """Revokes an API key, within half a minute everywhere."""
    await operator(req)
    key_id = req.route_params["key_id"]
    key = await services().keys.find(key_id) if KEY_ID.fullmatch(key_id) else None
    if key is None or key.tenant_id != req.route_params["tenant_id"]:
        raise NotFound("The tenant has no such key.")
    await services().keys.save(key.model_copy(update={"revoked": True}))
    return nothing()


@operation(operators, "GET", "operator/rejects", caller="operator", query=RejectQuery, answer=RejectsAnswer)
async def list_rejects(req: func.HttpRequest) -> func.HttpResponse:
    """What could not be counted, the newest first."""
    await operator(req)
    asked = parameters(req, RejectQuery)
    found = await services().rejects.page(asked.tenant_id, asked.status, asked.limit, asked.offset)
    pages = {"limit": asked.limit, "offset": asked.offset}
    return answer({"data": [shown(one) for one in found], "pagination": pages})


@operation(operators, "POST", "operator/rejects/{reject_id}/replay", caller="operator", answer=IngestAnswer)
async def post_replay(req: func.HttpRequest) -> func.HttpResponse:
    """Counts a reject after all; 400 with the reasons when it is refused again."""
    await operator(req)
    reject_id = req.route_params["reject_id"]
    reject = await services().rejects.find(reject_id) if REJECT_ID.fullmatch(reject_id) else None
    if reject is None:
        raise NotFound("There is no such reject.")
    if reject.status == "replayed":
        raise Conflict("It has been replayed already.")
    receipt = await replay(services().stores, reject, now())
    await services().rejects.mark_replayed(reject)
    tell(receipt)
    return answer(counts_of(receipt))


def tenant_id_of(req: func.HttpRequest) -> str:
    """The tenant's id in the route. Raises InvalidInput when it cannot be one."""
    try:
        return TypeAdapter[str](TenantId).validate_python(req.route_params["tenant_id"])
    except ValidationError as error:
        reason = "must be 1 to 64 letters, digits, dots, hyphens or underscores"
        raise InvalidInput.of("tenant_id", reason) from error


async def the_tenant(req: func.HttpRequest) -> Tenant:
    """The tenant of the route. Raises NotFound."""
    return await find_tenant(tenant_id_of(req))


async def find_tenant(tenant_id: str) -> Tenant:
    """The tenant of that id. Raises NotFound."""
    tenant = await services().tenants.find(tenant_id)
    if tenant is None:
        raise NotFound("There is no such tenant.")
    return tenant


def shown(reject: Reject) -> RejectAnswer:
    """A reject as the operator reads it."""
    return {
        "id": reject.id,
        "received": reject.received,
        "tenant_id": reject.tenant_id,
        "index": reject.index,
        "errors": [{"field": error.field, "reason": error.reason} for error in reject.errors],
        "status": reject.status,
        "payload": reject.payload.decode(errors="backslashreplace"),
    }
