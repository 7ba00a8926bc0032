"""HTTP at the edge: who asks, with what parameters, how answers and errors look."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import wraps
from http import HTTPStatus
from typing import Any

import azure.functions as func
import orjson
from pydantic import BaseModel, ValidationError

from shared import errors
from shared.errors import FieldError, InvalidInput, NotAuthenticated, UsageError
from shared.keys import ApiKey, Scope, authenticate, is_operator
from shared.message import field_errors
from shared.services import services

type Handler = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]

STATUS: dict[type[UsageError], HTTPStatus] = {
    errors.InvalidInput: HTTPStatus.BAD_REQUEST,
    errors.Undecodable: HTTPStatus.BAD_REQUEST,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Busy: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The one table from domain error to HTTP status."""


def handled(handler: Handler) -> Handler:
    """Answers a domain error as RFC 9457 problem details. Stands under the trigger decorators."""

    @wraps(handler)
    async def handle(req: func.HttpRequest) -> func.HttpResponse:
        try:
            return await handler(req)
        except UsageError as error:
            return problem(error)

    return handle


def problem(error: UsageError, **more: object) -> func.HttpResponse:
    """The error as problem details; `more` adds members of its own."""
    status = STATUS[type(error)]
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": str(error),
        **more,
    }
    if isinstance(error, InvalidInput):
        body["errors"] = [{"field": one.field, "reason": one.reason} for one in error.errors]
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NotAuthenticated) else {}
    return func.HttpResponse(
        to_json(body), status_code=status, headers=headers, mimetype="application/problem+json"
    )


def answer(body: object, status: HTTPStatus = HTTPStatus.OK) -> func.HttpResponse:
    """A JSON answer."""
    return func.HttpResponse(to_json(body), status_code=status, mimetype="application/json")


def nothing() -> func.HttpResponse:
    """Done, and there is nothing to say."""
    return func.HttpResponse(status_code=HTTPStatus.NO_CONTENT)


def to_json(body: object) -> bytes:
    """JSON in which decimals stand as exact numbers, digit for digit."""
    return orjson.dumps(body, default=_exact)


def _exact(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}")
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"no JSON for {type(value).__name__}")


def now() -> datetime:
    """The time at which a request or message is handled."""
    return datetime.now(UTC)


def bearer(req: func.HttpRequest) -> str | None:
    """The credential of the Authorization header."""
    scheme, _, credential = req.headers.get("authorization", "").partition(" ")
    return credential.strip() or None if scheme.lower() == "bearer" else None


async def client(req: func.HttpRequest, scope: Scope) -> ApiKey:
    """The API key that asks. Raises NotAuthenticated or NotAllowed."""
    return await authenticate(services().keys, bearer(req), scope, now())


def operator(req: func.HttpRequest) -> None:
    """Raises NotAuthenticated unless the operator asks."""
    if not is_operator(bearer(req), services().settings.operator_key_sha256):
        raise NotAuthenticated("The operator key is needed: Authorization: Bearer …")


def parameters(req: func.HttpRequest, known: Iterable[str]) -> dict[str, str]:
    """The query parameters. Raises InvalidInput, which names those that are not known."""
    known = tuple(known)
    unknown = [FieldError(name, f"is none of {', '.join(known)}") for name in req.params if name not in known]
    if unknown:
        raise InvalidInput(unknown)
    return dict(req.params)


def number(given: dict[str, str], name: str, default: int, low: int, high: int) -> int:
    """A whole number among the parameters. Raises InvalidInput outside of its bounds."""
    text = given.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not low <= int(text[:12]) <= high:
        raise InvalidInput.of(name, f"must be a whole number from {low} to {high}")
    return int(text)


def body_of[M: BaseModel](req: func.HttpRequest, model: type[M]) -> M:
    """The request's JSON body. Raises InvalidInput, which names every field at fault."""
    try:
        return model.model_validate_json(req.get_body())
    except ValidationError as error:
        raise InvalidInput(list(field_errors(error))) from error
