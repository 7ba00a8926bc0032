"""Counts what this process asks of the stores, as it leaves and as it is answered."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from azure.core.pipeline.transport import AioHttpTransport

from local.stack import Stack

CHARGE = "x-ms-request-charge"


@dataclass(slots=True)
class Seen:
    """Requests by service (queue, table, cosmos); for Cosmos the request units and bytes of bodies, too."""

    requests: Counter[str] = field(default_factory=Counter)
    charge: float = 0.0
    sent: int = 0
    received: int = 0


@contextmanager
def watching(stack: Stack, queue: str, seen: Seen) -> Iterator[Seen]:
    """Counts the requests to the stack's stores; what is no Cosmos and not this queue is a table."""
    send = AioHttpTransport.send

    async def counted(self: Any, request: Any, **config: Any) -> Any:  # noqa: ANN401 - azure-core's own
        response = await send(self, request, **config)
        if not request.url.startswith(stack.cosmos):
            seen.requests["queue" if f"/{queue}" in request.url else "table"] += 1
        elif "/docs" in request.url:  # not what the client asks of the account
            seen.requests["cosmos"] += 1
            seen.charge += float(response.headers.get(CHARGE, 0))
            seen.sent += int(request.headers.get("Content-Length", 0))
            seen.received += int(response.headers.get("Content-Length", 0))
        return response

    AioHttpTransport.send = counted
    try:
        yield seen
    finally:
        AioHttpTransport.send = send
