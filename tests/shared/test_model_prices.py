"""Public list prices of models: what the package charges, to the nano-dollar."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice, TieredPrices, TimeOfDateConstraint
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.catalogue import Primitive
from shared.event import MAX_TOKENS
from shared.model_prices import model_rates
from shared.pricing import PriceBook
from shared.rates import CostOutOfRange, Rates

DAY = date(2026, 1, 15)


def nano(usd: Decimal) -> int:
    """USD in whole nano-dollars."""
    return int((usd * 10**9).quantize(Decimal(1), ROUND_HALF_EVEN))


@cache
def models() -> list[tuple[str, str]]:
    """All (provider, model) of the package that are found under their own names."""
    return [(provider.id, model.id) for provider in get_snapshot().providers for model in provider.models]


def found(provider: str, model: str, day: date, usage: Usage) -> tuple[Decimal, ModelPrice] | None:
    """What the package itself charges at noon, and its prices."""
    noon = datetime.combine(day, time(12), UTC)
    try:
        answer = calc_price(usage, model, provider_id=provider, genai_request_timestamp=noon)
    except LookupError:
        return None
    return answer.total_price, answer.model_price


@st.composite
def usages(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Input, output, cache read and cache creation tokens, often near a price tier."""
    near = st.sampled_from([32_000, 100_000, 128_000, 199_999, 200_000, 256_000, 272_000, 512_000])
    tokens = st.one_of(st.integers(0, 2_000_000), st.builds(int.__add__, near, st.integers(-1, 1)))
    input_tokens = draw(tokens)
    read = draw(st.integers(0, input_tokens))
    creation = draw(st.integers(0, input_tokens - read))
    return input_tokens, draw(st.integers(0, 200_000)), read, creation


@settings(max_examples=1000)
@given(data=st.data(), day=st.dates(date(2023, 1, 1), date(2028, 1, 1)), usage=usages())
def test_a_model_costs_what_the_package_says(
    data: st.DataObject, day: date, usage: tuple[int, int, int, int]
) -> None:
    """Every priced model, day and mix of tokens costs the same as calc_price at noon."""
    provider, model = data.draw(st.sampled_from(models()))
    rates = model_rates("ai.chat", provider, model, day)
    if rates is not None:
        assert rates.cost(*usage) == charged(provider, model, day, usage)


def tiered() -> Iterator[tuple[str, str]]:
    """Models whose price depends on the context length."""
    for provider, model in models():
        answer = found(provider, model, DAY, Usage())
        if answer and any(isinstance(price, TieredPrices) for price in vars(answer[1]).values()):
            yield provider, model


def charged(provider: str, model: str, day: date, usage: tuple[int, int, int, int]) -> int:
    """The package's charge in nano-dollars."""
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    answer = found(provider, model, day, Usage(**dict(zip(names, usage, strict=True))))
    assert answer is not None
    return nano(answer[0])


def test_tiers_are_those_of_the_package() -> None:
    """On both sides of every tier's start, each tiered model costs what the package says."""
    checked = 0
    for provider, model in tiered():
        rates: Rates | None = model_rates("ai.chat", provider, model, DAY)
        tier = rates
        while rates is not None and tier is not None and tier.longer is not None:
            for input_tokens in (tier.limit, tier.limit + 1):
                usage = (input_tokens, 1000, input_tokens // 3, input_tokens // 5)
                assert rates.cost(*usage) == charged(provider, model, DAY, usage), (provider, model)
                checked += 1
            tier = tier.longer
    assert checked > 100


@pytest.mark.parametrize("tokens", [200_000, 200_001])
def test_a_long_context_raises_the_price_of_all_its_tokens(tokens: int) -> None:
    """Claude Sonnet 4.5 costs 3 USD a million up to 200,000 input tokens, and 6 beyond."""
    rates = model_rates("ai.chat", "anthropic", "claude-sonnet-4-5", DAY)
    assert rates is not None
    assert rates.cost(tokens) == tokens * (3000 if tokens == 200_000 else 6000)


def test_a_known_model_is_unpriced_only_where_a_count_has_no_price() -> None:
    """Of all models only those without a price of input or output tokens are unpriced in chat."""
    for provider, model in models():
        answer = found(provider, model, DAY, Usage())
        if answer is None:
            continue
        named = {name for name, price in vars(answer[1]).items() if price is not None}
        expected = {"input_mtok", "output_mtok"} <= named
        assert (model_rates("ai.chat", provider, model, DAY) is not None) == expected, (provider, model)


def test_only_deepseek_prices_depend_on_the_hour() -> None:
    """A day has one price, that of its noon, which differs from other hours for DeepSeek only."""
    hourly = {
        provider.id
        for provider in get_snapshot().providers
        for model in provider.models
        if not isinstance(model.prices, ModelPrice)
        and any(isinstance(price.constraint, TimeOfDateConstraint) for price in model.prices)
    }
    assert hourly == {"deepseek"}


@pytest.mark.parametrize(
    ("provider", "model", "cost"),
    [
        ("azure.ai.openai", "gpt-4o-mini", 150_000_000),
        ("azure.ai.inference", "gpt-4o-mini", 150_000_000),
        ("azure.ai.openai", "phi-4", 125_000_000),  # Azure only, so not priced as OpenAI's
        ("azure.ai.inference", "Mistral-large", 2_000_000_000),
        ("anthropic", "claude-haiku-4-5-20251001", 1_000_000_000),
        ("openai", "gpt-4.1", 2_000_000_000),
        ("aws.bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0", 1_100_000_000),
        ("gcp.gemini", "gemini-2.5-flash", 300_000_000),
        ("gcp.vertex_ai", "gemini-2.5-flash", 300_000_000),
        ("gcp.gen_ai", "gemini-2.5-flash", 300_000_000),
        ("mistral_ai", "mistral-large-latest", 2_000_000_000),
        ("cohere", "command-r", 150_000_000),
        ("deepseek", "deepseek-chat", 270_000_000),
        ("x_ai", "grok-3", 3_000_000_000),
        ("groq", "llama-3.3-70b-versatile", 590_000_000),
        ("perplexity", "sonar", 1_012_000_000),  # 12 USD for a thousand requests
    ],
)
def test_providers_by_their_opentelemetry_names(provider: str, model: str, cost: int) -> None:
    """A million input tokens cost the provider's price under its OpenTelemetry name."""
    rates = PriceBook().rates("contoso", "ai.chat", provider, model, date(2025, 12, 1))
    assert rates is not None
    assert rates.cost(1_000_000) == cost


def test_embeddings_are_priced_by_their_input_tokens() -> None:
    """An embedding model needs no price of output, and the number of embeddings is free."""
    rates = PriceBook().rates("contoso", "ai.embed", "azure.ai.openai", "text-embedding-3-small", DAY)
    assert rates is not None
    assert rates.cost(1_000_000, quantity=5000) == 20_000_000


@pytest.mark.parametrize(
    ("primitive", "provider", "model"),
    [
        ("ai.chat", "azure.ai.openai", "our-deployment"),
        ("ai.chat", "a-new-provider", "gpt-4o-mini"),
        ("ai.chat", None, "gpt-4o-mini"),
        ("ai.chat", "azure.ai.openai", None),
        ("ai.chat", "azure.ai.openai", "text-embedding-3-small"),  # has no price of output
        ("ai.chat", "openai", "whisper-1"),  # by the hour, not the token
        ("ai.image", "openai", "gpt-image-1"),
        ("phone.sms", None, None),
    ],
)
def test_unknown_is_unpriced(primitive: Primitive, provider: str | None, model: str | None) -> None:
    """What no price is known of has no rates, rather than a cost of zero."""
    assert PriceBook().rates("contoso", primitive, provider, model, DAY) is None


def test_a_dated_price_changes_on_its_day() -> None:
    """A model's public price is that of the day of the event, not of today."""
    before, after = (
        model_rates("ai.chat", "deepseek", "deepseek-v4-pro", day)
        for day in (date(2026, 8, 16), date(2026, 8, 17))
    )
    assert before is not None
    assert after is not None
    assert (before.cost(1_000_000), after.cost(1_000_000)) == (435_000_000, 660_000_000)


def test_any_event_of_a_known_model_has_a_cost_or_a_named_error() -> None:
    """The largest event that is accepted either has a cost or raises CostOutOfRange."""
    rates = model_rates("ai.chat", "openai", "o1-pro", DAY)
    assert rates is not None
    with pytest.raises(CostOutOfRange):
        rates.cost(MAX_TOKENS, MAX_TOKENS)
