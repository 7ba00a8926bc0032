"""What repricing has changed: one record a run, kept beside the usage that it changed.

A record is written before what it tells of is done, so that nothing is repriced without one. One that
is still "running" when its run has ended tells of an interrupted run: its last day may not be done.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Annotated, Literal, TypedDict

import orjson
from pydantic import Field

from shared.answers import Count, Day, Usd
from shared.columns import Value
from shared.cube import Cube
from shared.days import Period
from shared.figures import cost, keys
from shared.money import usd
from shared.ports import Document, Usage
from shared.tariff import PRICED

KIND = "reprice"
EVER = Period(date(2000, 1, 1), date(9999, 12, 31))


class Repriced(TypedDict):
    """Cost before and after; null where no request has a known price."""

    requests: Count
    before_usd: Usd | None
    after_usd: Usd | None
    delta_usd: Usd
    unpriced_before: Count
    unpriced_after: Count


class RepricedModel(Repriced):
    """What became of one thing that has a price."""

    primitive: str
    provider: str | None
    model: str | None


class RecordAnswer(TypedDict("RecordAnswer", {"from": Day, "to": Day})):
    """One run: who repriced which days when and why, and what that changed."""

    id: Annotated[str | None, Field(description="null: a dry run, of which nothing is kept.")]
    tenant_id: str
    at: str
    by: str
    note: str | None
    state: Annotated[
        Literal["dry-run", "running", "done"],
        Field(description="running: not ended yet, or interrupted; its last day may not be done."),
    ]
    through: Annotated[Day | None, Field(description="The last day with a change.")]
    exact: Annotated[bool, Field(description="Whether every event was priced by itself, or as if.")]
    data: list[RepricedModel]
    totals: Repriced


@dataclass(frozen=True, slots=True)
class Change:
    """Requests, and their cost in nano-dollars, before and after."""

    requests: int = 0
    before: int = 0
    after: int = 0
    unpriced_before: int = 0
    unpriced_after: int = 0

    def __add__(self, other: "Change") -> "Change":
        return Change(
            self.requests + other.requests,
            self.before + other.before,
            self.after + other.after,
            self.unpriced_before + other.unpriced_before,
            self.unpriced_after + other.unpriced_after,
        )

    def answer(self) -> Repriced:
        """The change as it is told."""

        def amount(nano: int, unpriced: int) -> Usd | None:
            return cost({"requests": self.requests, "cost": nano, "unpriced": unpriced})

        return {
            "requests": self.requests,
            "before_usd": amount(self.before, self.unpriced_before),
            "after_usd": amount(self.after, self.unpriced_after),
            "delta_usd": usd(self.after - self.before),
            "unpriced_before": self.unpriced_before,
            "unpriced_after": self.unpriced_after,
        }


type Changes = Mapping[tuple[Value, Value, Value], Change]
"""By primitive, provider and model."""


@dataclass(frozen=True, slots=True)
class Record:
    """One run on one tenant's days. `at` is its time in ISO form."""

    id: str
    tenant_id: str
    at: str
    by: str
    period: Period
    note: str | None
    state: Literal["dry-run", "running", "done"]
    through: date | None = None
    exact: bool = True
    changes: Changes = field(default_factory=dict)

    def answer(self) -> RecordAnswer:
        """The record as the operator reads it."""
        rows = sorted(self.changes.items(), key=lambda one: tuple(part or "" for part in one[0]))
        return {
            "id": None if self.state == "dry-run" else self.id,
            "tenant_id": self.tenant_id,
            "at": self.at,
            "by": self.by,
            "from": str(self.period.first),
            "to": str(self.period.last),
            "note": self.note,
            "state": self.state,
            "through": str(self.through) if self.through else None,
            "exact": self.exact,
            "data": [
                {"primitive": primitive or "", "provider": provider, "model": model, **change.answer()}
                for (primitive, provider, model), change in rows
            ],
            "totals": sum(self.changes.values(), Change()).answer(),
        }


def changes(before: Cube, after: Cube) -> Changes:
    """What differs between two cubes of the same usage."""
    old, new = _by_use(before), _by_use(after)
    return {
        use: Change(row["requests"], row["cost"], new[use]["cost"], row["unpriced"], new[use]["unpriced"])
        for use, row in old.items()
    }


def added(some: Changes, more: Changes) -> Changes:
    """Both together."""
    nothing = Change()
    return {use: some.get(use, nothing) + more.get(use, nothing) for use in (*some, *more)}


async def keep(usage: Usage, record: Record) -> None:
    """Writes a record, over an earlier state of the same run."""
    rows = [[*use, *asdict(change).values()] for use, change in record.changes.items()]
    plain = {name: getattr(record, name) for name in ("at", "by", "note", "state", "exact")}
    await usage.put({
        "id": f"{KIND}|{record.id}",
        "tenantId": record.tenant_id,
        "kind": KIND,
        "day": record.at[: len("2026-01-01")],
        "first": str(record.period.first),
        "last": str(record.period.last),
        "through": record.through and str(record.through),
        "changes": orjson.dumps(rows).decode(),  # as text: a sum may be more than a double holds
        **plain,
    })  # fmt: skip


async def records(usage: Usage, tenant_id: str) -> list[Record]:
    """Every run on the tenant's days, the newest first."""
    found = await usage.documents(tenant_id, KIND, EVER)
    return sorted(map(_record, found), key=lambda one: (one.at, one.id), reverse=True)


def _record(stored: Document) -> Record:
    return Record(
        id=stored["id"].removeprefix(f"{KIND}|"),
        tenant_id=stored["tenantId"],
        period=Period(date.fromisoformat(stored["first"]), date.fromisoformat(stored["last"])),
        through=stored["through"] and date.fromisoformat(stored["through"]),
        changes={
            (primitive, provider, model): Change(*numbers)
            for primitive, provider, model, *numbers in orjson.loads(stored["changes"])
        },
        **{name: stored[name] for name in ("at", "by", "note", "state", "exact")},
    )


def _by_use(cube: Cube) -> dict[tuple[Value, Value, Value], dict[str, int]]:
    grouped = cube.group_by(*PRICED)
    numbers = {name: grouped.measures[name].tolist() for name in ("requests", "cost", "unpriced")}
    return {
        (primitive, provider, model): {name: column[row] for name, column in numbers.items()}
        for row, (primitive, provider, model) in enumerate(keys(grouped, PRICED))
    }
