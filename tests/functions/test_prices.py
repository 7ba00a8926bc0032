"""Prices over HTTP: what is unpriced, and pricing anew what has been counted."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.stack import Api, Customer, ago, eventually

VIEWS = ("by-feature", "by-user", "by-product", "by-model", "by-provider", "daily")
TODAY = datetime.now(UTC).date()


def contract(customer: Customer, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """A price of one customer for all its messages, ever."""
    price = {"tenant_id": customer.id, "primitive": "phone.sms", "unit_usd": 0.01, "valid_from": "2020-01-01"}
    return {**price, **fields}


def sms(customer: Customer, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """A message that nobody has a price for."""
    none = dict.fromkeys(("provider", "model", "input_tokens", "output_tokens"))
    return customer.event(primitive="phone.sms", quantity=3, **none, **fields)


async def three_messages(api: Api) -> Customer:
    """A customer with three messages of three units, one of which came with its cost."""
    customer = await api.customer()
    await api.publish(sms(customer), sms(customer, time=ago(days=2)), sms(customer, cost_usd="0.5"))
    await eventually(customer.requests, 3)
    return customer


async def reprice(customer: Customer, *, dry_run: bool = False, days: int = 30, **more: object) -> Any:  # noqa: ANN401
    """The answer to repricing the last days."""
    first = str(TODAY - timedelta(days=days))
    asked = {
        "tenant_id": customer.id,
        "from": first,
        "to": str(TODAY + timedelta(days=1)),
        "dry_run": dry_run,
    }
    return await customer.api.operate("POST", "reprice", {**asked, **more})


async def totals(customer: Customer) -> set[tuple[Decimal | None, int]]:
    """What the views say of cost and of what is unpriced."""
    answers = [await customer.get(view) for view in VIEWS] + [await customer.get("summary")]
    assert {one["freshness"]["unpriced"] for one in answers} == {answers[0]["freshness"]["unpriced"]}
    return {(one["totals"]["cost_usd"], one["totals"]["unpriced_requests"]) for one in answers}


async def test_what_is_unpriced_is_priced_by_a_list_for_the_past(api: Api) -> None:
    """Dry, nothing changes; then all views and single events have it, and a record tells of it."""
    customer = await three_messages(api)
    assert await totals(customer) == {(Decimal("0.5"), 2)}
    await api.operate("POST", "prices", {"prices": [contract(customer)]})
    dry = await reprice(customer, dry_run=True)
    change = {
        "requests": 3, "before_usd": Decimal("0.5"), "after_usd": Decimal("0.56"),
        "delta_usd": Decimal("0.06"), "unpriced_before": 2, "unpriced_after": 0,
    }  # fmt: skip
    assert dry["totals"] == change
    assert dry["data"] == [{"primitive": "phone.sms", "provider": None, "model": None, **change}]
    assert (dry["id"], dry["state"], dry["exact"]) == (None, "dry-run", True)
    assert await totals(customer) == {(Decimal("0.5"), 2)}

    done = await reprice(customer, note="A contract from the start")
    assert (done["totals"], done["state"]) == (change, "done")
    assert [one["source"] for one in done["days"]] == ["segments"] * 2
    assert await totals(customer) == {(Decimal("0.56"), 0)}
    events = (await customer.get("events"))["data"]
    assert sorted(one["cost_usd"] for one in events) == [Decimal("0.03"), Decimal("0.03"), Decimal("0.5")]

    again = await reprice(customer)
    assert again["totals"]["delta_usd"] == 0
    records = (await api.operate("GET", f"reprices?tenant_id={customer.id}"))["data"]
    assert [one["id"] for one in records] == [again["id"], done["id"]]
    assert records[1] == {name: value for name, value in done.items() if name != "days"}
    assert (records[1]["by"], records[1]["note"]) == ("operator", "A contract from the start")


async def test_a_price_holds_from_its_first_day_to_its_last(api: Api) -> None:
    """Each event is priced by its own date; folded and sealed, it stays so."""
    customer = await three_messages(api)
    yesterday = str(TODAY - timedelta(days=1))
    until = contract(customer, valid_until=yesterday)
    await api.operate(
        "POST", "prices", {"prices": [until, contract(customer, unit_usd=1, valid_from=yesterday)]}
    )
    await reprice(customer)
    assert await totals(customer) == {(Decimal("3.53"), 0)}
    for timer in ("fold_days", "seal_days"):
        await api.run_timer(timer)
        assert await totals(customer) == {(Decimal("3.53"), 0)}


async def test_only_the_days_asked_for_are_repriced(api: Api) -> None:
    """The rest stays as it is, also in the same customer's other days."""
    customer = await three_messages(api)
    await api.operate("POST", "prices", {"prices": [contract(customer)]})
    day = str(TODAY - timedelta(days=2))
    asked = {"tenant_id": customer.id, "from": day, "to": day, "dry_run": False}
    done = await api.operate("POST", "reprice", asked)
    assert (done["totals"]["requests"], [one["day"] for one in done["days"]]) == (1, [day])
    assert await totals(customer) == {(Decimal("0.53"), 1)}


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"from": "2026-02-30"}, 400, "from"),
        ({"from": None}, 400, "from"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, 400, "to"),
        ({"from": "2001-01-01"}, 400, "from"),
        ({"dry_run": "yes"}, 400, "dry_run"),
        ({"dry_run": None}, 400, "dry_run"),
        ({"note": "x" * 300}, 400, "note"),
        ({"why": "x"}, 400, "why"),
        ({"tenant_id": "no-such-tenant"}, 404, None),
    ],
)
async def test_a_bad_request_is_named(
    api: Api, change: Mapping[str, object], status: int, field: str | None
) -> None:
    """Nothing is defaulted, least of all whether it is a dry run."""
    customer = await api.customer()
    day = str(date(2026, 3, 1))
    asked = {"tenant_id": customer.id, "from": day, "to": day, "dry_run": True, **change}
    answer = await api.refused(
        "POST", "reprice", {name: one for name, one in asked.items() if one is not None}
    )
    assert answer.status == status
    assert field is None or answer.fields == [field]


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "reprice"), ("GET", "reprices?tenant_id=a"), ("GET", "prices")]
)
async def test_prices_are_the_operators(api: Api, method: str, path: str) -> None:
    """A customer's key does not do."""
    customer = await api.customer()
    assert (await api.ask(method, f"operator/{path}", customer.key, body={})).status == 401


async def test_a_price_can_be_forgotten(api: Api) -> None:
    """Again too; what cannot be the id of a price is not found."""
    customer = await api.customer()
    (price_id,) = (await api.operate("POST", "prices", {"prices": [contract(customer)]}))["ids"]
    for _ in range(2):
        await api.operate("DELETE", f"prices/{price_id}")
        assert price_id not in {one["id"] for one in (await api.operate("GET", "prices"))["data"]}
    assert (await api.refused("DELETE", "prices/none")).status == 404
