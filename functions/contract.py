"""The contract: an OpenAPI document generated from the declared operations, and a page to read it."""

from functools import cache
from html import escape
from typing import Any

import azure.functions as func
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from functions._api import OPERATIONS, operation
from functions._http import answer
from functions._openapi import document

contract = func.Blueprint()


@operation(contract, "GET", "openapi.json", caller="anyone", answer=dict[str, Any])
async def get_openapi(req: func.HttpRequest) -> func.HttpResponse:
    """This contract, as OpenAPI 3.1."""
    return answer(document())
