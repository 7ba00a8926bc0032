"""Good events side by side, in columns: as they are checked, priced and stored.

Most of what events say is said by many of them. That is their kind: it is looked at once a kind, and
only what is an event's own once an event.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import repeat
from operator import itemgetter
from typing import Any, NamedTuple, Self

from msgspec import Struct
from msgspec.structs import astuple

from shared.catalogue import FEATURES, Primitive
from shared.columns import distinct
from shared.event import EPOCH, Event, User
from shared.money import nano

A_DAY = 86_400_000  # milliseconds
FIRST_DAY, LAST_DAY = 1 - EPOCH.toordinal(), date.max.toordinal() - EPOCH.toordinal()
THOUSANDTHS = 1_000

type Name = tuple[str, int, str, str]
"""What tells events apart: tenant, UTC day, source and id."""


class Kinds(NamedTuple):
    """What events have in common, a column each. Days are UTC dates, counted since 1970.

    No two are alike, each is that of an event, and they are in the order of their first events.
    """

    tenant_ids: Sequence[str]
    sources: Sequence[str]
    features: Sequence[str]
    primitives: Sequence[Primitive]
    named_products: Sequence[str | None]
    providers: Sequence[str | None]
    models: Sequence[str | None]
    days: Sequence[int]
    with_cost: Sequence[bool]  # events that came with their cost

    @property
    def products(self) -> list[str]:
        """The products, from the catalogue where the events name none."""
        named = zip(self.named_products, self.features, strict=True)
        return [product or FEATURES[feature] for product, feature in named]


class EventColumns(Struct, frozen=True):
    """Event i is of the kind `kind[i]`. Quantities are in thousandths, times in milliseconds since 1970.

    Costs are in nano-dollars; None where the event came without, or (once priced) has no known price.
    """

    kinds: Kinds
    earliest: int  # no event's time lies before, and none after the latest
    latest: int
    kind: Sequence[int]
    ids: Sequence[str]
    users: Sequence[User | None]
    times: Sequence[int]
    input_tokens: Sequence[int]
    output_tokens: Sequence[int]
    cache_read_input_tokens: Sequence[int]
    cache_creation_input_tokens: Sequence[int]
    reasoning_output_tokens: Sequence[int]
    quantities: Sequence[int]
    costs: Sequence[int | None]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Sequence[int]) -> Self:
        """The events of these rows, which are in ascending order."""
        if len(rows) == len(self):
            return self
        pick = _picker(rows)
        used, kind = distinct(pick(self.kind))
        kinds = Kinds._make(tuple(column[one] for one in used) for column in self.kinds)
        others = (pick(getattr(self, name)) for name in OWN if name != "kind")
        return type(self)(kinds, self.earliest, self.latest, kind, *others)

    def of_kind[T](self, column: Sequence[T]) -> Iterable[T]:
        """A column of the kinds, or one alike, for each event."""
        return map(column.__getitem__, self.kind)

    def names(self) -> Iterable[tuple[str, str]]:
        """The source and id of each event."""
        return zip(self.of_kind(self.kinds.sources), self.ids, strict=True)

    def name(self, row: int) -> Name:
        """What tells the event of this row apart."""
        kind = self.kind[row]
        return self.kinds.tenant_ids[kind], self.kinds.days[kind], self.kinds.sources[kind], self.ids[row]


OWN = EventColumns.__struct_fields__[3:]  # what each event has of its own
NONE = EventColumns(Kinds(*[()] * len(Kinds._fields)), 0, 0, *[()] * len(OWN))


class Sent(NamedTuple):
    """The fields of `Event`, a column each."""

    id: Sequence[str]
    source: Sequence[str]
    tenant_id: Sequence[str]
    time: Sequence[datetime]
    feature: Sequence[str]
    primitive: Sequence[Primitive]
    user: Sequence[User | None]
    product: Sequence[str | None]
    provider: Sequence[str | None]
    model: Sequence[str | None]
    input_tokens: Sequence[int]
    output_tokens: Sequence[int]
    cache_read_input_tokens: Sequence[int]
    cache_creation_input_tokens: Sequence[int]
    reasoning_output_tokens: Sequence[int]
    quantity: Sequence[int | Decimal | None]
    cost_usd: Sequence[Decimal | None]


def transposed(events: Sequence[Event]) -> Sent:
    """The fields of one event or more."""
    return Sent._make(zip(*map(astuple, events), strict=True))


def in_columns(events: Sequence[Event]) -> EventColumns:
    """Good events as they are worked with. Raises OverflowError where a time has no UTC date."""
    return arranged(transposed(events)) if events else NONE


def arranged(sent: Sent) -> EventColumns:
    """The same of events that are in columns already; counts that were not sent are 0."""
    times, read, written = _times(sent.time), _counts(sent.input_tokens), _counts(sent.output_tokens)
    earliest, latest = min(times), max(times)
    with_cost, costs = _costs(sent.cost_usd)
    kinds, kind = _kinds(
        sent.tenant_id, sent.source, sent.feature, sent.primitive, sent.product, sent.provider, sent.model,
        _days(times, earliest, latest), with_cost,
    )  # fmt: skip
    return EventColumns(
        kinds, earliest, latest, kind, sent.id, sent.user, times, read, written,
        sent.cache_read_input_tokens, sent.cache_creation_input_tokens, sent.reasoning_output_tokens,
        _thousandths(sent.quantity, read, written), costs,
    )  # fmt: skip


def _times(moments: Sequence[datetime]) -> list[int]:
    """Whole milliseconds since 1970. Times of one offset, as those of one sender are, go quicker."""
    zone = moments[0].tzinfo
    if [moment.tzinfo for moment in moments].count(zone) < len(moments):
        moments, zone = [moment.astimezone(UTC) for moment in moments], UTC
    epoch = EPOCH.astimezone(zone)
    return [
        since.days * A_DAY + (since.seconds * 1_000 + since.microseconds // 1_000)
        for since in [moment - epoch for moment in moments]
    ]


def _days(times: Sequence[int], earliest: int, latest: int) -> Iterable[int]:
    first, last = earliest // A_DAY, latest // A_DAY
    if first < FIRST_DAY or last > LAST_DAY:
        raise OverflowError("a time lies outside of the calendar")
    return repeat(first) if first == last else [time // A_DAY for time in times]


def _costs(costs: Sequence[Decimal | None]) -> tuple[Iterable[bool], Sequence[int | None]]:
    """Which events came with their cost, and these costs."""
    if costs.count(None) == len(costs):
        return repeat(False), [None] * len(costs)
    return [cost is not None for cost in costs], [cost if cost is None else nano(cost) for cost in costs]


def date_of(day: int) -> date:
    """The date of a day counted since 1970."""
    return EPOCH.date() + timedelta(days=day)


def _kinds(*columns: Iterable[Any]) -> tuple[Kinds, list[int]]:
    kinds, kind = distinct(zip(*columns, strict=False))
    return Kinds(*zip(*kinds, strict=True)), kind


def _counts(numbers: Sequence[int]) -> Sequence[int]:
    if min(numbers) >= 0:
        return numbers
    return [number if number > 0 else 0 for number in numbers]  # noqa: FURB136 - much quicker than max


def _thousandths(quantities: Sequence[Any], inputs: Sequence[int], outputs: Sequence[int]) -> list[int]:
    """Of the primitive's unit; the unit of ai.chat, whose events have no quantity, is the token."""
    rows = zip(quantities, inputs, outputs, strict=True)
    return [
        (read + written) * THOUSANDTHS if amount is None else int(amount * THOUSANDTHS)
        for amount, read, written in rows
    ]


def _picker(rows: Sequence[int]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    if not rows:
        return itemgetter(slice(0))
    first, end = rows[0], rows[-1] + 1
    return itemgetter(slice(first, end)) if end - first == len(rows) else itemgetter(*rows)
