"""The quota over HTTP: the current billing month, how its projection moved, and what is refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.days import day_of, start_of
from shared.tenants import zone
from tests.stack import Api, Customer, ago, eventually

TIER = {"name": "business", "daily_tokens": 15, "monthly_tokens": 1_000, "monthly_budget_usd": 1.5}


def noon_zone() -> str:
    """A time zone in which it is about noon: no test of it meets midnight."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}"


async def ten_days(api: Api) -> Customer:
    """A tenant whose billing month began ten days ago, with usage of then and of now."""
    name = noon_zone()
    first = day_of(datetime.now(UTC), zone(name)) - timedelta(days=10)
    one = await api.customer(time_zone=name, billing_day=first.day, tier=TIER)
    begin = start_of(first, zone(name)).isoformat()
    before = (start_of(first, zone(name)) - timedelta(seconds=1)).isoformat()
    answer = await one.post(
        one.event(time=before, cost_usd="9"),
        one.event(time=begin, cost_usd="0.5"),
        one.event(time=ago(minutes=5), cost_usd="0.250000001"),
        one.event(time=ago(minutes=5), model="unheard-of"),
    )
    assert answer.json["accepted"] == 4
    return one


def linear(used: int, basis: dict[str, Any]) -> int:
    """The projection, from its basis alone."""
    first, last, now = (datetime.fromisoformat(basis[name]) for name in ("starts_at", "ends_at", "as_of"))
    tick = timedelta(milliseconds=1)
    return used * ((last - first) // tick) // ((now - first) // tick)


async def test_the_quota_is_that_of_the_billing_month(api: Api) -> None:
    """Used, left and projected, exactly, with a basis from which anybody can work it out again."""
    data = (await (await ten_days(api)).get("quota"))["data"]
    today, month, spend = data["tokens_today"], data["tokens_this_month"], data["spend_this_month"]
    assert [today[name] for name in ("used", "limit", "remaining")] == [20, 15, 0]
    assert [month[name] for name in ("used", "limit", "remaining", "percent")] == [30, 1_000, 970, 3]
    assert spend["used_usd"] == Decimal("0.750000001")
    assert spend["remaining_usd"] == Decimal("0.749999999")
    assert spend["unpriced_requests"] == data["projection"]["unpriced_requests"] == 1
    basis = data["projection"]["basis"]
    assert data["projection"]["tokens"] == linear(30, basis)
    assert data["projection"]["spend_usd"] == Decimal(linear(750_000_001, basis)).scaleb(-9)
    assert Decimal("0.3") < basis["elapsed_fraction"] < Decimal("0.4")
    assert month["reached_on"] is None
    assert data["billing_period"]["from"] < today["reached_on"] < spend["reached_on"]


async def test_a_month_that_has_just_begun_is_not_projected(api: Api) -> None:
    """On its first day there is not enough data; what is used stands there all the same."""
    name = noon_zone()
    today = day_of(datetime.now(UTC), zone(name))
    one = await api.customer(time_zone=name, billing_day=today.day, tier=TIER)
    await one.post(one.event())
    data = (await one.get("quota"))["data"]
    assert data["tokens_this_month"]["used"] == data["tokens_today"]["used"] == 10
    assert data["projection"]["tokens"] is data["projection"]["spend_usd"] is None
    assert data["projection"]["reason"] == "not enough data"


async def test_the_history_shows_how_the_projection_moved(api: Api) -> None:
    """The timer keeps today's quota, the last one stays; other periods and tenants have none of it."""
    one, other = await ten_days(api), await api.customer()
    await api.run_timer("snapshot_quotas")
    before = (await one.get("quota/history"))["data"]
    await one.post(one.event(input_tokens=90, output_tokens=0, cost_usd="0.1"))
    await api.run_timer("snapshot_quotas")
    found = await one.get("quota/history", period="7d")
    [row], basis = found["data"], (await one.get("quota"))["data"]["projection"]["basis"]
    assert (row["used_tokens"], row["token_limit"]) == (120, 1_000)
    assert (row["spend_usd"], row["budget_usd"]) == (Decimal("0.850000001"), Decimal("1.5"))
    assert row["projected_tokens"] == linear(120, {**basis, "as_of": row["as_of"]})
    assert row["projected_spend_usd"] == Decimal(
        linear(850_000_001, {**basis, "as_of": row["as_of"]})
    ).scaleb(-9)
    assert [(old["day"], old["used_tokens"]) for old in before] == [(row["day"], 30)]
    assert found["period"]["to"] == row["day"]
    assert (await one.get("quota/history", first="2026-01-01", last="2026-01-31"))["data"] == []
    assert (await other.get("quota/history"))["data"] == []


@pytest.mark.parametrize(
    ("path", "field"),
    [("quota?period=7d", "period"), ("quota?colour=red", "colour"), ("quota/history?user=ann", "user"),
     ("quota/history?from=2026-02-30", "from"), ("quota/history?period=7d&from=2026-01-01", "period")],
)  # fmt: skip
async def test_what_is_not_known_is_refused(api: Api, path: str, field: str) -> None:
    """A parameter that the quota does not take is named."""
    answer = await api.ask("GET", f"usage/{path}", (await api.customer()).key)
    assert (answer.status, answer.fields) == (400, [field])


@pytest.mark.parametrize("view", ["quota", "quota/history"])
async def test_the_quota_is_the_tenants_own(api: Api, view: str) -> None:
    """Without a key it is not told; a key shows its own tenant's."""
    assert (await api.ask("GET", f"usage/{view}")).status == 401
    one, other = await api.customer(), await api.customer()
    await one.post(one.event())
    await eventually(one.requests, 1)
    answer = await other.get(view)
    assert answer["data"] == [] if view != "quota" else answer["totals"]["requests"] == 0
