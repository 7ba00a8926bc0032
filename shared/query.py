"""What an API client may ask of a view: the parameters, their bounds and their meaning.

These models parse requests and describe them in the API's contract.
"""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared import days
from shared.catalogue import Primitive, Product
from shared.days import Period
from shared.errors import InvalidInput
from shared.event import Text128

NONE = "(none)"
MAX_VALUES = 50
MAX_EVENT_DAYS, MAX_EVENT_OFFSET = 31, 100_000
ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
FILTERS = ("feature", "product", "provider", "model", "primitive", "user")


def _iso_day(text: object) -> object:
    if isinstance(text, str) and not ISO_DAY.match(text):
        raise ValueError("must be a day like 2026-01-31")
    return text


type Values[T] = Annotated[list[T], Field(max_length=MAX_VALUES, description="Repeatable.")]
type Day = Annotated[date, BeforeValidator(_iso_day)]


class PeriodQuery(BaseModel):
    """Which days: a named period that ends today, or a range of the tenant's days."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    period: Annotated[
        Literal["7d", "30d", "3m", "12m"] | None, Field(description="30d unless from is given.")
    ] = None
    first: Annotated[Day | None, Field(alias="from", description="The first day.")] = None
    last: Annotated[Day | None, Field(alias="to", description="The last day; today by default.")] = None

    def days(self, today: date) -> Period:
        """The days asked for. Raises InvalidInput for contradictions."""
        if self.first is None and self.last is None:
            return days.preset(self.period or "30d", today)
        if self.period is not None:
            raise InvalidInput.of("period", "cannot be combined with from and to")
        if self.first is None:
            raise InvalidInput.of("from", "is needed with to")
        return days.custom(self.first, self.last or today)


class FilterQuery(PeriodQuery):
    """Which usage: every filter narrows it down; `(none)` stands for events that name no value."""

    feature: Values[Text128] = []
    product: Values[Product] = []
    provider: Values[Text128] = []
    model: Values[Text128] = []
    primitive: Values[Primitive] = []
    user: Values[Text128] = []

    def filters(self) -> dict[str, list[str | None]]:
        """The wanted values of each dimension that is filtered."""
        given = {name: getattr(self, name) for name in FILTERS if getattr(self, name)}
        return {
            name: [None if value == NONE else value for value in values] for name, values in given.items()
        }


class EventsQuery(FilterQuery):
    """Which single events: of a month at most."""

    def days(self, today: date) -> Period:
        """The days asked for. Raises InvalidInput for contradictions, and for too many of them."""
        period = super().days(today)
        if len(period) > MAX_EVENT_DAYS:
            field = "from" if self.first else "period"
            raise InvalidInput.of(field, f"single events are listed for {MAX_EVENT_DAYS} days at most")
        return period


class EventPageQuery(EventsQuery):
    """One page of single events."""

    limit: Annotated[int, Field(ge=1, le=1_000, description="Events of a page.")] = 50
    offset: Annotated[
        int, Field(ge=0, le=MAX_EVENT_OFFSET, description="Events before the page; further back: fewer days.")
    ] = 0


class SummaryQuery(FilterQuery):
    """Which usage, and beside what."""

    compare: Annotated[
        Literal["previous"] | None, Field(description="Adds the period of as many days before.")
    ] = None


class ExportQuery(SummaryQuery):
    """Which rows of a view, and in which order."""

    sort: Annotated[
        str | None, Field(max_length=64, description="A column; after `-` the largest first.")
    ] = None
    q: Annotated[Text128 | None, Field(description="Rows that have this text in their name.")] = None


class ViewQuery(ExportQuery):
    """One page of a view."""

    limit: Annotated[int, Field(ge=1, le=1_000, description="Rows of a page.")] = 50
    offset: Annotated[int, Field(ge=0, le=10_000_000, description="Rows before the page.")] = 0
