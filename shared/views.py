"""The list views: what their rows are, and which columns they have beside the figures of every view."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, create_model

from shared.answers import (
    DayRow,
    FeatureRow,
    Figures,
    ModelRow,
    PrimitiveRow,
    ProductFeature,
    ProductRow,
    ProviderRow,
    Row,
    UserRow,
)
from shared.catalogue import COUNTED_AS, PRODUCT_NAMES, PROVIDER_NAMES, UNITS
from shared.columns import DAY, LAST_USED, USER, Value
from shared.cube import Cube, Integers
from shared.directory import People, Person
from shared.event import EPOCH
from shared.figures import keys, of_rows, percent, tokens, top
from shared.money import ratio, units
from shared.query import ExportQuery

UNSORTED = ("features", *(Row.__annotations__.keys() - Figures.__annotations__.keys()))
NOBODY = Person(None, None, 0)

type Bucket = Annotated[Literal["day", "month"], Field(description="What a row is.")]
type Column = Callable[[Groups], Sequence[Any]]
"""A column beside the figures: its value in each row."""


@dataclass(frozen=True)
class Groups:
    """Rows of a view before they are shown: one for each key, made of the usage of the cube."""

    cube: Cube
    grouped: Cube
    people: People

    def at(self, rows: NDArray[np.intp]) -> "Groups":
        """The rows of these indexes, in their order."""
        return Groups(self.cube, self.grouped.take(rows), self.people)

    def names(self, dimension: str) -> list[Value]:
        """Each row's value of a dimension that makes the rows."""
        return self.grouped.dimensions[dimension].column()

    def numbers(self, measure: str) -> list[int]:
        """Each row's sum of a measure."""
        numbers: list[int] = self.grouped.measures[measure].tolist()
        return numbers

    @cached_property
    def persons(self) -> list[Person]:
        """Each row's user, as far as known."""
        return [self.people.get(user or "", NOBODY) for user in self.names(USER)]

    def mostly(self, dimension: str, by: str) -> list[Value]:
        """The value of a dimension that most requests of each row have, where `dimension` makes the rows."""
        owners = self.grouped.dimensions[dimension]
        theirs = self.cube.measured("requests").having(dimension, owners.codes)
        most = top(theirs, (dimension,), by, "requests")
        return [most.get((owner,)) for owner in owners.column()]


@dataclass(frozen=True, slots=True)
class View:
    """A list view: the dimensions that make its rows, and what else it needs and shows.

    `every` lists keys that stand there also without usage.
    """

    row: type
    keys: tuple[str, ...]
    columns: Mapping[str, Column]
    needs: tuple[str, ...] = ()
    sort: str = "-tokens"
    every: Sequence[Value] = ()
    searched: tuple[str, ...] = field(default=())

    @property
    def dimensions(self) -> tuple[str, ...]:
        """All dimensions that the view reads."""
        return self.keys + self.needs


def _own(dimension: str) -> Column:
    """What makes the rows."""
    return lambda groups: groups.names(dimension)


def _average_tokens(groups: Groups) -> list[Decimal | None]:
    return list(map(ratio, tokens(groups.grouped), groups.numbers("requests")))


def _features(groups: Groups) -> list[list[ProductFeature]]:
    """The features inside each product, those of most tokens first."""
    pairs = groups.cube.group_by("product", "feature")
    shown, inside = of_rows(pairs), dict[Value, list[ProductFeature]]()
    columns = (keys(pairs, ("product", "feature")), shown["requests"], shown["tokens"], shown["cost_usd"])
    for (product, feature), requests, total, cost in zip(*columns, strict=True):
        if feature is not None:
            inside.setdefault(product, []).append(
                {"feature": feature, "requests": requests, "tokens": total, "cost_usd": cost}
            )
    return [
        sorted(inside.get(product, []), key=lambda one: (-one["tokens"], one["feature"]))
        for product in groups.names("product")
    ]


def _percent(groups: Groups) -> list[Decimal | None]:
    whole = groups.cube.totals()["requests"]
    return [percent(part, whole) for part in groups.numbers("requests")]


def query_of[Q: ExportQuery](name: str, base: type[Q]) -> type[Q]:
    """The parameters of a view: what it can be sorted by are its own columns."""
    columns = [column for column in VIEWS[name].row.__annotations__ if column not in UNSORTED]
    choices: Any = Literal[*(sign + column for column in columns for sign in ("", "-"))]
    sort = Annotated[choices | None, Field(description="A column; after `-` the largest first.")]
    fields: dict[str, Any] = {"sort": (sort, None)}
    if VIEWS[name].keys == (DAY,):
        fields["bucket"] = (Bucket, "day")
    return create_model(f"{base.__name__}_{name}", __base__=base, **fields)


def moment(milliseconds: int) -> str:
    """A stored time as RFC 3339 in UTC."""
    return (EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")


def moments(milliseconds: Integers) -> list[str]:
    """The same of many."""
    return [f"{time}+00:00" for time in np.datetime_as_string(milliseconds.astype("datetime64[ms]")).tolist()]


VIEWS: dict[str, View] = {
    "by-feature": View(
        FeatureRow,
        ("feature",),
        {
            "feature": _own("feature"),
            "average_tokens": _average_tokens,
            "provider": lambda groups: groups.mostly("feature", "provider"),
        },
        ("provider",),
        searched=("feature",),
    ),
    "by-user": View(
        UserRow,
        (USER,),
        {
            "user_id": _own(USER),
            "name": lambda groups: [person.name for person in groups.persons],
            "email": lambda groups: [person.email for person in groups.persons],
            "top_feature": lambda groups: groups.mostly(USER, "feature"),
            "last_active": lambda groups: moments(groups.grouped.measures[LAST_USED]),
        },
        ("feature",),
        searched=("user_id", "name", "email"),
    ),
    "by-product": View(
        ProductRow,
        ("product",),
        {
            "product": _own("product"),
            "name": lambda groups: [PRODUCT_NAMES.get(one or "") for one in groups.names("product")],
            "features": _features,
        },
        ("feature",),
        every=tuple(PRODUCT_NAMES),
        searched=("product", "name"),
    ),
    "by-model": View(
        ModelRow,
        ("model", "provider"),
        {"model": _own("model"), "provider": _own("provider")},
        searched=("model", "provider"),
    ),
    "by-provider": View(
        ProviderRow,
        ("provider",),
        {
            "provider": _own("provider"),
            "name": lambda groups: [PROVIDER_NAMES.get(one or "", one) for one in groups.names("provider")],
            "percent": _percent,
        },
        sort="-requests",
        searched=("provider", "name"),
    ),
    "primitives": View(
        PrimitiveRow,
        ("primitive",),
        {
            "primitive": _own("primitive"),
            "unit": lambda groups: [UNITS[one or ""] for one in groups.names("primitive")],
            "quantity": lambda groups: [units(amount) for amount in groups.numbers("quantity")],
            "counted_as": lambda groups: [COUNTED_AS[one or ""] for one in groups.names("primitive")],
        },
        sort="-requests",
        every=tuple(UNITS),
        searched=("primitive",),
    ),
    "daily": View(DayRow, (DAY,), {"day": _own(DAY)}, sort="day", searched=("day",)),
}
