"""Small caches in memory: for what changes rarely, and for what never does but takes long to work out."""

import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field


class Cache[K: Hashable, V]:
    """Keeps what was found for `seconds`; what was not found (None) is looked up again each time."""

    def __init__(self, load: Callable[[K], Awaitable[V | None]], seconds: float, most: int = 10_000) -> None:
        self._load, self._seconds, self._most = load, seconds, most
        self._found: dict[K, tuple[float, V]] = {}

    async def get(self, key: K) -> V | None:
        """The value as it is or was a moment ago."""
        kept = self._found.get(key)
        if kept and kept[0] > time.monotonic():
            return kept[1]
        value = await self._load(key)
        if value is None:
            self._found.pop(key, None)
            return None
        if len(self._found) >= self._most:
            self._found.clear()
        self._found[key] = (time.monotonic() + self._seconds, value)
        return value

    def forget(self, key: K) -> None:
        """Makes the next `get` look again."""
        self._found.pop(key, None)


@dataclass(slots=True)
class Kept[K: Hashable, V]:
    """Keeps what was put last under each key, as long as there is room: what was used last stays.

    `size` says how much of the room a value takes.
    """

    size: Callable[[V], int]
    room: int
    _found: dict[K, V] = field(default_factory=dict)
    _used: int = 0

    def get(self, key: K) -> V | None:
        """The value, if it is still there."""
        value = self._found.pop(key, None)
        if value is not None:
            self._found[key] = value
        return value

    def put(self, key: K, value: V) -> None:
        """Keeps the value in place of those that were not used for the longest time."""
        if key in self._found:
            self._used -= self.size(self._found.pop(key))
        if self.size(value) > self.room:
            return
        self._found[key] = value
        self._used += self.size(value)
        while self._used > self.room:
            oldest = next(iter(self._found))
            self._used -= self.size(self._found.pop(oldest))
