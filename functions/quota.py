"""The quota for API clients."""

import azure.functions as func

from functions._api import operation
from functions._http import answer, fresh, now, parameters
from functions.usage import asking, question
from shared.answers import QuotaAnswer, QuotaHistoryAnswer
from shared.query import PeriodQuery
from shared.quota import quota_view
from shared.services import services
from shared.snapshots import history

quotas = func.Blueprint()


@operation(quotas, "GET", "usage/quota", answer=QuotaAnswer)
async def get_quota(req: func.HttpRequest) -> func.HttpResponse:
    """What is used of the daily and monthly limits, and where the billing month will end at this rate."""
    return answer(await quota_view(services().stores, await asking(req), now()))


@operation(quotas, "GET", "usage/quota/history", query=PeriodQuery, answer=QuotaHistoryAnswer)
async def get_quota_history(req: func.HttpRequest) -> func.HttpResponse:
    """How the projection moved: a row for each day on which there was news of the billing month."""
    tenant, asked = await asking(req), parameters(req, PeriodQuery)
    return fresh(await history(services().snapshots, question(tenant, asked)))
