"""The pure part of ingest, from message bytes to segment JSON, beside `orjson.loads` of the same bytes."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import orjson

from local import demo
from shared.days import day_of
from shared.ingest import price
from shared.message import read_batch
from shared.pricing import PriceBook
from shared.segment import Priced, make_segment
from shared.tenants import Tenant

ROUNDS = 200


def pure_ingest(body: bytes, tenant: Tenant, prices: PriceBook, now: datetime) -> bytes:
    """Decoding, validation, pricing, grouping and columns: all of ingest but the stores."""
    batch = read_batch(body)
    days: dict[object, list[Priced]] = {}
    for _, event in batch.events:
        priced = price(event, prices, now)
        if isinstance(priced, Priced):
            days.setdefault(day_of(event.time, tenant.zone), []).append(priced)
    return b"".join(
        orjson.dumps(make_segment(tenant.id, now.date(), batch.id, events)) for events in days.values()
    )


def best(work: Callable[[], object]) -> float:
    """Seconds of CPU of the quickest of many rounds."""
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def main() -> None:
    """Prints one line a batch size."""
    now = datetime.now(UTC)
    tenant = Tenant(id=demo.TENANT_ID, name="Contoso", time_zone=demo.TIME_ZONE)
    events = list(demo.events_between(now - timedelta(days=10), now))
    for size in (1, 10, 100, 1_000):
        body = orjson.dumps({"events": events[:size]})
        floor = best(partial(orjson.loads, body))
        took = best(partial(pure_ingest, body, tenant, PriceBook(), now))
        rate, times = size / took, took / floor
        print(f"{size:5} events a message: {rate:9,.0f} events/s a core, {times:.1f} times orjson.loads")


if __name__ == "__main__":
    main()
