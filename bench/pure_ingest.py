"""The pure part of ingest, from message bytes to segment JSON, beside `orjson.loads` of the same bytes."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import orjson

from bench.report import table, text
from local import demo
from shared.ingest import by_day, claim_key
from shared.message import Batch, read_batch
from shared.pricing import PriceBook
from shared.segment import make_segment
from shared.sorting import Group
from shared.tenants import Tenant

SIZES = (1, 10, 100, 1_000)
ROUNDS = 200
GOAL = 4  # times the floor
STEPS = ("read", "sort", "store", "claim")


@dataclass(frozen=True, slots=True)
class Row:
    """CPU seconds a message of `events` events; of each step, of all of them, and beside them."""

    events: int
    loads: float  # orjson.loads of the same bytes: the floor
    read: float  # decoding and validation
    sort: float  # prices and tenant-days
    store: float  # segments in columns, and their JSON
    whole: float  # all three
    claim: float  # the keys for the table of claims: of the store, and no part of the whole

    @property
    def ratio(self) -> float:
        """How many times the floor the whole costs."""
        return self.whole / self.loads


class Message:
    """A message of the demo's events, sent within a minute, and the steps on its way."""

    def __init__(self, events: list[demo.Event], now: datetime) -> None:
        moments = (now - timedelta(minutes=n / len(events)) for n in range(len(events), 0, -1))
        sent = [
            event | {"time": moment.isoformat(timespec="milliseconds")}
            for event, moment in zip(events, moments, strict=True)
        ]
        self.body = orjson.dumps({"events": sent})
        self.tenants = {demo.TENANT_ID: Tenant(id=demo.TENANT_ID, name="Contoso", time_zone=demo.TIME_ZONE)}
        self.prices = PriceBook()
        self.now = now

    def read(self) -> Batch:
        """The events of the bytes."""
        return read_batch(self.body)

    def sort(self, batch: Batch) -> list[Group]:
        """The priced events by tenant-day."""
        groups, _ = by_day(batch, self.tenants, self.prices, self.now)
        return [*groups.values()]

    def store(self, batch: Batch, groups: list[Group]) -> list[bytes]:
        """The bytes of the segments."""
        return [
            orjson.dumps(make_segment(group.tenant.id, group.day, batch.id, group.events)) for group in groups
        ]

    def whole(self) -> list[bytes]:
        """From bytes to bytes."""
        batch = self.read()
        return self.store(batch, self.sort(batch))


def measure() -> Iterator[Row]:
    """A row a batch size."""
    now = datetime.now(UTC)
    events = list(demo.events_between(now - timedelta(days=10), now))
    for size in SIZES:
        message = Message(events[:size], now)
        batch = message.read()
        groups = message.sort(batch)
        steps = (
            partial(orjson.loads, message.body),
            message.read,
            partial(message.sort, batch),
            partial(message.store, batch, groups),
            message.whole,
            lambda batch=batch: [claim_key(*name) for name in batch.events.names()],
        )
        yield Row(size, *(best(step) for step in steps))


def best(work: Callable[[], object]) -> float:
    """Seconds of CPU of the quickest of many rounds."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def main() -> None:
    """Measures and prints."""
    rows = list(measure())
    text(
        "CPU of one core from the bytes of a message to the bytes of its segments. The floor is",
        "`orjson.loads` of the same bytes; the steps are in times the floor, too, and *claim* (the keys for",
        "the table of claims) is no part of the whole. The times of a message's events lie within a minute.",
    )
    told = [
        [f"{row.events:,}", f"{row.events / row.whole:,.0f}", f"{row.ratio:.2f}", *steps_of(row)]
        for row in rows
    ]
    table(("events a message", "events/s a core", "times the floor", *STEPS), told)
    text(f"Goal: within {GOAL} times: {verdict({row.events: row.ratio for row in rows})}.")


def steps_of(row: Row) -> list[str]:
    """What each step costs, in times the floor."""
    return [f"{getattr(row, name) / row.loads:.2f}" for name in STEPS]


def verdict(ratios: Mapping[int, float]) -> str:
    """From which size on the goal is met, given how many times the floor each size costs."""
    sizes = sorted(ratios)
    missed = [size for size in sizes if ratios[size] > GOAL]
    met = [size for size in sizes if not missed or size > missed[-1]]
    if not met:
        return "**not met**"
    return f"**met** from {met[0]:,} events a message on" if missed else "**met** at every size"


if __name__ == "__main__":
    main()
