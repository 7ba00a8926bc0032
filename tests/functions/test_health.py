"""Liveness and readiness, as whoever watches the service sees them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from functions.health import KEPT, LATE, Readiness, check
from local.azurite import Azurite
from local.cosmos import LocalCosmos
from local.provision import provision
from local.stack import OPERATOR_KEY
from shared.config import Settings, read_settings
from shared.services import Services, build
from tests.stack import Api

OK = {"cosmos": "ok", "tables": "ok", "sealing": "ok"}


@pytest.fixture
async def endpoint() -> AsyncIterator[LocalCosmos]:
    """A Cosmos endpoint that can be closed."""
    async with LocalCosmos() as cosmos:
        yield cosmos


@pytest.fixture
def tenant_id() -> str:
    """A tenant of this test alone."""
    return f"tenant-{uuid4().hex[:12]}"


@pytest.fixture
async def built(azurite: Azurite, endpoint: LocalCosmos) -> AsyncIterator[Services]:
    """The service's stores."""
    await provision(azurite.connection_string, endpoint.url, endpoint.key)
    services = build(settings(azurite.connection_string, endpoint))
    yield services
    await services.close()


async def test_a_service_with_its_stores_is_ready(api: Api) -> None:
    """It says so to anybody, with every part and how old the oldest mark is."""
    answer = await api.ask("GET", "health/ready")
    assert (answer.status, answer.json["status"], answer.json["parts"]) == (200, "ready", OK)
    assert 0 <= answer.json["lag_seconds"] < LATE.total_seconds()


async def test_an_unreachable_store_is_named(built: Services, endpoint: LocalCosmos) -> None:
    """The part is named; nothing of what went wrong inside is."""
    endpoint.faults.add("read", status=401, times=None)
    answer = await check(built.stores, datetime.now(UTC))
    assert (answer["status"], answer["parts"]) == ("not ready", {**OK, "cosmos": "unreachable"})


async def test_a_store_that_does_not_answer_in_time_is_unreachable(
    built: Services, endpoint: LocalCosmos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller waits for the timeout and no longer."""
    monkeypatch.setattr("functions.health.TIMEOUT", 0.2)
    endpoint.faults.add("read", delay_ms=2_000)
    async with asyncio.timeout(1.9):
        assert (await check(built.stores, datetime.now(UTC)))["parts"]["cosmos"] == "unreachable"


async def test_without_tables_there_is_no_lag_to_tell(azurite: Azurite, endpoint: LocalCosmos) -> None:
    """The lag is unknown, not zero."""
    await provision(azurite.connection_string, endpoint.url, endpoint.key)
    services = build(settings(azurite.connection_string.replace("AccountKey=", "AccountKey=AAAA"), endpoint))
    answer = await check(services.stores, datetime.now(UTC))
    await services.close()
    assert answer["parts"] == {**OK, "tables": "unreachable"}
    assert answer["lag_seconds"] is None


async def test_a_day_that_is_never_sealed_makes_it_late(built: Services, tenant_id: str) -> None:
    """Its mark tells for how long; while the day may still run, nothing is late."""
    await built.stores.marks.mark(tenant_id, datetime.now(UTC).date())
    later = datetime.now(UTC) + LATE + timedelta(minutes=1)
    answer = await check(built.stores, later)
    assert (answer["status"], answer["parts"]) == ("not ready", {**OK, "sealing": "late"})
    assert (answer["lag_seconds"] or 0) > LATE.total_seconds()
    assert (await check(built.stores, later - timedelta(hours=4)))["parts"]["sealing"] == "ok"


async def test_however_many_ask_the_stores_are_asked_once(built: Services, endpoint: LocalCosmos) -> None:
    """A hundred requests at a time cost one read; the answer stands for some seconds."""
    readiness = Readiness()
    before = reads(endpoint)
    answers = await asyncio.gather(*(readiness.get(built.stores) for _ in range(100)))
    assert reads(endpoint) == before + 1
    assert all(answer is answers[0] for answer in answers)
    assert KEPT >= 5


async def test_readiness_tells_no_secret(api: Api) -> None:
    """No address, key or exception is in the answer, whoever asks."""
    for key in (None, OPERATOR_KEY):
        said = (await api.ask("GET", "health/ready", key)).json
        assert said.keys() == {"status", "parts", "lag_seconds"}
        assert set(said["parts"].values()) == {"ok"}


def settings(storage: str, endpoint: LocalCosmos) -> Settings:
    """Settings of these stores."""
    return read_settings(
        {
            "USAGE_STORAGE": storage,
            "COSMOS_ENDPOINT": endpoint.url,
            "COSMOS_KEY": endpoint.key,
            "OPERATOR_KEY_SHA256": "0" * 64,
        }
    )


def reads(endpoint: LocalCosmos) -> int:
    """How many documents have been asked for."""
    return sum(entry.kind == "read" for entry in endpoint.requests)
