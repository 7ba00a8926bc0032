"""The cache: what was found stays for a while, what was not is looked up again."""

import time

import pytest

from shared.cache import Cache, Kept


class Source:
    """What is cached: counts how often it is asked."""

    def __init__(self, **values: str) -> None:
        self.values, self.asked = values, 0

    async def load(self, key: str) -> str | None:
        """The value, if there is one."""
        self.asked += 1
        return self.values.get(key)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


async def test_a_value_is_asked_for_once_until_it_is_old(clock: list[float]) -> None:
    """After its seconds it is looked up again."""
    source = Source(a="1")
    kept = Cache(source.load, seconds=60)
    assert [await kept.get("a") for _ in range(3)] == ["1"] * 3
    assert source.asked == 1
    source.values["a"] = "2"
    clock[0] += 59.9
    assert await kept.get("a") == "1"
    clock[0] += 0.2
    assert await kept.get("a") == "2"


@pytest.mark.usefixtures("clock")
async def test_what_is_not_there_is_looked_up_each_time() -> None:
    """A new tenant is there at once."""
    source = Source()
    kept = Cache(source.load, seconds=60)
    assert await kept.get("a") is None
    source.values["a"] = "1"
    assert await kept.get("a") == "1"


async def test_what_is_gone_is_forgotten(clock: list[float]) -> None:
    """Once it is old."""
    source = Source(a="1")
    kept = Cache(source.load, seconds=60)
    await kept.get("a")
    del source.values["a"]
    clock[0] += 61
    assert await kept.get("a") is None


@pytest.mark.usefixtures("clock")
async def test_a_value_can_be_forgotten_by_hand() -> None:
    """After it was changed here."""
    source = Source(a="1")
    kept = Cache(source.load, seconds=60)
    await kept.get("a")
    source.values["a"] = "2"
    kept.forget("a")
    kept.forget("never there")
    assert await kept.get("a") == "2"


@pytest.mark.usefixtures("clock")
async def test_the_cache_is_bounded() -> None:
    """Memory does not grow with the number of keys."""
    source = Source(**{str(n): str(n) for n in range(100)})
    kept = Cache(source.load, seconds=60, most=10)
    for n in range(100):
        assert await kept.get(str(n)) == str(n)
    asked = source.asked
    assert sum([await kept.get(str(n)) == str(n) for n in range(100)]) == 100
    assert source.asked - asked >= 90


def test_what_was_used_last_is_kept() -> None:
    """When the room is full, what was not used for the longest time makes way."""
    kept = Kept[str, str](size=len, room=6)
    kept.put("a", "xx")
    kept.put("b", "xx")
    kept.put("c", "xx")
    assert kept.get("a") == "xx"
    kept.put("d", "xxx")
    assert [kept.get(key) for key in "abcd"] == ["xx", None, None, "xxx"]


def test_what_is_larger_than_the_room_is_not_kept() -> None:
    """It drives nothing else out."""
    kept = Kept[str, str](size=len, room=3)
    kept.put("a", "xx")
    kept.put("b", "xxxx")
    assert (kept.get("a"), kept.get("b")) == ("xx", None)


def test_what_is_put_again_takes_the_place_of_the_old() -> None:
    """Its room as well."""
    kept = Kept[str, str](size=len, room=4)
    kept.put("a", "xxx")
    kept.put("a", "yy")
    kept.put("b", "zz")
    assert (kept.get("a"), kept.get("b")) == ("yy", "zz")
    kept.put("a", "too long")
    assert (kept.get("a"), kept.get("b")) == (None, "zz")
