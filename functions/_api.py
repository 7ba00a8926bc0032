"""The API's operations: each handler is declared once, for the host and for the contract.

    @operation(usage, "GET", "usage/summary", query=FilterQuery, answer=SummaryAnswer)
    async def get_summary(req): ...

adds the route, answers HEAD and OPTIONS, turns domain errors into problem details, and keeps what the
OpenAPI document says of it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any, Literal

import azure.functions as func
from pydantic import BaseModel

from functions import _http
from shared.errors import UsageError

type Method = Literal["GET", "POST", "PUT", "DELETE"]
type Caller = Literal["anyone", "read", "ingest", "alerts", "operator"]
type Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


@dataclass(frozen=True, slots=True)
class Operation:
    """What the contract says of one operation."""

    name: str
    method: Method
    path: str
    caller: Caller
    description: str
    query: type[BaseModel] | None
    body: Any
    answer: Any
    status: HTTPStatus


OPERATIONS: list[Operation] = []


def operation(
    blueprint: func.Blueprint,
    method: Method,
    path: str,
    *,
    caller: Caller = "read",
    query: type[BaseModel] | None = None,
    body: Any = None,  # noqa: ANN401 - a model, or a type that pydantic describes
    answer: Any = None,  # noqa: ANN401
    status: HTTPStatus = HTTPStatus.OK,
) -> Callable[[Handler], Any]:
    """Declares a handler as one operation of the API."""

    def declare(handler: Handler) -> Any:  # noqa: ANN401 - the builder of azure-functions
        name = handler.__name__
        description = handler.__doc__ or ""
        OPERATIONS.append(Operation(name, method, path, caller, description, query, body, answer, status))
        return blueprint.route(path, methods=_methods(path, method), auth_level=func.AuthLevel.ANONYMOUS)(
            _wrapped(handler, path)
        )

    return declare


def _methods(path: str, method: Method) -> list[str]:
    """GET brings HEAD; the first operation of a path answers OPTIONS for all of them."""
    first = sum(one.path == path for one in OPERATIONS) == 1
    return [method, *(["HEAD"] if method == "GET" else []), *(["OPTIONS"] if first else [])]


def _wrapped(handler: Handler, path: str) -> Handler:
    @wraps(handler)
    async def handle(req: func.HttpRequest) -> func.HttpResponse:
        if req.method == "OPTIONS":
            return _http.nothing({"Allow": ", ".join(allowed(path))})
        try:
            response = await handler(req)
        except UsageError as error:
            response = _http.problem(error)
        return _http.negotiated(req, response)

    return handle


def allowed(path: str) -> list[str]:
    """The methods of a path, as its `Allow` header names them."""
    methods = {one.method for one in OPERATIONS if one.path == path}
    return sorted({*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])})
