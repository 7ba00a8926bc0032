"""The OpenAPI 3.1 document of the declared operations, from the very models that the code uses."""

from functools import cache
from http import HTTPStatus
from typing import Any, TypedDict

from pydantic import TypeAdapter

from functions._api import OPERATIONS, Caller, Operation

REF = "#/components/schemas/{model}"
VERSION = "1.0.0"
BEARER = "An API key (oneai_…), or an access token of Entra ID where the service takes them."
OPERATOR = "The operator key, or an access token with the role of operators."
MOST_NESTED = 6

WHAT_IT_IS = """Metering for AI platforms: usage events in, exact usage views out.

Amounts are exact decimals in US dollars; unknown prices give null, never zero. Days are calendar days
of the tenant's time zone. Lists answer `limit` and `offset`; totals are those of all rows.
"""


class FieldProblem(TypedDict):
    """One thing wrong with the input."""

    field: str
    reason: str


class Problem(TypedDict, total=False):
    """Problem details (RFC 9457); `errors` names every field at fault."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem]
    accepted: int
    duplicates: int
    rejected: int


PROBLEMS: dict[HTTPStatus, str] = {
    HTTPStatus.BAD_REQUEST: "The input is not valid.",
    HTTPStatus.UNAUTHORIZED: "No key or token, or one that is unknown, expired or revoked.",
    HTTPStatus.FORBIDDEN: "The key or token lacks the scope.",
    HTTPStatus.NOT_FOUND: "There is no such thing for this caller.",
    HTTPStatus.CONFLICT: "It contradicts what is stored.",
    HTTPStatus.PRECONDITION_FAILED: "It has been changed since the version of If-Match.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is beyond the bounds.",
    HTTPStatus.TOO_MANY_REQUESTS: "It has been done as often as is allowed for now.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Others keep changing the same thing; try again.",
}

IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of the version to change; any, if it is left out.",
    "schema": {"type": "string", "pattern": '^"[0-9a-f.]{1,64}"$'},
}

PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "tenant_id": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", "examples": ["contoso"]},
}


@cache
def document() -> dict[str, Any]:
    """The whole document."""
    schemas, components = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for one in sorted(OPERATIONS, key=lambda one: not one.path.startswith("usage/")):  # what most look for
        paths.setdefault(f"/api/{one.path}", {})[one.method.lower()] = _operation(one, schemas, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Usage Analytics", "version": VERSION, "description": WHAT_IT_IS},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "apiKey": {"type": "http", "scheme": "bearer", "description": BEARER},
                "operatorKey": {"type": "http", "scheme": "bearer", "description": OPERATOR},
            },
        },
    }


def _schemas() -> tuple[dict[tuple[str, str], dict[str, Any]], dict[str, Any]]:
    """The schema of each body and answer by operation, and the components that these refer to."""
    wanted: list[tuple[Any, Any, TypeAdapter[Any]]] = [
        (("", "problem"), "serialization", TypeAdapter(Problem))
    ]
    for one in OPERATIONS:
        if one.body is not None:
            wanted.append(((one.name, "body"), "validation", TypeAdapter(one.body)))
        if one.answer is not None:
            wanted.append(((one.name, "answer"), "serialization", TypeAdapter(one.answer)))
    found, definitions = TypeAdapter.json_schemas(wanted, ref_template=REF)
    return {key: dict(schema) for (key, _), schema in found.items()}, dict(definitions.get("$defs", {}))


def _operation(
    one: Operation, schemas: dict[tuple[str, str], dict[str, Any]], components: dict[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.description.split("\n")[0].rstrip("."),
        "description": one.description,
        "tags": [one.path.split("/")[0]],
        "parameters": [*_path_parameters(one.path), *_query_parameters(one), *_header_parameters(one)],
        "responses": {str(one.status.value): _answer(one, schemas, components), **_problems(one)},
        "security": _security(one.caller),
    }
    if one.body is not None:
        schema = schemas[one.name, "body"]
        content = {"application/json": {"schema": schema, "example": example(schema, components)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _answer(
    one: Operation, schemas: dict[tuple[str, str], dict[str, Any]], components: dict[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {"description": one.status.phrase}
    if one.answer is not None:
        schema = schemas[one.name, "answer"]
        described["content"] = {one.media: {"schema": schema, "example": example(schema, components)}}
    return described


def _problems(one: Operation) -> dict[str, Any]:
    statuses = [HTTPStatus.BAD_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE, *one.problems]
    if one.caller != "anyone":
        statuses.append(HTTPStatus.UNAUTHORIZED)
    if one.caller not in ("anyone", "operator"):
        statuses += [HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND]
    if one.caller == "operator":
        statuses.append(HTTPStatus.NOT_FOUND)
    if one.method in ("POST", "PUT"):
        statuses += [HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE]
    schema = {"$ref": REF.format(model="Problem")}
    content = {"application/problem+json": {"schema": schema}}
    return {str(status.value): {"description": PROBLEMS[status], "content": content} for status in statuses}


def _security(caller: Caller) -> list[dict[str, list[str]]]:
    if caller == "anyone":
        return []
    return [{"operatorKey": []}] if caller == "operator" else [{"apiKey": []}]


def _path_parameters(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    plain = {"type": "string", "minLength": 1, "maxLength": 200}
    return [
        {"name": name, "in": "path", "required": True, "schema": PATH_PARAMETERS.get(name, plain)}
        for name in names
    ]


def _query_parameters(one: Operation) -> list[dict[str, Any]]:
    schema = one.query.model_json_schema(by_alias=True)
    return [
        _query_parameter(name, _inlined(described, schema.get("$defs", {})))
        for name, described in schema["properties"].items()
    ]


def _header_parameters(one: Operation) -> list[dict[str, Any]]:
    return [IF_MATCH] if HTTPStatus.PRECONDITION_FAILED in one.problems else []


def _query_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter may be absent, but there is no way to send a null."""
    for choice in schema.pop("anyOf", []):
        if choice != {"type": "null"}:
            schema = {**choice, **schema}
    if schema.get("default", ...) in (None, []):
        del schema["default"]
    style = {"style": "form", "explode": True} if schema.get("type") == "array" else {}
    return {
        "name": name,
        "in": "query",
        "description": schema.pop("description", ""),
        "schema": schema,
        **style,
    }


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON Schema
    """The schema with its references replaced by what they name."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        named = definitions[schema["$ref"].rsplit("/", 1)[1]]
        schema = {**named, **{key: value for key, value in schema.items() if key != "$ref"}}
    return {key: _inlined(value, definitions) for key, value in schema.items() if key != "title"}


def example(schema: dict[str, Any], components: dict[str, Any], depth: int = 0) -> Any:  # noqa: ANN401
    """A value of the schema: its own example where it has one, else a plain one."""
    if "$ref" in schema:
        named = components[schema["$ref"].rsplit("/", 1)[1]]
        return example({**named, **{k: v for k, v in schema.items() if k != "$ref"}}, components, depth)
    for given in ("examples", "enum"):
        if schema.get(given):
            return schema[given][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return example(schema["anyOf"][0], components, depth)
    if schema.get("type") == "array":
        return [example(schema.get("items", {}), components, depth + 1)] if depth < MOST_NESTED else []
    if "properties" in schema:
        return {name: example(one, components, depth + 1) for name, one in schema["properties"].items()}
    return _plain_example(schema)


def _plain_example(schema: dict[str, Any]) -> Any:  # noqa: ANN401
    plain = {"integer": 42, "number": 1.25, "string": "text", "boolean": True, "object": {}}
    if schema.get("format") == "date-time":
        return "2026-11-01T09:30:00Z"
    if schema.get("format") == "date":
        return "2026-11-01"
    return plain.get(schema.get("type", ""))
