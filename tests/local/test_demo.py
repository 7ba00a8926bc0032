"""The demo tenant: believable, valid, and the same stream however it is cut."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local import demo, demo_cast
from shared.alerts.rule import RuleSettings, default_rule
from shared.catalogue import FEATURES, Primitive, Product, names
from shared.days import billing_month, start_of
from shared.message import read_batch
from shared.model_prices import model_rates
from shared.tenants import Tenant

FIRST, LAST = date(2025, 11, 23), date(2026, 11, 22)


@pytest.fixture(scope="module")
def year() -> list[dict[str, Any]]:
    """Twelve months of history."""
    return list(demo.history(FIRST, LAST))


def test_every_event_is_valid(year: list[dict[str, Any]]) -> None:
    """Ingest accepts all of it."""
    for start in range(0, len(year), 500):
        batch = read_batch(orjson.dumps({"events": year[start : start + 500]}))
        assert not batch.bad


def test_the_year_shows_all_there_is_to_show(year: list[dict[str, Any]]) -> None:
    """All features, products, primitives and providers occur, with some forty named users."""
    assert {event["feature"] for event in year} == set(FEATURES) - {"code-completion"}
    assert {FEATURES[event["feature"]] for event in year} == set(names(Product))
    assert {event["primitive"] for event in year} == set(names(Primitive))
    providers = {"azure.ai.openai", "azure.ai.inference", "anthropic"}
    assert {event["provider"] for event in year if "provider" in event} == providers
    users = {event["user"]["email"]: event["user"]["name"] for event in year if "user" in event}
    assert len(users) == len(set(users.values())) == 40
    assert 50 < sum(event.get("model") == "contoso-summaries-ft" for event in year) < 1000
    assert any(event.get("cache_creation_input_tokens") for event in year)
    assert any(event.get("reasoning_output_tokens") for event in year)


def test_the_year_has_rhythm_and_growth(year: list[dict[str, Any]]) -> None:
    """Working days are busy, weekends and nights quiet, and the last quarter beats the first."""
    assert 110_000 < len(year) < 150_000
    days = Counter(date.fromisoformat(event["time"][:10]) for event in year)
    working = [count for day, count in days.items() if day.weekday() < 5]
    weekend = [count for day, count in days.items() if day.weekday() >= 5]
    assert 300 < sum(working) / len(working) < 600
    assert max(weekend) < sum(working) / len(working) / 2
    hours = Counter(int(event["time"][11:13]) for event in year if "user" in event)
    assert hours[10] > 20 * hours[3]
    assert sum(days[day] for day in days if day > date(2026, 8, 24)) > 1.2 * sum(
        days[day] for day in days if day < date(2026, 2, 22)
    )


def test_ids_are_unique_and_times_in_order(year: list[dict[str, Any]]) -> None:
    """Each event is named once, days are whole, and the stream goes forward in time."""
    assert len({event["id"] for event in year}) == len(year)
    times = [datetime.fromisoformat(event["time"]) for event in year]
    assert all(before <= after for before, after in pairwise(times))
    assert start_of(FIRST, demo.ZONE) <= times[0]
    assert times[-1] < start_of(LAST + timedelta(days=1), demo.ZONE)


def test_a_day_is_the_same_again_and_differs_by_seed() -> None:
    """A rerun gives the very same events; another seed gives others."""
    again = list(demo.events_of_day(LAST))
    assert list(demo.events_of_day(LAST)) == again
    assert list(demo.events_of_day(LAST, seed=8)) != again


# The days around the change to summer time (March 8) and an ordinary boundary.
moments = st.integers(0, 4 * 86_400_000).map(
    lambda after: datetime(2026, 3, 6, 12, tzinfo=UTC) + timedelta(milliseconds=after)
)


@settings(max_examples=30, deadline=None)
@given(st.lists(moments, max_size=6))
def test_the_trickle_is_the_history_however_it_is_cut(cuts: list[datetime]) -> None:
    """Adjoining intervals give every event of the days once, in the order of history."""
    first, last = date(2026, 3, 7), date(2026, 3, 9)
    begin, end = start_of(first, demo.ZONE), start_of(date(2026, 3, 10), demo.ZONE)
    edges = [begin, *sorted(cut for cut in cuts if begin < cut < end), end]
    pieces = [event for span in pairwise(edges) for event in demo.events_between(*span)]
    assert pieces == list(demo.history(first, last))


FIRST_DAYS = [date(2026, month, 1) for month in range(1, 13)] + [date(2024, 2, 29), date(2026, 3, 31)]


@pytest.mark.parametrize("since", FIRST_DAYS, ids=str)
def test_the_default_alert_fires_on_the_first_day(since: date) -> None:
    """More than 80 % of the monthly tokens are used by then, but not all, and no day passes its limit."""
    tenant = Tenant.model_validate_json(orjson.dumps(demo.tenant(since)))
    billing, used = billing_month(since, tenant.billing_day), Counter[date]()
    for event in demo.history(billing.first, since):
        day = date.fromisoformat(event["time"][:10])
        used[day] += event.get("input_tokens", 0) + event.get("output_tokens", 0)
    limits, fires_at = tenant.tier, default_rule(tenant).thresholds[0]
    assert limits.monthly_tokens
    assert fires_at < 100 * (used.total() - used[since]) / limits.monthly_tokens
    assert used.total() < 0.95 * limits.monthly_tokens
    assert limits.daily_tokens
    assert max(used.values()) < limits.daily_tokens < 2 * max(used.values())
    assert tenant.contacts


def test_the_rule_is_one_that_a_tenant_may_make() -> None:
    """Its settings pass validation."""
    rule = RuleSettings.model_validate_json(orjson.dumps(demo.rule("http://127.0.0.1/hooks/contoso/1")))
    assert {channel.type for channel in rule.channels} == {"webhook", "ticket"}


def test_every_primitive_without_a_token_price_has_a_unit_price() -> None:
    """Only chat and embeddings are priced by tokens."""
    prices = demo.unit_prices()
    assert set(prices) == set(names(Primitive)) - {"ai.chat", "ai.embed"}
    assert all(price > Decimal(0) for price in prices.values())


def test_only_the_own_model_is_unpriced(year: list[dict[str, Any]]) -> None:
    """The price list knows every token-priced model that occurs, but for the fine-tuned one."""
    used = {(e["primitive"], e["provider"], e["model"]) for e in year if "input_tokens" in e}
    unpriced = {model for *by, model in used if model_rates(*by, model, LAST) is None}
    assert unpriced == {demo_cast.UNPRICED}


def test_the_tenant_is_one_that_an_operator_may_create() -> None:
    """Its settings pass validation."""
    assert Tenant.model_validate_json(orjson.dumps(demo.tenant(LAST))).time_zone == "America/Chicago"
