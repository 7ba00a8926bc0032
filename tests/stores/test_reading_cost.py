"""What reading a view costs, in bytes and request units: it follows the answer, not the traffic."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice, product

import numpy as np
import pytest
import pytest_asyncio

from local.azurite import Azurite
from local.cosmos import LocalCosmos
from local.provision import provision
from shared.catalogue import FEATURES, PROVIDER_NAMES, UNITS
from shared.columns import DIMENSIONS, LAST_USED, MEASURES, USER
from shared.config import read_settings
from shared.cube import Cube, Dimension
from shared.days import month_of, preset
from shared.months import build_month
from shared.ports import Stores
from shared.query import ViewQuery
from shared.rollup import Rollup, save
from shared.services import build
from shared.table import Question, list_view
from shared.tenants import Tenant
from shared.views import VIEWS
from tests.fakes import Cloud

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TENANT = Tenant(id="large", name="A million events a day")
ROWS = 304  # combinations of a day, as measured for a tenant of two million events a day
MAX_BYTES, MAX_CHARGE = 1_000_000, 150


def day_cube(number: int, rows: int = ROWS) -> Cube:
    """A day of a large tenant: many combinations, each with thousands of requests."""
    models = [f"model-{n}" for n in range(10)]
    combinations = list(islice(product(FEATURES, PROVIDER_NAMES, models, UNITS), 0, None, 21))[:rows]
    columns: list[list[str]] = [
        ["u"] * rows,
        [one[0] for one in combinations],
        [FEATURES[one[0]] for one in combinations],
        *([one[part] for one in combinations] for part in (1, 2, 3)),
    ]
    random = np.random.default_rng(number)
    measures = {name: random.integers(10**3, 10**7, rows) for name in MEASURES}
    measures["cost"] = random.integers(10**9, 10**13, rows)
    measures[LAST_USED] = random.integers(1_790_000_000_000, 1_795_000_000_000, rows)
    return Cube(
        rows,
        {name: dimension(column) for name, column in zip((USER, *DIMENSIONS), columns, strict=True)},
        measures,
    )


def dimension(column: list[str]) -> Dimension:
    """A dictionary-encoded column."""
    values = list(dict.fromkeys(column))
    return Dimension(values, np.array([values.index(value) for value in column], dtype=np.int64))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def year(azurite: Azurite) -> AsyncIterator[tuple[LocalCosmos, Stores]]:
    """Twelve months of the tenant, sealed and merged."""
    async with LocalCosmos() as cosmos:
        await provision(azurite.connection_string, cosmos.url, cosmos.key)
        services = build(
            read_settings(
                {
                    "USAGE_STORAGE": azurite.connection_string,
                    "COSMOS_ENDPOINT": cosmos.url,
                    "COSMOS_KEY": cosmos.key,
                    "OPERATOR_KEY_SHA256": "0" * 64,
                }
            )
        )
        stores = replace(Cloud(tenants={TENANT.id: TENANT}).stores(), usage=services.stores.usage)
        await fill(stores)
        yield cosmos, stores
        await services.close()


async def fill(stores: Stores) -> None:
    """Stores the year."""
    year = preset("12m", NOW.date())
    for number, day in enumerate(year):
        state = Rollup(day, version=1, writer="w", sealed=True)
        assert await save(stores.usage, TENANT.id, state, day_cube(number))
    for month in {month_of(day) for day in year}:
        if month.last < NOW.date():
            await stores.marks.mark_month(TENANT.id, month.first)
    for mark in await stores.marks.months():
        assert await build_month(stores, mark)


@pytest.mark.parametrize("period", ["30d", "12m"])
@pytest.mark.parametrize("name", [name for name, view in VIEWS.items() if USER not in view.dimensions])
async def test_a_view_without_users_reads_little(
    year: tuple[LocalCosmos, Stores], name: str, period: str
) -> None:
    """A million events a day, thirty days or twelve months: under 1 MB and under 150 request units."""
    cosmos, stores = year
    cosmos.requests.clear()
    question = Question(TENANT, preset(period, NOW.date()), NOW)
    answer = await list_view(stores, name, question, ViewQuery())
    assert answer["totals"]["requests"] > 10**9
    read = list(cosmos.requests)
    assert sum(one.response_bytes for one in read) < MAX_BYTES
    assert sum(one.charge for one in read) < MAX_CHARGE
    assert len(read) <= 6
