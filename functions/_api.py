"""The API's operations: each handler is declared once, for the host and for the contract.

    @operation(usage, "GET", "usage/summary", query=SummaryQuery, answer=SummaryAnswer)
    async def get_summary(req): ...

adds the route, answers HEAD, refuses any parameter where no query is declared, turns domain errors into
problem details, and keeps what the OpenAPI document says of it.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache, wraps
from http import HTTPStatus
from typing import Any, Literal

import azure.functions as func
from pydantic import BaseModel

from functions import _http
from shared.errors import UsageError
from shared.telemetry import traced

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
    query: type[BaseModel]
    body: Any
    answer: Any
    status: HTTPStatus
    media: str
    problems: tuple[HTTPStatus, ...]


OPERATIONS: list[Operation] = []


def operation(
    blueprint: func.Blueprint,
    method: Method,
    path: str,
    *,
    caller: Caller = "read",
    query: type[BaseModel] = _http.NoQuery,
    body: Any = None,  # noqa: ANN401 - a model, or a type that pydantic describes
    answer: Any = None,  # noqa: ANN401
    status: HTTPStatus = HTTPStatus.OK,
    media: str = "application/json",
    problems: tuple[HTTPStatus, ...] = (),
) -> Callable[[Handler], Any]:
    """Declares a handler as one operation of the API; `problems` are those that not all of its kind have."""

    def declare(handler: Handler) -> Any:  # noqa: ANN401 - the builder of azure-functions
        name = handler.__name__
        description = handler.__doc__ or ""
        OPERATIONS.append(
            Operation(name, method, path, caller, description, query, body, answer, status, media, problems)
        )
        handle = _wrapped(handler, takes_none=query is _http.NoQuery)
        methods = [method, "HEAD"] if method == "GET" else [method]
        return blueprint.route(path, methods=methods, auth_level=func.AuthLevel.ANONYMOUS)(handle)

    return declare


def _wrapped(handler: Handler, *, takes_none: bool) -> Handler:
    @wraps(handler)
    async def handle(req: func.HttpRequest) -> func.HttpResponse:
        try:
            if takes_none:
                _http.parameters(req, _http.NoQuery)
            response = await handler(req)
        except UsageError as error:
            response = _http.problem(error)
        return _http.negotiated(req, response)

    return traced(handle)


def allowed(path: str) -> list[str]:
    """The methods that a path (without its prefix) answers; none where there is no such path."""
    methods = {one.method for one in OPERATIONS if _pattern(one.path).fullmatch(path)}
    return sorted({*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])}) if methods else []


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = ["[^/]+" if part.startswith("{") else re.escape(part) for part in template.split("/")]
    return re.compile("/".join(parts) + "/?", re.IGNORECASE)
