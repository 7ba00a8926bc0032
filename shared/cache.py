"""A small cache in memory for what changes rarely and is read on every request."""

import time
from collections.abc import Awaitable, Callable, Hashable


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
