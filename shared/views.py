"""The list views: what their rows are, and which columns they have beside the figures of every view."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Literal

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
from shared.cube import Cube
from shared.directory import People, Person
from shared.event import EPOCH
from shared.figures import Key, figures, keys, percent, top
from shared.money import ratio, units
from shared.query import ExportQuery

UNSORTED = ("features", *(Row.__annotations__.keys() - Figures.__annotations__.keys()))
NOBODY = Person(None, None, 0)

type Bucket = Annotated[Literal["day", "month"], Field(description="What a row is.")]
type Columns = dict[str, Callable[[int], Any]]
"""For each further column: the value of the row of that index among the groups."""


@dataclass(frozen=True, slots=True)
class Groups:
    """The rows of a view before they are shown: one for each key, with its measures."""

    cube: Cube
    grouped: Cube
    keys: Sequence[Key]
    measures: Mapping[str, list[int]]
    people: People

    def of(self, row: int) -> dict[str, int]:
        """The measures of one row."""
        return {name: column[row] for name, column in self.measures.items()}


@dataclass(frozen=True, slots=True)
class View:
    """A list view: the dimensions that make its rows, and what else it needs and shows.

    `every` lists keys that stand there also without usage.
    """

    row: type
    keys: tuple[str, ...]
    columns: Callable[[Groups], Columns]
    needs: tuple[str, ...] = ()
    sort: str = "-tokens"
    every: Sequence[Value] = ()
    searched: tuple[str, ...] = field(default=())

    @property
    def dimensions(self) -> tuple[str, ...]:
        """All dimensions that the view reads."""
        return self.keys + self.needs


def _feature(groups: Groups) -> Columns:
    providers = top(groups.cube, ("feature",), "provider", "requests")
    return {
        "feature": lambda row: groups.keys[row][0],
        "average_tokens": lambda row: ratio(
            figures(groups.of(row))["tokens"], groups.measures["requests"][row]
        ),
        "provider": lambda row: providers.get(groups.keys[row]),
    }


def _user(groups: Groups) -> Columns:
    features = top(groups.cube, (USER,), "feature", "requests")

    def person(row: int) -> Person:
        return groups.people.get(groups.keys[row][0] or "", NOBODY)

    return {
        "user_id": lambda row: groups.keys[row][0],
        "name": lambda row: person(row).name,
        "email": lambda row: person(row).email,
        "top_feature": lambda row: features.get(groups.keys[row]),
        "last_active": lambda row: moment(groups.measures[LAST_USED][row]),
    }


def _product(groups: Groups) -> Columns:
    inside: dict[Value, list[ProductFeature]] = {}
    pairs = groups.cube.group_by("product", "feature")
    measures = {name: column.tolist() for name, column in pairs.measures.items()}
    for row, (product, feature) in enumerate(keys(pairs, ("product", "feature"))):
        shown = figures({name: column[row] for name, column in measures.items()})
        if feature is not None:
            inside.setdefault(product, []).append(
                {
                    "feature": feature,
                    "requests": shown["requests"],
                    "tokens": shown["tokens"],
                    "cost_usd": shown["cost_usd"],
                }
            )
    return {
        "product": lambda row: groups.keys[row][0],
        "name": lambda row: PRODUCT_NAMES.get(groups.keys[row][0] or ""),
        "features": lambda row: sorted(
            inside.get(groups.keys[row][0], []), key=lambda one: (-one["tokens"], one["feature"])
        ),
    }


def _model(groups: Groups) -> Columns:
    return {"model": lambda row: groups.keys[row][0], "provider": lambda row: groups.keys[row][1]}


def _provider(groups: Groups) -> Columns:
    whole = sum(groups.measures["requests"])
    return {
        "provider": lambda row: groups.keys[row][0],
        "name": lambda row: PROVIDER_NAMES.get(groups.keys[row][0] or "", groups.keys[row][0]),
        "percent": lambda row: percent(groups.measures["requests"][row], whole),
    }


def _primitive(groups: Groups) -> Columns:
    return {
        "primitive": lambda row: groups.keys[row][0],
        "unit": lambda row: UNITS[groups.keys[row][0] or ""],
        "quantity": lambda row: units(groups.measures["quantity"][row]),
        "counted_as": lambda row: COUNTED_AS[groups.keys[row][0] or ""],
    }


def _day(groups: Groups) -> Columns:
    return {"day": lambda row: groups.keys[row][0]}


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


VIEWS: dict[str, View] = {
    "by-feature": View(FeatureRow, ("feature",), _feature, ("provider",), searched=("feature",)),
    "by-user": View(UserRow, (USER,), _user, ("feature",), searched=("user_id", "name", "email")),
    "by-product": View(
        ProductRow,
        ("product",),
        _product,
        ("feature",),
        every=tuple(PRODUCT_NAMES),
        searched=("product", "name"),
    ),
    "by-model": View(ModelRow, ("model", "provider"), _model, searched=("model", "provider")),
    "by-provider": View(
        ProviderRow, ("provider",), _provider, sort="-requests", searched=("provider", "name")
    ),
    "primitives": View(
        PrimitiveRow,
        ("primitive",),
        _primitive,
        sort="-requests",
        every=tuple(UNITS),
        searched=("primitive",),
    ),
    "daily": View(DayRow, (DAY,), _day, sort="day", searched=("day",)),
}
