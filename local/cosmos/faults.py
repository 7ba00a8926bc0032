"""Faults on demand and the log of requests, for tests of what the product does then."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from local.cosmos.errors import CosmosError

READS = frozenset({"read", "query"})
WRITES = frozenset({"create", "upsert", "replace", "delete", "batch"})
_GROUPS = {"any": READS | WRITES, "write": WRITES} | {kind: {kind} for kind in READS | WRITES}

type When = Literal["before", "after", "lost"]


@dataclass(slots=True)
class Fault:
    """What happens to the operations that match.

    `when` says what becomes of the operation: `before`, it is not done and `status` is answered;
    `after`, it is done but `status` is answered; `lost`, it is done and the connection drops. A
    fault without status only delays. It passes over `skip` matching operations, then works `times`
    times (None: for ever); `fired` counts those.
    """

    operations: tuple[str, ...]
    container: str | None = None
    id_prefix: str | None = None
    status: int | None = None
    substatus: int = 0
    when: When = "before"
    delay_ms: int = 0
    retry_after_ms: int | None = None
    times: int | None = 1
    skip: int = 0
    fired: int = 0
    _kinds: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        unknown = [name for name in self.operations if name not in _GROUPS]
        if unknown or not self.operations or self.when not in ("before", "after", "lost"):
            raise ValueError(f"operations are {', '.join(sorted(_GROUPS))}, not {unknown}")
        self._kinds = frozenset().union(*(_GROUPS[name] for name in self.operations))

    def takes(self, kind: str, container: str, ids: list[str]) -> bool:
        """Whether the fault works on this operation; counts down `skip` and `times`."""
        if kind not in self._kinds or self.container not in (None, container):
            return False
        if self.id_prefix is not None and not any(id_.startswith(self.id_prefix) for id_ in ids):
            return False
        if self.times is not None and self.fired >= self.times:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.fired += 1
        return True

    def told(self) -> dict[str, Any]:
        """The fault as it was asked for, and how often it worked."""
        names = ("operations", "status", "when", "delay_ms", "fired")
        return {name: getattr(self, name) for name in names}

    def error(self) -> CosmosError:
        """The answer that the caller gets."""
        wait = self.retry_after_ms
        headers = {} if wait is None else {"x-ms-retry-after-ms": str(wait)}
        status = self.status or 500
        return CosmosError(status, "injected fault", substatus=self.substatus, headers=headers)


class Faults:
    """The faults in force, the first that matches wins, and a limit of request units a second."""

    def __init__(self) -> None:
        self._rules: list[Fault] = []
        self._limit: float | None = None
        self._budget = 0.0
        self._filled = 0.0

    def add(
        self,
        *operations: str,
        container: str | None = None,
        id_prefix: str | None = None,
        status: int | None = None,
        substatus: int = 0,
        when: When = "before",
        delay_ms: int = 0,
        retry_after_ms: int | None = None,
        times: int | None = 1,
        skip: int = 0,
    ) -> Fault:
        """Put a fault in force (see Fault) on read, query, create, …, batch, write or any."""
        fault = Fault(
            operations,
            container=container,
            id_prefix=id_prefix,
            status=status,
            substatus=substatus,
            when=when,
            delay_ms=delay_ms,
            retry_after_ms=retry_after_ms,
            times=times,
            skip=skip,
        )
        self._rules.append(fault)
        return fault

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._rules)

    def clear(self) -> None:
        """Remove every fault and the limit."""
        self._rules.clear()
        self._limit = None

    def limit(self, ru_per_second: float | None) -> None:
        """Answer 429 when more request units a second are spent; None for no limit."""
        self._limit = ru_per_second
        self._budget = ru_per_second or 0.0
        self._filled = time.monotonic()

    def match(self, kind: str, container: str, ids: list[str]) -> Fault | None:
        """The fault that works on this operation, if any."""
        return next((rule for rule in self._rules if rule.takes(kind, container, ids)), None)

    def admit(self) -> None:
        """CosmosError 429 when the request units of this moment are spent."""
        if self._limit is None:
            return
        now = time.monotonic()
        self._budget = min(self._limit, self._budget + (now - self._filled) * self._limit)
        self._filled = now
        if self._budget <= 0:
            wait = int(1 - self._budget / self._limit * 1000)
            headers = {"x-ms-retry-after-ms": str(wait)}
            raise CosmosError(429, "Request rate is large.", substatus=3200, headers=headers)

    def spend(self, charge: float) -> None:
        """Take what an operation cost; the budget may go below zero once."""
        self._budget -= charge

    @property
    def active(self) -> bool:
        """Whether any fault is in force."""
        return bool(self._rules)


@dataclass(frozen=True, slots=True)
class Entry:
    """A request as it was answered: sizes in bytes, charge in RU; status 0 is a lost answer."""

    kind: str
    container: str
    status: int
    charge: float
    request_bytes: int
    response_bytes: int


class Requests:
    """The latest requests (100,000 at most), so that tests can count operations, RU and bytes.

    Kinds are those of faults, and `metadata` for the account, databases and containers.
    """

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=100_000)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Log a request."""
        self._entries.append(entry)

    def clear(self) -> None:
        """Forget all requests."""
        self._entries.clear()

    def of(self, *operations: str) -> list[Entry]:
        """The requests of these kinds (`write` and `any` as in faults)."""
        kinds = {kind for name in operations for kind in _GROUPS.get(name, {name})}
        return [entry for entry in self._entries if entry.kind in kinds]

    def charge(self, *operations: str) -> float:
        """Request units of these kinds, by default of all item operations."""
        return round(sum(entry.charge for entry in self.of(*(operations or ("any",)))), 2)
