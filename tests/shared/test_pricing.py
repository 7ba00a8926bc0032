"""Prices: which one applies, and what it costs to the nano-dollar."""

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.catalogue import UNITS, Primitive
from shared.pricing import Price, PriceBook
from shared.rates import MAX_COST, CostOutOfRange, Rates

DAY = date(2026, 1, 15)
START = date(2025, 1, 1)


def chat_price(usd: str, **fields: object) -> Price:
    """A price of a million chat tokens, in and out."""
    given = {"valid_from": START, "input_usd": Decimal(usd), "output_usd": Decimal(usd)}
    return Price.model_validate({"primitive": "ai.chat", **given, **fields})


def sms_price(usd: str, valid_from: date, valid_until: date | None = None) -> Price:
    """A price of a message."""
    return Price(
        primitive="phone.sms",
        unit_usd=Decimal(usd),
        valid_from=valid_from,
        valid_until=valid_until,
    )


def nano(usd: Decimal) -> int:
    """USD in whole nano-dollars."""
    return int((usd * 10**9).quantize(Decimal(1), ROUND_HALF_EVEN))


# --- which price applies


SPECIFICITY = [
    {},
    {"provider": "anthropic"},
    {"model": "claude-sonnet-4-5"},
    {"model": "claude-sonnet-4-5", "provider": "anthropic"},
    {"tenant_id": "contoso"},
    {"tenant_id": "contoso", "provider": "anthropic"},
    {"tenant_id": "contoso", "model": "claude-sonnet-4-5"},
    {"tenant_id": "contoso", "model": "claude-sonnet-4-5", "provider": "anthropic"},
]


@pytest.mark.parametrize("count", range(1, len(SPECIFICITY) + 1))
@pytest.mark.parametrize("newer_general", [False, True])
def test_the_most_specific_price_applies(count: int, newer_general: bool) -> None:
    """A tenant's price goes before a list price, a model's before a provider's, however new."""
    prices = [
        chat_price(str(rank), **fields, valid_from=date(2025, 1, 28 - rank if newer_general else 1 + rank))
        for rank, fields in enumerate(SPECIFICITY[:count], start=1)
    ]
    for given_order in (prices, prices[::-1]):
        rates = PriceBook(given_order).rates("contoso", "ai.chat", "anthropic", "claude-sonnet-4-5", DAY)
        assert rates is not None
        assert rates.cost(1_000_000) == count * 10**9


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        ({"tenant_id": "contoso"}, ("fabrikam", "ai.chat", "anthropic", "m")),
        ({"provider": "anthropic"}, ("contoso", "ai.chat", "azure.ai.openai", "m")),
        ({"provider": "anthropic"}, ("contoso", "ai.chat", None, "m")),
        ({"model": "m"}, ("contoso", "ai.chat", "anthropic", "m-2")),
        ({"model": "m"}, ("contoso", "ai.chat", "anthropic", None)),
        ({}, ("contoso", "ai.embed", "anthropic", "m")),
        ({}, ("contoso", "phone.sms", None, None)),
    ],
)
def test_a_price_applies_to_nothing_else(
    scope: dict[str, str], asked: tuple[str, Primitive, str | None, str | None]
) -> None:
    """Another tenant, primitive, provider or model stays unpriced."""
    assert PriceBook([chat_price("1", **scope)]).rates(*asked, DAY) is None


def test_a_model_is_the_same_in_upper_and_lower_case() -> None:
    """Azure writes Mistral-Large where others write mistral-large: one price is enough."""
    book = PriceBook([chat_price("1", model="Mistral-Large")])
    assert book.rates("contoso", "ai.chat", None, "mistral-LARGE", DAY) is not None


@pytest.mark.parametrize(
    ("day", "usd"),
    [
        (date(2024, 12, 31), None),
        (date(2025, 1, 1), 1),
        (date(2025, 5, 31), 1),
        (date(2025, 6, 1), 2),
        (date(2025, 6, 30), 2),
        (date(2025, 7, 1), 1),
        (date(2025, 12, 31), 1),
        (date(2026, 1, 1), None),
    ],
)
def test_the_newest_valid_price_applies(day: date, usd: int | None) -> None:
    """A price applies from its first day until the day before its last bound, UTC."""
    book = PriceBook(
        [
            sms_price("2", date(2025, 6, 1), date(2025, 7, 1)),
            sms_price("1", date(2025, 1, 1), date(2026, 1, 1)),
        ]
    )
    rates = book.rates("contoso", "phone.sms", None, None, day)
    assert (None if rates is None else rates.cost(quantity=1000)) == (usd and usd * 10**9)


def test_an_ended_contract_leaves_the_list_price() -> None:
    """A more specific price that is not valid on the day does not hide one that is."""
    ended = chat_price("1", tenant_id="contoso", valid_until=date(2025, 2, 1))
    rates = PriceBook([ended, chat_price("5")]).rates("contoso", "ai.chat", None, None, DAY)
    assert rates is not None
    assert rates.cost(1_000_000) == 5 * 10**9


def test_our_price_goes_before_the_public_one() -> None:
    """Any price of ours hides the public list price of a model."""
    for prices, cost in ([], 150_000_000), ([chat_price("7")], 7 * 10**9):
        rates = PriceBook(prices).rates("contoso", "ai.chat", "azure.ai.openai", "gpt-4o-mini", DAY)
        assert rates is not None
        assert rates.cost(1_000_000) == cost


# --- prices as written


def test_prices_are_read_from_json_and_from_text() -> None:
    """A price survives being stored, as JSON or as text properties, to the last digit."""
    price = chat_price("0.0375", tenant_id="contoso", cache_read_usd=Decimal("0.000000001"))
    assert Price.model_validate_json(price.model_dump_json()) == price
    assert Price.model_validate_strings(price.model_dump(mode="json", exclude_none=True)) == price


@pytest.mark.parametrize(
    ("primitive", "fields", "fault"),
    [
        ("ai.chat", {"input_usd": 1}, "output_usd: ai.chat needs it"),
        ("ai.chat", {"output_usd": 1}, "input_usd: ai.chat needs it"),
        ("ai.chat", {"input_usd": 1, "output_usd": 1, "unit_usd": 1}, "unit_usd: ai.chat has none"),
        ("ai.embed", {}, "input_usd: ai.embed needs it"),
        ("ai.embed", {"input_usd": 1, "output_usd": 1}, "output_usd: ai.embed has none"),
        ("phone.sms", {}, "unit_usd: phone.sms needs it"),
        ("phone.sms", {"unit_usd": 1, "cache_read_usd": 1}, "cache_read_usd: phone.sms has none"),
        ("phone.sms", {"unit_usd": 1, "valid_until": START}, "valid_until: must be after"),
        ("phone.sms", {"unit_usd": -1}, "unit_usd\n"),
        ("phone.sms", {"unit_usd": "NaN"}, "unit_usd\n"),
        ("phone.sms", {"unit_usd": "0.0000000001"}, "unit_usd\n"),
        ("phone.sms", {"unit_usd": 1, "valid_from": datetime(2025, 1, 1, tzinfo=UTC)}, "valid_from\n"),
        ("phone.sms", {"unit_usd": 1, "currency": "EUR"}, "currency\n"),
    ],
)
def test_a_wrong_price_names_its_field(primitive: str, fields: dict[str, object], fault: str) -> None:
    """A price that cannot be meant is refused, and the message names the field at fault."""
    prices = {name: Decimal(str(value)) if name.endswith("_usd") else value for name, value in fields.items()}
    with pytest.raises(ValidationError, match=fault):
        Price.model_validate({"primitive": primitive, "valid_from": START, **prices})


@pytest.mark.parametrize(
    "primitive", [name for name in UNITS if not name.startswith(("ai.chat", "ai.embed"))]
)
def test_units_are_priced_by_the_thousandth(primitive: Primitive) -> None:
    """One and a half units of anything but tokens cost one and a half times its price."""
    price = Price(primitive=primitive, unit_usd=Decimal("0.013"), valid_from=START)
    rates = PriceBook([price]).rates("contoso", primitive, None, None, DAY)
    assert rates is not None
    assert rates.cost(quantity=1500) == 19_500_000


# --- what it costs


@pytest.mark.parametrize(
    ("quantity", "cost"), [(0, 0), (499, 0), (500, 0), (501, 1), (1500, 2), (2500, 2), (3500, 4)]
)
def test_a_half_is_rounded_to_even(quantity: int, cost: int) -> None:
    """A cost is rounded once to whole nano-dollars, a half to the even one."""
    assert Rates.of_units(Decimal("0.000000001")).cost(quantity=quantity) == cost


def test_cached_tokens_are_charged_at_their_own_rate_instead() -> None:
    """Cached tokens are part of the input: each token is charged once."""
    price = chat_price("10", cache_read_usd=Decimal(1), cache_creation_usd=Decimal(12))
    assert price.rates().cost(1000, 100, 600, 300) == 1000 * (100 * 10 + 100 * 10 + 600 + 300 * 12)


def test_cached_tokens_cost_as_input_by_default() -> None:
    """Where a price names no rate of cached tokens, caching changes nothing."""
    rates = chat_price("10").rates()
    assert rates.cost(1000, 0, 600, 300) == rates.cost(1000) == 10_000_000


@pytest.mark.parametrize("over", [0, 1])
def test_a_cost_out_of_range_is_refused(over: int) -> None:
    """10,000 USD an event is accepted, a nano-dollar more is an error that says so."""
    rates = Rates.of_units(Decimal("0.000001"))
    if over:
        with pytest.raises(CostOutOfRange, match="cost_usd"):
            rates.cost(quantity=MAX_COST + 1)
    else:
        assert rates.cost(quantity=MAX_COST) == MAX_COST


@given(
    prices=st.lists(st.decimals(0, 10_000, places=9), min_size=4, max_size=4),
    counts=st.lists(st.integers(0, 50_000), min_size=4, max_size=4),
)
def test_a_cost_is_exact(prices: list[Decimal], counts: list[int]) -> None:
    """For any prices and counts the cost is the exact sum, rounded once."""
    uncached, output, read, creation = counts
    input_usd, output_usd, read_usd, creation_usd = prices
    rates = Rates.of_tokens(
        input_usd=input_usd,
        output_usd=output_usd,
        cache_read_usd=read_usd,
        cache_creation_usd=creation_usd,
    )
    exact = sum(
        usd * count
        for usd, count in zip((input_usd, output_usd, read_usd, creation_usd), counts, strict=True)
    )
    assert rates.cost(uncached + read + creation, output, read, creation) == nano(Decimal(exact) / 10**6)


def test_a_lookup_is_made_once() -> None:
    """The catalogue is asked once for each model and day, whatever the number of events."""
    asked: list[str] = []

    def catalogue(_primitive: Primitive, _provider: str, model: str, _day: date) -> None:
        asked.append(model)

    book = PriceBook(catalogue=catalogue)
    for model in ("a", "b", "a", "b"):
        assert book.rates("contoso", "ai.chat", "anthropic", model, DAY) is None
    assert asked == ["a", "b"]


def test_of_two_prices_alike_the_last_given_applies() -> None:
    """Two prices of the same scope and first day are no error: the later one in order applies."""
    rates = PriceBook([chat_price("1"), chat_price("2")]).rates("t", "ai.chat", None, None, DAY)
    assert rates is not None
    assert rates.cost(1_000_000) == 2 * 10**9


def test_importing_prices_is_cheap() -> None:
    """The package of public prices is loaded by the first lookup, not by the import."""
    code = "import sys, shared.pricing; sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603
