"""A view's table: columns of plain values, sorted and paged only when rows are shown."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.errors import InvalidInput

MAX_LIMIT, DEFAULT_LIMIT = 1_000, 50
MAX_OFFSET = 10_000_000


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows to show, and in which order: `-cost_usd` sorts by that column, the largest first."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    sort: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length. `shown` turns stored values (nano-dollars) into what a reader sees."""

    columns: Mapping[str, Sequence[Any]]
    shown: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def rows(self, order: Sequence[int]) -> list[dict[str, Any]]:
        """The rows of these indexes, as shown."""
        columns = [(name, column, self.shown.get(name)) for name, column in self.columns.items()]
        return [
            {name: show(column[row]) if show else column[row] for name, column, show in columns}
            for row in order
        ]

    def order(self, sort: str) -> list[int]:
        """The row indexes in the order of one column; equal ones by the first column, empty ones last."""
        name, descending = sort.removeprefix("-"), sort.startswith("-")
        if name not in self.columns:
            raise InvalidInput.of("sort", f"must be one of {', '.join(self.columns)}, or one of them after -")
        first, column = next(iter(self.columns.values())), self.columns[name]
        rows = sorted(range(len(self)), key=lambda row: _key(first[row]))
        filled = [row for row in rows if column[row] is not None]
        filled.sort(key=lambda row: _key(column[row]), reverse=descending)
        return filled + [row for row in rows if column[row] is None]


def _key(value: Any) -> Any:  # noqa: ANN401 - text in any case, numbers as they are
    if value is None or isinstance(value, str):
        return (value or "").casefold(), value or ""  # one order, so that no page repeats a row
    return value
