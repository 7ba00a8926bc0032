"""Fixtures of the tests of the domain."""

from types import SimpleNamespace

import pytest

from shared import reading
from tests.fakes import NOW
from tests.shared.shop import Shop


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose reader goes by the clock of its cloud."""
    shop = Shop()
    clock = SimpleNamespace(monotonic=lambda: (shop.cloud.now - NOW).total_seconds())
    monkeypatch.setattr(reading, "time", clock)
    return shop
