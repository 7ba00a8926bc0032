"""The tariff of a repriced day: the rates that stand in for what its segments say of cost.

Segments are immutable, and price books change: so a day that has been repriced keeps the rates by
which it was. Whoever reads folded segments again, to count a day anew or to list its events, applies
the tariff to those that were folded at that time; later ones keep the cost that they came with. An
event that came with a cost of its own keeps it always.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
import zstandard

from shared.catalogue import Primitive
from shared.columns import (
    BY_EVENT,
    COST_SOURCE,
    LAST_USED,
    Value,
    decode_dimension,
    decode_measure,
    encode_measure,
)
from shared.cube import Cube
from shared.event import EPOCH
from shared.packing import MAX_UNPACKED
from shared.pricing import PriceBook
from shared.rates import Rates

PRICED = ("primitive", "provider", "model")  # what a price is looked up by, with the UTC day
COUNTED = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "quantity",
)

type Use = tuple[Primitive, Value, Value]
type Found = Mapping[tuple[Value, Value, Value, str], Rates | None]
type Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Tariff:
    """The rates of a day, packed, for the segments that its rollup of `since` and `folded` held."""

    since: int
    folded: Mapping[str, int]
    rates: str

    def applied(self, segment: dict[str, Any]) -> dict[str, Any]:
        """The segment as it counts: at these rates, or as it came if it has come since."""
        held = segment["_ts"] < self.since or segment["id"] in self.folded
        return self.priced(segment) if held else segment

    def priced(self, segment: dict[str, Any]) -> dict[str, Any]:
        """The segment at these rates. Raises CostOutOfRange for an event dearer than any may be."""
        cube, found = segment["cube"], unpack_rates(self.rates)
        costs, unpriced = [], []
        for cost, missing, source, key, counts in _events(cube):
            if source == BY_EVENT or key not in found:
                costs.append(cost)
                unpriced.append(missing)
            else:
                rates = found[key]
                costs.append(rates.cost(*counts) if rates else 0)
                unpriced.append(int(rates is None))
        measures = {"cost": encode_measure(costs), "unpriced": encode_measure(unpriced)}
        return {**segment, "cube": {**cube, "measures": {**cube["measures"], **measures}}}

    def of_sums(self, cube: Cube, day: date) -> Cube:
        """The rows of a day's cube at the rates of this UTC day, base tiers throughout."""
        found = unpack_rates(self.rates)
        keys = zip(*(cube.dimensions[name].column() for name in PRICED), strict=True)
        numbers = zip(*(cube.measures[name].tolist() for name in ("requests", *COUNTED)), strict=True)
        costs, unpriced = cube.measures["cost"].tolist(), cube.measures["unpriced"].tolist()
        sources = cube.dimensions[COST_SOURCE].column()
        for row, (key, counts, source) in enumerate(zip(keys, numbers, sources, strict=True)):
            if source != BY_EVENT:
                rates = found[*key, str(day)]
                costs[row] = rates.cost_of_sums(*counts) if rates else 0
                unpriced[row] = 0 if rates else counts[0]
        changed = {"cost": np.array(costs, dtype=np.int64), "unpriced": np.array(unpriced, dtype=np.int64)}
        return Cube(cube.rows, cube.dimensions, {**cube.measures, **changed})

    @property
    def is_exact_on_sums(self) -> bool:
        """Whether sums cost what their events cost: one linear price of each thing for the whole day."""
        by_use: dict[tuple[Value, ...], set[Rates | None]] = {}
        for (*use, _), rates in unpack_rates(self.rates).items():
            by_use.setdefault(tuple(use), set()).add(rates)
        return all(
            len(each) == 1 and all(rates is None or rates.is_linear for rates in each)
            for each in by_use.values()
        )


def pack_rates(book: PriceBook, tenant_id: str, uses: Iterable[Use], days: Sequence[date]) -> str:
    """What a price book says of these uses on these UTC days."""
    rows = [
        [*use, str(day), asdict(rates) if rates else None]
        for use in uses
        for day in days
        for rates in [book.rates(tenant_id, *use, day)]
    ]
    return base64.b64encode(zstandard.compress(orjson.dumps(rows))).decode()


@lru_cache(maxsize=64)
def unpack_rates(packed: str) -> Found:
    """The rates of a tariff, by what is priced and the UTC day."""
    rows = orjson.loads(zstandard.decompress(base64.b64decode(packed), MAX_UNPACKED))
    return {(*key,): _rates(stored) for *key, stored in rows}


def _rates(stored: Mapping[str, Any] | None) -> Rates | None:
    return Rates(**{**stored, "longer": _rates(stored["longer"])}) if stored else None


def _events(
    cube: Document,
) -> Iterable[tuple[int, int, Value, tuple[Value, Value, Value, str], Sequence[int]]]:
    """Of each event: cost, unpriced, who said the cost, what its price is looked up by, what it counts."""
    rows, measures = cube["rows"], cube["measures"]
    names = (*PRICED, COST_SOURCE)
    keys = [decode_dimension(cube["dimensions"][name], rows) for name in names]
    cost, missing, used, *counted = (
        decode_measure(measures.get(name), rows) for name in ("cost", "unpriced", LAST_USED, *COUNTED)
    )
    for row, (primitive, provider, model, source) in enumerate(zip(*keys, strict=True)):
        day = str(EPOCH.date() + timedelta(milliseconds=used[row]))
        counts = [column[row] for column in counted]
        yield cost[row], missing[row], source, (primitive, provider, model, day), counts
