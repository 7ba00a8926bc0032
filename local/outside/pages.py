"""The pages: what arrived on the left, one of them on the right. No script; what arrived is hostile."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson
from jinja2 import Environment, FileSystemLoader

from local.outside.arrivals import Arrivals, Mail, Posted, Thing, Ticket, Webhook

TEMPLATES = Path(__file__).parent / "templates"
KINDS: dict[str, type[Thing]] = {"mails": Mail, "webhooks": Webhook, "tickets": Ticket}
TABS = ("html", "text", "body", "headers")  # an arrival has those that it has something for
TITLES = ("title", "subject", "summary", "name", "type")  # the fields of a body that may be its title
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A mail may look as it likes and open links in new windows: no script, nothing loaded, no origin.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)


@dataclass(frozen=True, slots=True)
class Row:
    """An arrival as the list shows it. `mark` is a word on how it went; `is_good` says whether well."""

    thing: Thing
    title: str
    below: str
    mark: str = ""
    is_good: bool = True


def inbox(arrivals: Arrivals, room: str, number: int | None, tab: str) -> str | None:
    """The page of a kind, with one of its arrivals open, without a number the newest.

    None if that one is not there (any more).
    """
    rows = [row_of(thing) for thing in arrivals.newest(KINDS[room])]
    chosen = next((row for row in rows if number in {None, row.thing.number}), None)
    if chosen is None and number is not None:
        return None
    tabs = _tabs(chosen.thing) if chosen else []
    page = _environment().get_template("inbox.html")
    return page.render(
        room=room,
        counts={name: len(arrivals.newest(kind)) for name, kind in KINDS.items()},
        rows=rows,
        chosen=chosen,
        tabs=tabs,
        tab=tab if tab in tabs else next(iter(tabs), ""),
    )


def mail_document(mail: Mail) -> str:
    """A mail's HTML, for a frame: its links open new windows."""
    head = re.search(r"<head\b[^>]*>", mail.html, re.IGNORECASE)
    at = head.end() if head else 0
    return f'{mail.html[:at]}<base target="_blank">{mail.html[at:]}'


def row_of(thing: Thing) -> Row:
    """An arrival in the list."""
    match thing:
        case Mail():
            return Row(thing, thing.subject or "(no subject)", f"to {', '.join(thing.to)}")
        case Webhook():
            mark = "verified" if thing.is_verified else "not verified"
            return Row(thing, _title(thing), f"to {thing.path}", mark, thing.is_verified)
        case Ticket():
            again = f"sent {thing.requests} times" if thing.requests > 1 else ""
            return Row(thing, _title(thing), f"T-{thing.number}", again)
        case _:
            raise TypeError(type(thing))


def _tabs(thing: Thing) -> list[str]:
    return [name for name in TABS if getattr(thing, name, None)]


def _title(posted: Posted) -> str:
    fields = posted.fields()
    titles = (fields.get(name) for name in TITLES)
    return next((title for title in titles if isinstance(title, str) and title), "(no title)")


def _pretty(body: str) -> str:
    """JSON, indented; anything else as it is."""
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return body


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(TEMPLATES)
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["pretty"] = _pretty
    return environment
