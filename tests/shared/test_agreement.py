"""All views agree, with each other, their CSV and a recount in plain Python, to the nano-dollar."""

import asyncio
import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.catalogue import FEATURES
from shared.days import Period, day_of
from shared.export import to_csv, view_sheet
from shared.ingest import ingest_message
from shared.query import FILTERS, NONE, ExportQuery, ViewQuery
from shared.rollup import fold_marked
from shared.seal import seal_marked
from shared.table import Question, list_view
from shared.tenants import Tenant
from shared.views import VIEWS, query_of
from tests.events import Event, body
from tests.fakes import NOW, Cloud

ZONES = ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "America/Santiago")
CHOICES: dict[str, list[str | None]] = {
    "feature": ["ticket-suggest", "rca-generation", "call-recap", "jarvis-assistant"],
    "provider": ["azure.ai.openai", "anthropic", None],
    "model": ["gpt-4o", "claude", None],
    "user": ["ann", "bob", None],
}
SPAN = timedelta(days=34)  # crosses the end of a month
FIELDS: dict[str, Callable[[Event], str | None]] = {
    "feature": lambda one: one["feature"],
    "product": lambda one: FEATURES[one["feature"]],
    "provider": lambda one: one.get("provider"),
    "model": lambda one: one.get("model"),
    "primitive": lambda one: one["primitive"],
    "user": lambda one: one["user"]["id"] if one.get("user") else None,
}
KEYS = {
    "by-feature": ("feature",),
    "by-user": ("user",),
    "by-product": ("product",),
    "by-model": ("model", "provider"),
    "by-provider": ("provider",),
    "primitives": ("primitive",),
    "daily": ("day",),
}
NAMES = {"user": "user_id"}


@st.composite
def events(draw: st.DrawFn) -> Event:
    """A chat or embedding request within the accepted lateness, priced by itself or not at all."""
    seconds = draw(st.integers(0, int(SPAN.total_seconds())))
    user, chat = draw(st.sampled_from(CHOICES["user"])), draw(st.booleans())
    optional = {
        "provider": draw(st.sampled_from(CHOICES["provider"])),
        "model": draw(st.sampled_from(CHOICES["model"])),
        "user": {"id": user} if user else None,
        "cost_usd": draw(st.none() | st.integers(0, 10**12).map(lambda nano: str(Decimal(nano).scaleb(-9)))),
        "output_tokens": draw(st.integers(0, 10**8)) if chat else None,
        "quantity": None if chat else draw(st.integers(1, 10**6).map(lambda n: str(Decimal(n).scaleb(-3)))),
    }
    return {
        "id": draw(st.uuids()).hex,
        "source": "test",
        "tenant_id": "contoso",
        "time": (NOW - timedelta(seconds=seconds)).isoformat(),
        "feature": draw(st.sampled_from(CHOICES["feature"])),
        "primitive": "ai.chat" if chat else "ai.embed",
        "input_tokens": draw(st.integers(0, 10**8)),
        **{name: value for name, value in optional.items() if value is not None},
    }


@st.composite
def filters(draw: st.DrawFn) -> dict[str, list[str]]:
    """None, one or several filters."""
    chosen = draw(st.lists(st.sampled_from(sorted(CHOICES)), unique=True, max_size=2))
    values = {
        name: draw(st.lists(st.sampled_from(CHOICES[name]), min_size=1, max_size=2, unique=True))
        for name in chosen
    }
    return {name: [value or NONE for value in found] for name, found in values.items()}


@settings(max_examples=40)
@given(
    sent=st.lists(events(), min_size=1, max_size=25),
    steps=st.lists(st.sampled_from(["fold", "seal", "nothing"]), min_size=3, max_size=3),
    zone=st.sampled_from(ZONES),
    wanted=filters(),
    ends=st.tuples(st.integers(0, 40), st.integers(0, 40)),
)
def test_every_view_is_the_recount(
    sent: list[Event],
    steps: list[str],
    zone: str,
    wanted: dict[str, list[str]],
    ends: tuple[int, int],
) -> None:
    """Whatever is folded, sealed or merged, each view and its CSV say what plain Python counts."""
    asyncio.run(check_views(sent, steps, zone, wanted, ends))


async def check_views(
    sent: list[Event], steps: list[str], zone: str, wanted: dict[str, list[str]], ends: tuple[int, int]
) -> None:
    """Ingests in three parts with a step after each, then asks every view."""
    tenant = Tenant(id="contoso", name="Contoso", time_zone=zone)
    cloud = await stored(tenant, sent, steps)
    today = day_of(NOW, tenant.zone)
    period = Period(today - timedelta(days=max(ends)), today - timedelta(days=min(ends)))
    question = Question(tenant, period, NOW)
    found = [one for one in sent if is_found(one, wanted, period, tenant)]
    for name in VIEWS:
        query = query_of(name, ViewQuery)(limit=1000, **wanted)
        answer = await list_view(cloud.stores(), name, question, query)
        rows = {key_of(name, row): row for row in answer["data"]}
        assert {key: numbers(row) for key, row in rows.items() if row["requests"]} == recount(
            name, found, tenant
        )
        assert numbers(dict(answer["totals"])) == numbers_of(found)
        sheet = await view_sheet(name, cloud.stores(), question, query_of(name, ExportQuery)(**wanted))
        cells = list(csv.DictReader(to_csv(sheet).decode().splitlines()))
        assert [in_csv(one) for one in cells] == [numbers(row) for row in answer["data"]]


async def stored(tenant: Tenant, sent: list[Event], steps: list[str]) -> Cloud:
    """A cloud that has taken the events, with folds and seals in between."""
    cloud = Cloud(tenants={tenant.id: tenant})
    third = len(sent) // 3 + 1
    for part, step in enumerate(steps):
        some = sent[part * third : (part + 1) * third]
        if some:
            receipt = await ingest_message(cloud.stores(), body(*some), NOW)
            assert receipt.accepted == len(some)
        if step == "fold":
            await fold_marked(cloud.stores().usage, cloud.stores().marks, NOW)
        if step == "seal":
            await seal_marked(cloud.stores(), NOW)
    return cloud


def is_found(one: Event, wanted: dict[str, list[str]], period: Period, tenant: Tenant) -> bool:
    """Whether the period and the filters hold the event."""
    passes = all((FIELDS[name](one) or NONE) in values for name, values in wanted.items())
    return passes and day_of(datetime.fromisoformat(one["time"]), tenant.zone) in period


def recount(name: str, found: list[Event], tenant: Tenant) -> dict[tuple[str | None, ...], Any]:
    """The numbers of each row."""
    groups: dict[tuple[str | None, ...], list[Event]] = {}
    for one in found:
        day = str(day_of(datetime.fromisoformat(one["time"]).astimezone(UTC), tenant.zone))
        key = tuple(day if part == "day" else FIELDS[part](one) for part in KEYS[name])
        groups.setdefault(key, []).append(one)
    return {key: numbers_of(some) for key, some in groups.items()}


def numbers_of(some: list[Event]) -> tuple[int, int, int, Decimal | None, int]:
    """Requests, input and output tokens, cost and unpriced requests of some events."""
    priced = [Decimal(one["cost_usd"]) for one in some if "cost_usd" in one]
    cost = None if some and not priced else sum(priced, Decimal())
    tokens = (sum(one["input_tokens"] for one in some), sum(one.get("output_tokens", 0) for one in some))
    return len(some), *tokens, cost, len(some) - len(priced)


def numbers(row: dict[str, Any]) -> tuple[int, int, int, Decimal | None, int]:
    """The same of a row as it is shown."""
    assert row["tokens"] == row["input_tokens"] + row["output_tokens"]
    return (
        row["requests"], row["input_tokens"], row["output_tokens"], row["cost_usd"], row["unpriced_requests"]
    )  # fmt: skip


def in_csv(row: dict[str, str]) -> tuple[int, int, int, Decimal | None, int]:
    """The same of a row of the file."""
    cost = Decimal(row["cost_usd"]) if row["cost_usd"] else None
    tokens = int(row["input_tokens"]), int(row["output_tokens"])
    return int(row["requests"]), *tokens, cost, int(row["unpriced_requests"])


def key_of(name: str, row: dict[str, Any]) -> tuple[str | None, ...]:
    """What names a row."""
    return tuple(row[NAMES.get(part, part)] for part in KEYS[name])


def test_the_recount_knows_every_view_and_filter() -> None:
    """A new view or filter is held to the recount too."""
    assert set(KEYS) == set(VIEWS)
    assert set(FIELDS) == set(FILTERS)
