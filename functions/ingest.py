"""Usage events in: from the queue, its poison queue and API clients."""

import logging
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypedDict

import azure.functions as func

from functions._api import operation
from functions._http import answer, client, now, problem
from shared.errors import InvalidInput
from shared.event import UsageEvent
from shared.ingest import Receipt, bad_fields, ingest, ingest_message, reject_message
from shared.message import Events
from shared.services import services
from shared.stores.schema import EVENTS_QUEUE, POISON_QUEUE
from shared.telemetry import EVENTS, INGEST_LAG, traced

events = func.Blueprint()
log = logging.getLogger("usage.ingest")


class IngestAnswer(TypedDict):
    """What became of the events; each is in exactly one of the three."""

    accepted: int
    duplicates: int
    rejected: int


@events.queue_trigger("message", EVENTS_QUEUE, "USAGE_STORAGE")
@traced
async def ingest_events(message: func.QueueMessage) -> None:
    """Counts the events of a queue message."""
    arrived = arrival(message)
    receipt = await ingest_message(services().stores, message.get_body(), arrived)
    INGEST_LAG.record((now() - arrived).total_seconds())
    tell(receipt)


@events.queue_trigger("message", POISON_QUEUE, "USAGE_STORAGE")
@traced
async def ingest_poison(message: func.QueueMessage) -> None:
    """Keeps a message that kept failing as a reject, so that it does not expire unread."""
    reason = "could not be handled in all its attempts"
    reject = await reject_message(services().stores, message.get_body(), arrival(message), reason)
    EVENTS.add(1, {"outcome": "poison"})
    log.error("poison message kept as reject %s", reject.id, extra={"batch": reject.batch_id})


@operation(
    events,
    "POST",
    "usage/events",
    caller="ingest",
    body=Events,
    answer=IngestAnswer,
    status=HTTPStatus.ACCEPTED,
)
async def post_events(req: func.HttpRequest) -> func.HttpResponse:
    """Counts the events of an API client: 202, or 400 that names each bad one (good ones are kept)."""
    key = await client(req, "ingest")
    receipt = await ingest(services().stores, req.get_body(), now(), key.tenant_id)
    tell(receipt)
    if receipt.rejects:
        refused = InvalidInput(bad_fields(receipt.rejects), "Some events are not valid.")
        return problem(refused, **counts_of(receipt))
    return answer(counts_of(receipt), HTTPStatus.ACCEPTED)


@operation(events, "GET", "schemas/usage-event.json", caller="anyone", answer=dict[str, Any])
async def get_event_schema(req: func.HttpRequest) -> func.HttpResponse:
    """The JSON Schema of a usage event."""
    schema = UsageEvent.model_json_schema()
    return answer({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def arrival(message: func.QueueMessage) -> datetime:
    """When the message was put into the queue: the same on each delivery."""
    return message.insertion_time or now()


def counts_of(receipt: Receipt) -> IngestAnswer:
    """What became of a message, in numbers."""
    return {
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "rejected": len(receipt.rejects),
    }


def tell(receipt: Receipt) -> None:
    """Counts and logs what became of a message; what was rejected is worth a warning."""
    for (outcome, primitive), events in receipt.tally.items():
        EVENTS.add(events, {"outcome": outcome, "primitive": primitive})
    counts = counts_of(receipt)
    if receipt.rejects:
        EVENTS.add(len(receipt.rejects), {"outcome": "rejected"})
    facts = {"tenant": receipt.tenant_ids, "batch": receipt.batch_id, **counts}
    level = logging.WARNING if receipt.rejects else logging.INFO
    log.log(level, "accepted %d, duplicates %d, rejected %d", *counts.values(), extra=facts)
