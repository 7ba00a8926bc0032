"""HTTP at the edge: who asks, with what parameters, how answers and errors look."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import azure.functions as func
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from shared import errors
from shared.errors import InvalidInput, NotAuthenticated, UsageError
from shared.keys import Access, Scope, authenticate, check_operator
from shared.message import field_errors
from shared.money import to_json
from shared.services import services

WORTH_PACKING, PACKING = 1_024, 5
MOST_PARAMETERS = 500
READS = {"GET", "HEAD"}
GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")

STATUS: dict[type[UsageError], HTTPStatus] = {
    errors.InvalidInput: HTTPStatus.BAD_REQUEST,
    errors.Undecodable: HTTPStatus.BAD_REQUEST,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    errors.NotAllowed: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Outdated: HTTPStatus.PRECONDITION_FAILED,
    errors.TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The one table from domain error to HTTP status."""


def problem(error: UsageError, **more: object) -> func.HttpResponse:
    """The error as problem details; `more` adds members of its own."""
    if isinstance(error, InvalidInput):
        more["errors"] = [{"field": one.field, "reason": one.reason} for one in error.errors]
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, NotAuthenticated) else {}
    return problem_of(STATUS[type(error)], str(error), headers=headers, **more)


def problem_of(
    status: HTTPStatus, detail: str, *, headers: dict[str, str] | None = None, **more: object
) -> func.HttpResponse:
    """Problem details as RFC 9457 has them."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail, **more}
    return func.HttpResponse(
        to_json(body), status_code=status, headers=headers, mimetype="application/problem+json"
    )


def answer(
    body: object, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> func.HttpResponse:
    """A JSON answer."""
    return func.HttpResponse(to_json(body), status_code=status, headers=headers, mimetype="application/json")


def nothing(headers: dict[str, str] | None = None) -> func.HttpResponse:
    """Done, and there is nothing to say."""
    return func.HttpResponse(status_code=HTTPStatus.NO_CONTENT, headers=headers)


def negotiated(req: func.HttpRequest, response: func.HttpResponse) -> func.HttpResponse:
    """The response as this request wants it: nothing new (304), compressed, or without its body (HEAD)."""
    body, headers = response.get_body(), dict(response.headers)
    if len(body) >= WORTH_PACKING:
        headers |= {"Vary": "Accept-Encoding"}
    if req.method in READS and "ETag" in headers and _is_known(req, headers["ETag"]):
        return func.HttpResponse(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if len(body) >= WORTH_PACKING and GZIP.search(req.headers.get("accept-encoding", "")):
        body = gzip.compress(body, PACKING, mtime=0)
        headers |= {"Content-Encoding": "gzip"}
    if req.method == "HEAD":
        headers |= {"Content-Length": str(len(body))}
        body = b""
    return func.HttpResponse(
        body, status_code=response.status_code, headers=headers, mimetype=response.mimetype
    )


def _is_known(req: func.HttpRequest, etag: str) -> bool:
    """Whether the caller has this very answer: ETags are compared weakly, `*` is any."""
    known = [one.strip().removeprefix("W/") for one in req.headers.get("if-none-match", "").split(",")]
    return etag.removeprefix("W/") in known or known == ["*"]


def fresh(body: Mapping[str, Any]) -> func.HttpResponse:
    """A view's answer, with an ETag that stays the same while its numbers do."""
    moment = body["freshness"]["complete_through"]
    text = to_json(body)
    headers = _tagged(text.replace(moment.encode(), b""))
    return func.HttpResponse(text, headers=headers, mimetype="application/json")


def csv_file(text: bytes, name: str) -> func.HttpResponse:
    """A CSV file to download, with an ETag that stays the same while its content does."""
    headers = {
        **_tagged(text),
        "Content-Disposition": f'attachment; filename="{name}"',
        "Access-Control-Expose-Headers": "Content-Disposition",  # pages of another origin read the name
    }
    return func.HttpResponse(text, headers=headers, mimetype="text/csv")


def _tagged(content: bytes) -> dict[str, str]:
    digest = hashlib.sha256(content).hexdigest()[:32]
    return {"ETag": f'W/"{digest}"', "Cache-Control": "private, no-cache"}


def now() -> datetime:
    """The time at which a request or message is handled."""
    return datetime.now(UTC)


def bearer(req: func.HttpRequest) -> str | None:
    """The credential of the Authorization header."""
    scheme, _, credential = req.headers.get("authorization", "").partition(" ")
    is_bearer = scheme.lower() == "bearer" and credential.isascii()
    return credential.strip() or None if is_bearer else None


async def client(req: func.HttpRequest, scope: Scope) -> Access:
    """What the key or token that asks opens. Raises NotAuthenticated, NotAllowed or Unavailable."""
    return await authenticate(services().keys, bearer(req), scope, now(), services().tokens)


async def operator(req: func.HttpRequest) -> None:
    """Raises NotAuthenticated, NotAllowed or Unavailable unless an operator asks."""
    await check_operator(bearer(req), services().settings.operator_key_sha256, services().tokens)


class NoQuery(BaseModel):
    """No parameters."""

    model_config = ConfigDict(extra="forbid")


def parameters[M: BaseModel](req: func.HttpRequest, model: type[M]) -> M:
    """The query parameters. Raises InvalidInput, which names each that is unknown or wrong.

    They are read from the URL: the host drops empty values and joins repeated ones by commas.
    """
    try:
        pairs = parse_qs(urlsplit(req.url).query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError as error:
        raise InvalidInput.of("query", f"{MOST_PARAMETERS} parameters are allowed") from error
    lists = {field.alias or name for name, field in model.model_fields.items() if field.default == []}
    given = {
        name: values if name in lists or len(values) > 1 else values[0] for name, values in pairs.items()
    }
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise InvalidInput(list(field_errors(error)), "The parameters are not valid.") from error


def body_of[M: BaseModel](req: func.HttpRequest, model: type[M]) -> M:
    """The request's JSON body. Raises InvalidInput, which names every field at fault."""
    body = req.get_body()
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        is_json = error.errors()[0]["type"] != "json_invalid"
        document = from_json(body) if is_json else None
        raise InvalidInput(list(field_errors(error, "body", document))) from error
