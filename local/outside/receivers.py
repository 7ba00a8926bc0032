"""What is posted here: the calls of webhooks, and tickets."""

import hmac
from datetime import UTC, datetime

from aiohttp import web

from local.outside.arrivals import Arrivals, Ticket, Webhook
from local.outside.signature import verdict

ARRIVALS = web.AppKey("arrivals", Arrivals)
WEBHOOK_SECRET = "webhooks_local-only"  # noqa: S105  of a machine that nobody else reaches: no secrets
TICKETS_TOKEN = "tickets_local-only"  # noqa: S105


async def take_webhook(request: web.Request) -> web.Response:
    """Keeps a call, whatever its signature. `?answer=410` is for seeing how such an answer is taken."""
    arrivals, rule = request.app[ARRIVALS], request.match_info["rule"]
    status = _status(request.query.get("answer", "204"))
    body = await request.read()
    is_verified, words = verdict(WEBHOOK_SECRET, request.match_info["tenant"], rule, request.headers, body)
    arrivals.put(
        Webhook(
            number=arrivals.next(),
            at=datetime.now(UTC),
            headers=list(request.headers.items()),
            body=body.decode(errors="replace"),
            path=request.path_qs,
            answered=status,
            is_verified=is_verified,
            verdict=words,
        )
    )
    return web.Response(status=status)


async def take_ticket(request: web.Request) -> web.Response:
    """Makes a ticket, one for an idempotency key."""
    arrivals, key = request.app[ARRIVALS], request.headers.get("Idempotency-Key")
    if not _may_write_tickets(request):
        raise web.HTTPUnauthorized(text="Authorization: is not the token of tickets")
    if not key:
        raise web.HTTPBadRequest(text="Idempotency-Key: is needed")
    body = (await request.read()).decode(errors="replace")
    known = next((ticket for ticket in arrivals.newest(Ticket) if ticket.key == key), None)
    ticket = _again(known) if known else _ticket(arrivals.next(), request, key, body)
    arrivals.put(ticket)
    return web.json_response({"id": f"T-{ticket.number}"}, status=200 if known else 201)


def _ticket(number: int, request: web.Request, key: str, body: str) -> Ticket:
    headers = [(name, value) for name, value in request.headers.items() if name.lower() != "authorization"]
    return Ticket(number=number, at=datetime.now(UTC), headers=headers, body=body, key=key)


def _again(known: Ticket) -> Ticket:
    return known.model_copy(update={"requests": known.requests + 1})


def _may_write_tickets(request: web.Request) -> bool:
    given = request.headers.get("Authorization", "").encode(errors="replace")
    return hmac.compare_digest(given, f"Bearer {TICKETS_TOKEN}".encode())


def _status(wanted: str) -> int:
    if wanted.isdecimal() and 200 <= int(wanted) <= 599:
        return int(wanted)
    raise web.HTTPBadRequest(text="answer: must be a status from 200 to 599")
