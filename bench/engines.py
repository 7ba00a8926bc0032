"""What the databases beside ours are given and asked: the same events and the same questions.

Names stand as integer codes, which is in their favour: grouping them is cheaper. So are the sums: our rows
have more than these.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from bench.data import DAY_MS, Column, Day, kind_column, start_of
from shared.columns import DIMENSIONS, LAST_USED, USER
from shared.cube import Cube

type View = Literal["by-feature", "by-user", "daily"]
type Columns = Mapping[str, tuple[str, Column]]
"""By name: type (of `WIDTHS`) and values, a time in microseconds and a date in days, since 1970."""

VIEWS: tuple[View, ...] = ("by-feature", "by-user", "daily")
KEYS: Mapping[View, str] = {"by-feature": "feature", "by-user": "user_id", "daily": "day"}
WIDTHS = {"smallint": 2, "integer": 4, "bigint": 8, "timestamp": 8, "date": 4}
TOKENS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "reasoning_output_tokens",
)
SUMS = ("requests", *TOKENS, "unpriced", "cost", "last_used")  # of a row, after its key
PAGE = 50


@dataclass(frozen=True, slots=True)
class Question:
    """A view over some days up to the last one; a tenant's code is the number of its people."""

    view: View
    tenant: int
    first: date
    last: date


class Engine(Protocol):
    """A database, asked in its own way."""

    @property
    def name(self) -> str:
        """What the report calls it."""
        ...

    def rows(self, question: Question) -> Sequence[Sequence[Any]]:
        """A code or a day, and `SUMS`: of all features or days, or the fifty users with the most tokens."""
        ...


class ColumnStore(Engine, Protocol):
    """One that lives in the process that asks, and loads files."""

    def load(self, path: Path) -> None:
        """Adds the rows of a Parquet file."""
        ...

    def finish(self) -> None:
        """Makes it ready to be asked: at its best."""
        ...

    def close(self) -> None:
        """Ends it."""
        ...


def raw_sql(question: Question) -> str:
    """The question to the table of events."""
    key = {"by-feature": "feature", "by-user": "user_id", "daily": "CAST(time AS date)"}[question.view]
    sums = ", ".join(f"sum({name})" for name in (*TOKENS, "unpriced"))
    where = f"time >= '{question.first}' AND time < '{question.last + timedelta(days=1)}'"
    return (
        f"SELECT {key} AS k, count(*), {sums}, sum(cost), max(time) FROM events "
        f"WHERE tenant = {question.tenant} AND {where} GROUP BY k {_order(question)}"
    )


def rollup_sql(question: Question) -> str:
    """The question to the tables of days, which exist with users and without."""
    key = {"by-feature": "feature", "by-user": "user_id", "daily": "day"}[question.view]
    table = "user_days" if question.view == "by-user" else "feature_days"
    sums = ", ".join(f"sum({name})" for name in ("requests", *TOKENS, "unpriced", "cost"))
    where = f"day >= '{question.first}' AND day <= '{question.last}'"
    return (
        f"SELECT {key} AS k, {sums}, max(last_used) FROM {table} "
        f"WHERE tenant = {question.tenant} AND {where} GROUP BY k {_order(question)}"
    )


def _order(question: Question) -> str:
    return f"ORDER BY sum(input_tokens) + sum(output_tokens) DESC LIMIT {PAGE}" * (question.view == "by-user")


def event_columns(day: Day) -> Columns:
    """The rows of the table of events."""
    codes = {name: ("smallint", kind_column(name)[day.kind]) for name in DIMENSIONS}
    return {
        "tenant": ("smallint", np.full(len(day.user), day.traffic.people)),
        "time": ("timestamp", day.measures[LAST_USED] * 1000),
        "user_id": ("integer", day.user),
        **codes,
        **{name: ("integer", day.measures[name]) for name in TOKENS},
        "quantity": ("bigint", day.measures["quantity"]),
        "cost": ("bigint", day.measures["cost"]),
        "unpriced": ("smallint", day.measures["unpriced"]),
    }


def rollup_columns(day: Day, cube: Cube, *, users: bool) -> Columns:
    """The rows of a table of days."""
    names = (*DIMENSIONS, *((USER,) if users else ()))
    grouped = cube.group_by(*names)
    codes = {name: ("smallint", grouped.dimensions[name].codes) for name in DIMENSIONS}
    return {
        "tenant": ("smallint", np.full(grouped.rows, day.traffic.people)),
        "day": ("date", np.full(grouped.rows, start_of(day.day) // DAY_MS)),
        **({"user_id": ("integer", grouped.dimensions[USER].codes)} if users else {}),
        **codes,
        **{name: ("bigint", column) for name, column in grouped.measures.items()},
    }
