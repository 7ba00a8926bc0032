"""Whether the service runs."""

import azure.functions as func

from functions._http import answer, handled

health = func.Blueprint()


@health.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@handled
async def get_health(req: func.HttpRequest) -> func.HttpResponse:
    """Liveness: it answers without a key and without any store."""
    return answer({"status": "ok"})
