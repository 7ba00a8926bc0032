"""The contract of the API: the OpenAPI document, and a page to read it."""

from http import HTTPStatus
from pathlib import Path
from typing import Any

import azure.functions as func

from functions._api import operation
from functions._http import answer
from functions._openapi import document

contract = func.Blueprint()
TEMPLATES = Path(__file__).parent / "templates"
ONLY_THIS_PAGE = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


@operation(contract, "GET", "openapi.json", caller="anyone", answer=dict[str, Any])
async def get_openapi(req: func.HttpRequest) -> func.HttpResponse:
    """This contract, as OpenAPI 3.1."""
    return answer(document())


@operation(contract, "GET", "docs", caller="anyone", answer=str, media="text/html")
async def get_docs(req: func.HttpRequest) -> func.HttpResponse:
    """This contract, as a page."""
    from jinja2 import Environment, FileSystemLoader  # the only request that needs it

    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)
    page = environment.get_template("contract.html").render(api=document())
    headers = {"Content-Security-Policy": ONLY_THIS_PAGE}
    return func.HttpResponse(page, status_code=HTTPStatus.OK, headers=headers, mimetype="text/html")
