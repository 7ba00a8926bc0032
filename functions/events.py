"""The single events behind a number."""

import azure.functions as func

from functions._api import operation
from functions._http import fresh, parameters
from functions.usage import asking, question
from shared.answers import EventsAnswer
from shared.events import list_events
from shared.query import EventPageQuery
from shared.services import services

single_events = func.Blueprint()


@operation(single_events, "GET", "usage/events", query=EventPageQuery, answer=EventsAnswer)
async def get_events(req: func.HttpRequest) -> func.HttpResponse:
    """The single events behind a number, the newest first, of 31 days at most."""
    tenant, asked = await asking(req), parameters(req, EventPageQuery)
    return fresh(await list_events(services().stores, question(tenant, asked), asked))
