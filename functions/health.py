"""Whether the service runs."""

from typing import Literal, TypedDict

import azure.functions as func

from functions._api import operation
from functions._http import answer

health = func.Blueprint()


class HealthAnswer(TypedDict):
    """The service runs."""

    status: Literal["ok"]


@operation(health, "GET", "health", caller="anyone", answer=HealthAnswer)
async def get_health(req: func.HttpRequest) -> func.HttpResponse:
    """Liveness: it answers without a key and without any store."""
    return answer({"status": "ok"})
