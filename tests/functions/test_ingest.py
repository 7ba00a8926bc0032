"""Events in, over the queue and over HTTP, and what the views then say of them, to the nano-dollar."""

import asyncio
import gzip
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from shared.event import UsageEvent
from tests.stack import Api, Customer, Event, ago, eventually

CHAT = {"input_tokens": 1003, "output_tokens": 207, "cache_read_input_tokens": 101}


def cloud_event(event: Event) -> Event:
    """The event in a CloudEvents envelope."""
    attributes = {name: event.pop(name) for name in ("id", "source", "time")}
    kind = {"specversion": "1.0", "type": "com.example.usage", "datacontenttype": "application/json"}
    return {**kind, **attributes, "data": event}


MESSAGES: dict[str, Callable[[Event, Event], object]] = {
    "one event": lambda one, _: one,
    "a batch": lambda one, two: {"batch_id": "batch-1", "events": [one, two]},
    "a CloudEvent": lambda one, _: cloud_event(one),
    "a batch of CloudEvents": lambda one, two: [cloud_event(one), cloud_event(two)],
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "base64": b64encode,
    "base64 of gzip": lambda raw: b64encode(gzip.compress(raw)),
    "base64 twice of gzip": lambda raw: b64encode(b64encode(gzip.compress(raw))),
}


async def priced(api: Api) -> Customer:
    """A tenant with contract prices whose costs are easy to work out by hand."""
    customer = await api.customer()
    prices: list[dict[str, Any]] = [
        {"primitive": "ai.chat", "provider": "anthropic", "model": "own-model", "input_usd": "2.5",
         "output_usd": "10", "cache_read_usd": "1.25"},
        {"primitive": "ai.embed", "input_usd": "0.0005"},
        {"primitive": "phone.sms", "unit_usd": "0.0079"},
    ]  # fmt: skip
    terms = {"tenant_id": customer.id, "valid_from": "2020-01-01"}
    await api.operate("POST", "prices", {"prices": [terms | price for price in prices]})
    return customer


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("form", MESSAGES)
async def test_every_form_of_message_is_counted(api: Api, form: str, packing: str) -> None:
    """One event or many, in whatever envelope and encoding, counts once with all its fields."""
    customer = await api.customer()
    ann = customer.event(user={"id": "ann", "name": "Ann Ö", "email": "ann@example.test"})
    whole = MESSAGES[form](ann.copy(), customer.event(user={"id": "bo"}))
    await api.send(PACKINGS[packing](orjson.dumps(whole)).decode())
    count = 2 if "batch" in form else 1
    await eventually(customer.counts, (count, 0, 0))
    row = next(row for row in (await customer.get("by-user"))["data"] if row["user_id"] == "ann")
    assert (row["name"], row["email"], row["requests"], row["tokens"]) == ("Ann Ö", "ann@example.test", 1, 10)
    assert row["top_feature"] == "ticket-suggest"
    sent = datetime.fromisoformat(ann["time"])
    assert abs(datetime.fromisoformat(row["last_active"]) - sent) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        # (1003 - 101) x 2.5 + 207 x 10 + 101 x 1.25 = 4451.25 USD per million
        ({"provider": "anthropic", "model": "own-model", **CHAT}, "0.00445125"),
        ({"provider": "anthropic", "model": "OWN-MODEL", **CHAT}, "0.00445125"),
        # 7 x 0.15 + 3 x 0.60 USD per million: the public list price of Azure
        ({"model": "gpt-4o-mini"}, "0.00000285"),
        ({"primitive": "phone.sms", "quantity": 3, "input_tokens": None, "output_tokens": None}, "0.0237"),
        ({"cost_usd": "0.000000001"}, "0.000000001"),
        ({"cost_usd": "10000"}, "10000"),
        ({"cost_usd": 0}, "0"),
        # half a nano-dollar a token, rounded half to even for each event
        ({"primitive": "ai.embed", "quantity": 1, "input_tokens": 1, "output_tokens": None}, "0"),
        ({"primitive": "ai.embed", "quantity": 1, "input_tokens": 3, "output_tokens": None}, "0.000000002"),
        ({"model": "nobody-knows-it"}, None),
        ({"primitive": "web.crawl", "quantity": 3, "input_tokens": None, "output_tokens": None}, None),
    ],
)
async def test_costs_are_exact(api: Api, fields: Event, cost: str | None) -> None:
    """Two equal events cost twice the price of one, in every view; what has no known price costs null."""
    customer = await priced(api)
    assert (await customer.post(customer.event(**fields), customer.event(**fields))).status == 202
    expected = None if cost is None else 2 * Decimal(cost)
    for view in ("summary", "by-feature", "by-user"):
        answer = await customer.get(view)
        rows = [answer["totals"]] + (answer["data"] if view != "summary" else [])
        assert [row["cost_usd"] for row in rows] == [expected] * len(rows)
        assert [row["unpriced_requests"] for row in rows] == [0 if cost else 2] * len(rows)
        assert answer["freshness"]["unpriced"] == (0 if cost else 2)


async def test_views_tell_the_same_of_a_mixed_day(api: Api) -> None:
    """Users, features, unattended work, priced and unpriced requests add up as worked out by hand."""
    customer = await priced(api)
    mine = {"provider": "anthropic", "model": "own-model", **CHAT}
    sms = {"primitive": "phone.sms", "feature": "sms-reminders", "quantity": "2.5", "user": None}
    none = {"input_tokens": None, "output_tokens": None, "provider": None, "model": None}
    await api.publish(
        customer.event(**mine),
        customer.event(**mine, user={"id": "bo", "name": "Bo"}, feature="rca-generation"),
        customer.event(model="nobody-knows-it", user={"id": "bo"}, input_tokens=0, output_tokens=10**8),
        customer.event(**{**none, **sms}),
        customer.event(feature="own-thing", product="books", cost_usd="1.5"),
    )
    await eventually(customer.counts, (5, 0, 0))
    totals = (await customer.get("summary"))["totals"]
    # 2 x 0.00445125 + 2.5 x 0.0079 + 1.5
    assert totals["cost_usd"] == Decimal("1.5286525")
    assert (totals["tokens"], totals["unpriced_requests"]) == (2 * 1210 + 10**8 + 10, 1)
    assert totals["cache_read_input_tokens"] == 202
    features = {row["feature"]: row for row in (await customer.get("by-feature"))["data"]}
    assert {name: (row["requests"], row["cost_usd"]) for name, row in features.items()} == {
        "ticket-suggest": (2, Decimal("0.00445125")),
        "rca-generation": (1, Decimal("0.00445125")),
        "sms-reminders": (1, Decimal("0.01975")),
        "own-thing": (1, Decimal("1.5")),
    }
    users = {row["user_id"]: row for row in (await customer.get("by-user"))["data"]}
    assert {name: (row["requests"], row["cost_usd"]) for name, row in users.items()} == {
        "ann": (2, Decimal("1.50445125")),
        "bo": (2, Decimal("0.00445125")),
        None: (1, Decimal("0.01975")),
    }
    assert users["bo"]["name"] == "Bo"
    assert (await customer.get("by-feature"))["totals"] == (await customer.get("by-user"))["totals"] == totals


async def test_the_summary_has_the_key_metrics_of_the_month(api: Api) -> None:
    """Tokens and their limit, cost, requests today, active users, the top feature, shares of providers."""
    customer = await api.customer(tier={"name": "pro", "monthly_tokens": 1000})
    now = {"time": ago(seconds=1)}
    events = [
        customer.event(**now, user={"id": "bo"}, feature="rca-generation", input_tokens=90, cost_usd="1"),
        customer.event(**now, provider="anthropic", cost_usd="0.25"),
        customer.event(**now, user=None, cost_usd="0"),
    ]
    assert (await customer.post(*events)).status == 202
    data = (await customer.get("summary"))["data"]
    assert (data["tier"], data["tokens_this_month"], data["token_limit"]) == ("pro", 113, 1000)
    assert (data["cost_this_month_usd"], data["active_users_this_month"]) == (Decimal("1.25"), 2)
    assert (data["requests_today"], data["top_feature"]) == (3, "rca-generation")
    shares = {one["name"]: one["percent"] for one in data["providers"]}
    assert shares == {"Azure OpenAI": Decimal("66.67"), "Anthropic": Decimal("33.33"), "Azure AI Foundry": 0}


async def test_an_event_counts_once_however_it_comes(api: Api) -> None:
    """Again in its batch, in another batch, and over HTTP: the first counts, all others are duplicates."""
    customer = await api.customer()
    event = customer.event()
    other_source = {**event, "source": "psa/other"}
    await api.publish(event, event, other_source)
    await eventually(customer.counts, (2, 1, 0))
    await api.publish(event, {**event, "input_tokens": 99})
    await eventually(customer.counts, (2, 3, 0))
    answer = await customer.post(event, other_source)
    assert (answer.status, answer.json) == (202, {"accepted": 0, "duplicates": 2, "rejected": 0})
    assert await customer.counts() == (2, 5, 0)
    assert (await customer.get("summary"))["totals"]["tokens"] == 20


async def test_a_message_delivered_again_changes_nothing(api: Api) -> None:
    """The same message, many times, at the same time and in each encoding, counts as if it came once."""
    customer = await api.customer()
    message = orjson.dumps({"batch_id": "b", "events": [customer.event() for _ in range(30)]})
    await api.send(*[pack(message).decode() for pack in PACKINGS.values()] * 2)
    answers = await asyncio.gather(
        *(api.ask("POST", "usage/events", customer.key, data=message) for _ in range(8))
    )
    assert {(answer.status, answer.json["accepted"]) for answer in answers} == {(202, 30)}
    await eventually(api.waiting, 0)
    assert await customer.counts() == (30, 0, 0)


async def test_events_fall_on_the_days_of_the_tenant(api: Api) -> None:
    """A day begins at midnight of the tenant's time zone."""
    customer = await api.customer(time_zone="Pacific/Kiritimati")  # UTC+14
    day = (datetime.now(UTC) - timedelta(days=5)).replace(hour=9, minute=59, second=59, microsecond=0)
    before, after = day, day + timedelta(seconds=1)
    answer = await customer.post(
        customer.event(time=before.isoformat()), customer.event(time=after.isoformat())
    )
    assert answer.status == 202
    first, second = str(before.date()), str(after.date() + timedelta(days=1))
    assert await customer.requests(first=first, last=first) == 1
    assert await customer.requests(first=second, last=second) == 1


async def test_good_events_of_a_bad_batch_count(api: Api) -> None:
    """400 names every bad event by its index and field; the good ones are kept, and the bad as rejects."""
    customer = await api.customer()
    answer = await customer.post(
        customer.event(),
        customer.event(primitive="ai.magic"),
        customer.event(time="yesterday", id=""),
        customer.event(time=ago(days=36)),
        customer.event(time=ago(minutes=-6)),
        customer.event(colour="red"),
        "no event",
        customer.event(user={"id": "x" * 129}),
    )
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert (problem["accepted"], problem["duplicates"], problem["rejected"]) == (1, 0, 7)
    assert sorted(answer.fields) == [
        "events[1].primitive",
        "events[2].id",
        "events[2].time",
        "events[3].time",
        "events[4].time",
        "events[5].colour",
        "events[6].event",
        "events[7].user.id",
    ]
    assert await customer.counts() == (1, 0, 7)
    assert sorted(one["index"] for one in await api.rejects(tenant_id=customer.id)) == list(range(1, 8))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no json", 400),
        (b"[]", 400),
        (b'{"events": []}', 400),
        (b'{"events": {}}', 400),
        (b"\x1f\x8bno gzip", 400),
        (b'{"events": [' + b" " * 512 * 1024 + b"{}]}", 413),
        (gzip.compress(b" " * 10**7), 413),
        (orjson.dumps({"events": [0] * 5001}), 413),
    ],
)
async def test_a_body_that_is_no_batch_is_refused(api: Api, body: bytes, status: int) -> None:
    """What holds no events is 400, what is beyond the bounds 413; nothing is counted."""
    customer = await api.customer()
    answer = await api.ask("POST", "usage/events", customer.key, data=body)
    assert (answer.status, answer.json["status"]) == (status, status)
    assert await customer.counts() == (0, 0, 0)


async def test_an_api_client_ingests_into_its_own_tenant(api: Api) -> None:
    """The key's tenant is taken where none is named; another one is refused and gets nothing."""
    customer, other = await api.customer(), await api.customer()
    accepted = await customer.post(customer.event(tenant_id=None), customer.event())
    assert (accepted.status, accepted.json["accepted"]) == (202, 2)
    refused = await customer.post(customer.event(tenant_id=other.id))
    assert (refused.status, refused.fields) == (400, ["events[0].tenant_id"])
    assert await other.counts() == (0, 0, 0)
    assert await customer.counts() == (2, 0, 1)


async def test_the_schema_is_the_model_s_own(api: Api) -> None:
    """Without a key, the published JSON Schema is the one by which events are checked."""
    answer = await api.ask("GET", "schemas/usage-event.json")
    assert answer.status == 200
    schema = answer.json
    assert schema.pop("$schema") == "https://json-schema.org/draft/2020-12/schema"
    assert schema == orjson.loads(orjson.dumps(UsageEvent.model_json_schema()))
    assert set(schema["required"]) == {"id", "source", "tenant_id", "time", "feature", "primitive"}
