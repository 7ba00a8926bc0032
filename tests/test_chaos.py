"""Chaos in small: `make chaos` is the same with 50,000 events."""

from tests.chaos.run import run


async def test_nothing_is_lost_under_fire() -> None:
    """Hosts, Cosmos and Azurite fail in every way while a thousand events come in: all is equal."""
    done = await run(seed=7, events=1_000, tenants=4, seconds=6.0, pace=0.8)
    assert not done.wrong
