"""FOCUS rows: exact names, instants and amounts, and the same sums as the views."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from shared import export
from shared.days import Period
from shared.errors import InvalidInput
from shared.export import to_csv
from shared.focus import focus_sheet
from shared.ingest import ingest
from shared.query import FilterQuery, ViewQuery
from shared.table import Question, list_view
from shared.tenants import Tenant
from tests.events import body, event
from tests.fakes import NOW, Cloud
from tests.shared.test_export import table

NEW_YORK = Tenant(id="contoso", name="Contoso Ltd", time_zone="America/New_York", billing_day=5)
WEEK = Question(NEW_YORK, Period(date(2026, 3, 4), date(2026, 3, 10)), NOW)
SPRING_FORWARD = "2026-03-08T12:00:00-04:00"
EXAMPLE = [
    event("1", time=SPRING_FORWARD, cost_usd="0.5", input_tokens=90, cache_read_input_tokens=40),
    event("2", time=SPRING_FORWARD, user={"id": "bob"}),
    event("3", time="2026-03-04T23:59:59-05:00", cost_usd="0.000000001", feature="playground"),
    event("4", time="2026-03-05T00:00:00-05:00", feature="sms-reminders", primitive="phone.sms",
          quantity="2.5", provider=None, model=None, input_tokens=None, output_tokens=None),
    event("5", time="2026-03-05T00:00:00-05:00", feature="knowledge-search", primitive="ai.embed",
          quantity=3, input_tokens=1_000, output_tokens=None, model="text-embedding-3-small", cost_usd=0),
    event("6", time="2026-03-05T00:00:00-05:00", primitive="voice.room", feature="meeting-rooms", quantity=9,
          provider="acme", model="=1+1", input_tokens=None, output_tokens=None),
]  # fmt: skip


async def example() -> Cloud:
    """The example, stored."""
    cloud = Cloud(tenants={"contoso": NEW_YORK})
    await ingest(cloud.stores(), body(*EXAMPLE), NOW)
    return cloud


async def rows(question: Question = WEEK, **query: Any) -> list[dict[str, str]]:  # noqa: ANN401
    """The rows of the file by the names of their columns."""
    stores = (await example()).stores()
    header, *found = table(to_csv(await focus_sheet(stores, question, FilterQuery(**query))))
    return [dict(zip(header, row, strict=True)) for row in found]


async def test_a_row_is_exact() -> None:
    """A day of 23 hours in instants, its billing period, and requests of which one has no price."""
    row = (await rows())[-1]
    assert json.loads(row.pop("Tags")) == {
        "the-one/feature": "ticket-suggest", "the-one/product": "psa",
    }  # fmt: skip
    assert row == {
        "BillingAccountId": "contoso", "BillingAccountName": "Contoso Ltd",
        "SubAccountId": "contoso", "SubAccountName": "Contoso Ltd",
        "ProviderName": "The One", "InvoiceIssuerName": "The One", "PublisherName": "Azure OpenAI",
        "BillingPeriodStart": "2026-03-05T05:00:00Z", "BillingPeriodEnd": "2026-04-05T04:00:00Z",
        "ChargePeriodStart": "2026-03-08T05:00:00Z", "ChargePeriodEnd": "2026-03-09T04:00:00Z",
        "BilledCost": "0.5", "EffectiveCost": "0.5", "ListCost": "0.5", "ContractedCost": "0.5",
        "BillingCurrency": "USD", "ChargeCategory": "Usage", "ChargeClass": "",
        "ChargeDescription": "ai.chat with gpt-4o-mini for ticket-suggest of PSA",
        "ChargeFrequency": "Usage-Based", "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": "Generative AI", "ServiceName": "ai.chat",
        "ResourceId": "ticket-suggest", "ResourceName": "ticket-suggest", "ResourceType": "Feature",
        "RegionId": "", "RegionName": "", "SkuId": "ai.chat/azure.ai.openai/gpt-4o-mini",
        "ConsumedQuantity": "103", "ConsumedUnit": "Tokens",
        "PricingQuantity": "103", "PricingUnit": "Tokens",
        "x_Day": "2026-03-08", "x_Feature": "ticket-suggest", "x_Product": "psa",
        "x_Provider": "azure.ai.openai", "x_Model": "gpt-4o-mini", "x_Primitive": "ai.chat",
        "x_Requests": "2", "x_UnpricedRequests": "1", "x_InputTokens": "97", "x_OutputTokens": "6",
        "x_CacheReadInputTokens": "40", "x_CacheCreationInputTokens": "0", "x_ReasoningOutputTokens": "0",
    }  # fmt: skip


async def test_rows_are_by_day_and_name() -> None:
    """In order; embeddings are priced by the token, what has no model or provider names none."""
    names = ("x_Day", "x_Feature", "BilledCost", "x_UnpricedRequests", "ConsumedQuantity", "ConsumedUnit",
             "PricingQuantity", "PricingUnit", "PublisherName", "SkuId")  # fmt: skip
    found = [tuple(row[name] for name in names) for row in await rows()]
    assert found[:-1] == [
        ("2026-03-04", "playground", "0.000000001", "0", "10", "Tokens", "10", "Tokens",
         "Azure OpenAI", "ai.chat/azure.ai.openai/gpt-4o-mini"),
        ("2026-03-05", "knowledge-search", "0", "0", "3", "Embeddings", "1000", "Tokens",
         "Azure OpenAI", "ai.embed/azure.ai.openai/text-embedding-3-small"),
        ("2026-03-05", "meeting-rooms", "", "1", "9", "Participant-Minutes", "9", "Participant-Minutes",
         "acme", "voice.room/acme/=1+1"),
        ("2026-03-05", "sms-reminders", "", "1", "2.5", "Messages", "2.5", "Messages",
         "The One", "phone.sms"),
    ]  # fmt: skip


async def test_an_unknown_price_is_no_zero() -> None:
    """Costs are empty where none is known, 0 where the usage was free; no formula is let through."""
    free, unpriced = (await rows(feature=["knowledge-search"]))[0], (await rows(feature=["meeting-rooms"]))[0]
    for name in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"):
        assert (free[name], unpriced[name]) == ("0", "")
    assert unpriced["x_Model"] == "'=1+1"


@pytest.mark.parametrize(
    "query",
    [{}, {"feature": ["ticket-suggest", "playground"]}, {"user": ["bob"]}, {"model": ["(none)"]}],
    ids=str,
)
async def test_rows_add_up_to_the_views(query: dict[str, Any]) -> None:
    """Cost, requests and tokens of the same period and filters, to the nano-dollar."""
    found = await rows(**query)
    answer = await list_view((await example()).stores(), "by-feature", WEEK, ViewQuery(**query))
    totals = answer["totals"]
    assert sum(int(row["x_Requests"]) for row in found) == totals["requests"]
    assert sum(int(row["x_UnpricedRequests"]) for row in found) == totals["unpriced_requests"]
    tokens = sum(int(row["x_InputTokens"]) + int(row["x_OutputTokens"]) for row in found)
    assert tokens == totals["tokens"]
    assert sum(Decimal(row["BilledCost"] or 0) for row in found) == (totals["cost_usd"] or 0)


async def test_nothing_is_a_header() -> None:
    """A period without usage has the columns all the same."""
    stores = Cloud(tenants={"contoso": NEW_YORK}).stores()
    (header,) = table(to_csv(await focus_sheet(stores, WEEK, FilterQuery())))
    assert header == [*(await rows())[0]]


async def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the parameter that makes them fewer."""
    monkeypatch.setattr(export, "MAX_ROWS", 4)
    with pytest.raises(InvalidInput, match="not valid") as caught:
        await rows()
    assert [one.field for one in caught.value.errors] == ["from"]
