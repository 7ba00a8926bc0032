"""The cost rows of a period in the columns of FOCUS 1.2, the FinOps Open Cost and Usage Specification.

One row a (day, feature, product, provider, model, primitive); columns of our own begin with `x_`.
All Mandatory and Recommended columns of the specification are there but for those of invoices and
availability zones, and of the Conditional ones those that apply. Its four costs are one and the same
here: usage is charged at the price that applies, without commitments, and the price it would have
had on another list is not kept.

The specification wants a number in each cost. A row of which no request has a known price leaves them
empty all the same, as `cost_usd` is null in the JSON: 0 would tell a bill that the usage was free.
`x_UnpricedRequests` counts the requests that the costs of a row lack; where it is 0 the row conforms.

Source: https://focus.finops.org/focus-specification/v1-2/
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta

import orjson

from shared.catalogue import PRODUCT_NAMES, PROVIDER_NAMES, UNITS
from shared.columns import DAY, MEASURES, Value
from shared.cube import Cube
from shared.days import billing_month, start_of
from shared.export import Sheet, check_rows
from shared.figures import cost, keys
from shared.money import units
from shared.ports import Stores
from shared.query import FilterQuery
from shared.reading import read
from shared.table import Question
from shared.tenants import Tenant

PLATFORM = "The One"  # who sells and invoices; what is resold is published by the model's provider
PRICED_BY_TOKEN = ("ai.chat", "ai.embed")
BY = ("feature", "product", "provider", "model", "primitive")
GENERATIVE = ("ai.chat", "ai.embed", "ai.image")

type Record = dict[str, object]
type Names = Mapping[str, Value]
type Measures = Mapping[str, int]


async def focus_sheet(stores: Stores, question: Question, query: FilterQuery) -> Sheet:
    """The rows of the period by day, feature, product, provider, model and primitive, in this order.

    Raises InvalidInput for more of them than a file may have.
    """
    tenant, filters = question.tenant, query.filters()
    reading = await read(stores, tenant.id, question.period, (DAY, *BY, *filters))
    cube = reading.filter(filters).cube.group_by(DAY, *BY)
    check_rows(cube.rows)
    return Sheet(COLUMNS, (list(record.values()) for record in _records(tenant, cube)))


def _records(tenant: Tenant, cube: Cube) -> Iterator[Record]:
    names = (DAY, *BY)
    found, whose = keys(cube, names), _account(tenant)
    measures = {name: column.tolist() for name, column in cube.measures.items()}
    periods = {day: _periods(tenant, date.fromisoformat(day)) for day in {str(key[0]) for key in found}}
    for row in sorted(range(cube.rows), key=lambda row: tuple(part or "" for part in found[row])):
        key = dict(zip(names, found[row], strict=True))
        numbers = {name: column[row] for name, column in measures.items()}
        yield whose | periods[str(key[DAY])] | _record(key, numbers)


def _record(key: Names, measures: Measures) -> Record:
    return _costs(measures) | _charge(key) | _quantities(key, measures) | _own(key, measures)


def _account(tenant: Tenant) -> Record:
    """The tenant is both who is billed and whose usage it is."""
    return {
        "BillingAccountId": tenant.id,
        "BillingAccountName": tenant.name,
        "SubAccountId": tenant.id,
        "SubAccountName": tenant.name,
        "ProviderName": PLATFORM,
        "InvoiceIssuerName": PLATFORM,
    }


def _periods(tenant: Tenant, day: date) -> Record:
    """The tenant's day and the billing period that holds it, as instants; their ends are not part of them."""
    billing = billing_month(day, tenant.billing_day)

    def instant(start: date) -> str:
        return _utc(start_of(start, tenant.zone))

    return {
        "BillingPeriodStart": instant(billing.first),
        "BillingPeriodEnd": instant(billing.last + timedelta(days=1)),
        "ChargePeriodStart": instant(day),
        "ChargePeriodEnd": instant(day + timedelta(days=1)),
    }


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _costs(measures: Measures) -> Record:
    usd = cost(measures)
    names = ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")
    return {**dict.fromkeys(names, usd), "BillingCurrency": "USD"}


def _charge(key: Names) -> Record:
    feature, product, provider, model, primitive = (key[name] or "" for name in BY)
    described = f"{primitive} with {model}" if model else primitive
    tags = {"the-one/feature": feature, "the-one/product": product}
    return {
        "ChargeCategory": "Usage",
        "ChargeClass": None,
        "ChargeDescription": f"{described} for {feature} of {PRODUCT_NAMES.get(product, product)}",
        "ChargeFrequency": "Usage-Based",
        "PublisherName": PROVIDER_NAMES.get(provider, provider) or PLATFORM,
        "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": _subcategory(primitive),
        "ServiceName": primitive,
        "ResourceId": feature,
        "ResourceName": feature,
        "ResourceType": "Feature",
        "RegionId": None,
        "RegionName": None,
        "SkuId": "/".join(filter(None, (primitive, provider, model))),
        "Tags": orjson.dumps(tags).decode(),
    }


def _subcategory(primitive: str) -> str:
    return "Generative AI" if primitive in GENERATIVE else "Other (AI and Machine Learning)"


def _quantities(key: Names, measures: Measures) -> Record:
    """What was used, and what the price is by: of embeddings that is the token."""
    primitive = key["primitive"] or ""
    used, unit = units(measures["quantity"]), UNITS[primitive].title()
    by_token = primitive in PRICED_BY_TOKEN
    return {
        "ConsumedQuantity": used,
        "ConsumedUnit": unit,
        "PricingQuantity": measures["input_tokens"] + measures["output_tokens"] if by_token else used,
        "PricingUnit": "Tokens" if by_token else unit,
    }


def _own(key: Names, measures: Measures) -> Record:
    return {
        "x_Day": key[DAY],
        "x_Feature": key["feature"],
        "x_Product": key["product"],
        "x_Provider": key["provider"],
        "x_Model": key["model"],
        "x_Primitive": key["primitive"],
        "x_Requests": measures["requests"],
        "x_UnpricedRequests": measures["unpriced"],
        "x_InputTokens": measures["input_tokens"],
        "x_OutputTokens": measures["output_tokens"],
        "x_CacheReadInputTokens": measures["cache_read_input_tokens"],
        "x_CacheCreationInputTokens": measures["cache_creation_input_tokens"],
        "x_ReasoningOutputTokens": measures["reasoning_output_tokens"],
    }


def _columns() -> list[str]:
    """Those of a row; an empty sheet has them too."""
    key = dict.fromkeys((DAY, *BY), "ai.chat")
    anyone = Tenant(id="a", name="A")
    return list(
        _account(anyone) | _periods(anyone, date(2026, 1, 1)) | _record(key, dict.fromkeys(MEASURES, 0))
    )


COLUMNS = _columns()
