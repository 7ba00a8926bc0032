"""Whatever no operation answers: other methods of their paths, and paths that do not exist."""

from http import HTTPStatus

import azure.functions as func

from functions._api import allowed
from functions._http import negotiated, nothing, problem_of

fallback = func.Blueprint()


@fallback.route("{*path}", auth_level=func.AuthLevel.ANONYMOUS)
async def answer_other(req: func.HttpRequest) -> func.HttpResponse:
    """OPTIONS, 405 or 404: the host itself would answer an empty 404."""
    methods = allowed(req.route_params.get("path", ""))
    allow = {"Allow": ", ".join(methods)}
    if not methods:
        return negotiated(req, problem_of(HTTPStatus.NOT_FOUND, "There is no such path."))
    if req.method == "OPTIONS":
        return nothing(allow)
    return problem_of(HTTPStatus.METHOD_NOT_ALLOWED, f"Allowed: {allow['Allow']}.", headers=allow)
