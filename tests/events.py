"""Sample events, and what they add up to, counted in plain Python."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from shared.catalogue import FEATURES
from shared.columns import DAY, DIMENSIONS, MEASURES, USER
from shared.days import Period
from shared.event import Event as UsedEvent
from shared.event_columns import OWN, EventColumns
from shared.message import read_event
from shared.ports import Stores
from shared.reading import Reading, read
from shared.tenants import Tenant
from tests.fakes import NOW, Cloud

type Event = dict[str, Any]
type Sums = dict[tuple[str | None, ...], tuple[int, ...]]

CONTOSO = Tenant(id="contoso", name="Contoso", time_zone="Europe/Berlin")
FABRIKAM = Tenant(id="fabrikam", name="Fabrikam", time_zone="America/New_York")
TOKENS = MEASURES[1:6]


def cloud() -> Cloud:
    """A cloud with two tenants and no price."""
    return Cloud(tenants={one.id: one for one in (CONTOSO, FABRIKAM)})


def event(name: str = "e1", **fields: Any) -> Event:  # noqa: ANN401 - any JSON
    """A chat request of ten tokens; a field given as None is left out."""
    whole = {
        "id": name,
        "source": "psa/tickets",
        "tenant_id": "contoso",
        "time": NOW.isoformat(),
        "user": {"id": "ann"},
        "feature": "ticket-suggest",
        "primitive": "ai.chat",
        "provider": "azure.ai.openai",
        "model": "gpt-4o-mini",
        "input_tokens": 7,
        "output_tokens": 3,
        **fields,
    }
    return {key: value for key, value in whole.items() if value is not None}


def body(*events: object, **more: object) -> bytes:
    """The message of these events."""
    return orjson.dumps({"events": events, **more})


def good(one: Event) -> UsedEvent:
    """The event as ingest reads it."""
    read = read_event(0, one, None)
    assert isinstance(read, UsedEvent)
    return read


def rows(events: EventColumns) -> list[tuple[object, ...]]:
    """What each event says, kind and all, whatever sequences its columns are."""
    kinds = [*zip(*events.kinds, strict=True)]
    own = zip(*(getattr(events, name) for name in OWN), strict=True)
    return [(*kinds[kind], *said) for kind, *said in own]


def recount(events: Iterable[Event], zone: ZoneInfo, *, users: bool = True) -> Sums:
    """The measures of each day, user and dimensions, of events that are all counted."""
    sums: Sums = {}
    for one in events:
        moment = datetime.fromisoformat(one["time"])
        user = one.get("user", {}).get("id")
        key = (str(moment.astimezone(zone).date()), *((user,) if users else ()), *_dimensions(one))
        before = sums.get(key, (0,) * len(MEASURES))
        *added, last = _numbers(one, moment)
        sums[key] = (*map(sum, zip(before[:-1], added, strict=True)), max(before[-1], last))
    return sums


async def usage(stores: Stores, tenant_id: str, period: Period, *, users: bool = True) -> Reading:
    """All that is read of a period, by every dimension."""
    return await read(stores, tenant_id, period, (DAY, *((USER,) if users else ()), *DIMENSIONS))


def counted(reading: Reading) -> Sums:
    """The recount's counterpart of what was read."""
    names = [name for name in (DAY, USER, *DIMENSIONS) if name in reading.cube.dimensions]
    rows = reading.cube.group_by(*names)
    keys = zip(*(rows.dimensions[name].column() for name in names), strict=True)
    numbers = zip(*(rows.measures[name].tolist() for name in MEASURES), strict=True)
    return dict(zip(keys, numbers, strict=True))


def on(day: date, hour: int = 12) -> str:
    """An hour of a UTC day, as events tell it."""
    return (datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=hour)).isoformat()


def _dimensions(one: Event) -> tuple[str | None, ...]:
    product = one.get("product") or FEATURES[one["feature"]]
    return one["feature"], product, one.get("provider"), one.get("model"), one["primitive"]


def _numbers(one: Event, moment: datetime) -> tuple[int, ...]:
    tokens = [int(one.get(name, 0)) for name in TOKENS]
    quantity = int(Decimal(str(one["quantity"])) * 1000) if "quantity" in one else sum(tokens[:2]) * 1000
    cost = int(Decimal(one["cost_usd"]) * 10**9) if "cost_usd" in one else 0
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return (1, *tokens, quantity, cost, int("cost_usd" not in one), milliseconds)
