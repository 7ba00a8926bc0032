"""What the domain asks of its stores. The rooms under `shared/stores` answer with Azure, tests with fakes."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from shared.cache import Kept
from shared.cube import Cube
from shared.days import Period
from shared.pricing import PriceBook
from shared.rejects import Reject
from shared.tenants import Tenant

if TYPE_CHECKING:
    from shared.look import Look
    from shared.reading import KeptReading
    from shared.saved import Asked

type Document = dict[str, Any]
type ShardName = tuple[str, str, str]
"""The tenant, id and etag of a shard of its directory."""
type Shards = Kept[ShardName, Document]
type Merged = Kept[tuple[str, tuple[str, ...], tuple[str, ...]], Cube]
"""What saved days or months of a tenant add up to, by tenant, dimensions and their states."""

MERGED_BYTES = 128 * 1024 * 1024
READINGS_BYTES = 64 * 1024 * 1024
PEOPLE = 200_000  # in shards that are kept, of all tenants
LOOKS = 200_000  # days and folded segments that they name, of all tenants


class Claims(Protocol):
    """Who owns an event id."""

    async def claim(self, tenant_id: str, day: date, keys: Sequence[str], owner: str) -> set[str]:
        """Claims each key for the owner; gives those that another one owns already.

        `day` is the UTC date of the events. Claiming again for the same owner changes nothing.
        """
        ...


@dataclass(frozen=True, slots=True)
class Mark:
    """A tenant-day that is not sealed, or a month (by its first day) that waits to be merged.

    `at` is when it was marked last; `etag` tells this mark from a later one.
    """

    tenant_id: str
    day: date
    at: datetime
    etag: str
    month: bool = False


class Marking(NamedTuple):
    """The marked days of a tenant, each with the etag of its mark.

    The stamp is another one after a mark of the tenant was cleared, and after `mark_tenant`.
    """

    days: Mapping[date, str]
    stamp: str

    def has_same_days(self, other: "Marking") -> bool:
        """Whether the same days are marked, perhaps again, and the stamp is the same."""
        return (self.days.keys(), self.stamp) == (other.days.keys(), other.stamp)


class Marks(Protocol):
    """Which tenant-days are not sealed ("dirty"), which months wait to be merged, which tenants changed."""

    async def mark(self, tenant_id: str, day: date) -> None:
        """Says that a segment of this tenant-day has been stored."""
        ...

    async def mark_month(self, tenant_id: str, first: date) -> None:
        """Says that the month with this first day is to be merged, once all of its days are sealed."""
        ...

    async def mark_tenant(self, tenant_id: str) -> None:
        """Says that something of the tenant beside its usage has changed: who its users are."""
        ...

    async def marking(self, tenant_id: str) -> Marking:
        """The days of the tenant that may have unfolded segments, and its stamp."""
        ...

    async def all(self) -> list[Mark]:
        """The marked days of every tenant."""
        ...

    async def months(self) -> list[Mark]:
        """The marked months of every tenant."""
        ...

    async def clear(self, mark: Mark) -> None:
        """Removes the mark, unless the day or month has been marked again since."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A tenant's quota as it stood on a day, last at `as_of`; amounts of money in nano-dollars.

    None stands for no limit, no known price, or not enough data for a projection.
    """

    day: date
    as_of: datetime
    tokens: int
    projected_tokens: int | None
    token_limit: int | None
    spend: int | None
    projected_spend: int | None
    budget: int | None


class Snapshots(Protocol):
    """How quotas stood, one snapshot a tenant-day."""

    async def save(self, tenant_id: str, snapshot: Snapshot) -> None:
        """Keeps the snapshot in place of an earlier one of its day."""
        ...

    async def of_period(self, tenant_id: str, period: Period) -> list[Snapshot]:
        """The snapshots of days of the period, in the order of days."""
        ...


class Rejects(Protocol):
    """Events and messages that could not be counted, for an operator to read and replay."""

    async def add(self, rejects: Sequence[Reject]) -> None:
        """Keeps them; adding one again changes nothing."""
        ...

    async def first_arrival(self, batch_id: str, arrived: datetime) -> datetime:
        """When the batch first arrived: this time, unless an earlier one is kept. Keeps it."""
        ...


class Tenants(Protocol):
    """The customers."""

    async def find(self, tenant_id: str) -> Tenant | None:
        """The tenant, possibly as it was a minute ago; None where there is none."""
        ...


class Prices(Protocol):
    """The price book."""

    async def book(self) -> PriceBook:
        """All prices, possibly as they were a minute ago."""
        ...


class Usage(Protocol):
    """The documents of one tenant's usage: segments, rollups, directory."""

    async def add_segment(self, segment: Document) -> bool:
        """Stores a segment; False when there is one of this id already."""
        ...

    async def find(self, tenant_id: str, document_id: str) -> Document | None:
        """The document of that id; None where there is none."""
        ...

    async def segments(
        self, tenant_id: str, day: date, since: int, known: Collection[str], most: int
    ) -> list[Document]:
        """The oldest segments of the day with `_ts` of at least `since` whose id is not known."""
        ...

    def newest_segments(self, tenant_id: str, day: date) -> AsyncIterator[list[Document]]:
        """All segments of the day, in pages, those with the highest `_ts` first."""
        ...

    async def count_segments(self, tenant_id: str, day: date, since: int, known: Collection[str]) -> int:
        """How many segments `segments` would find."""
        ...

    async def names(self, tenant_id: str, day: date) -> list[Document]:
        """What `segment.names_of` needs of each segment of the day."""
        ...

    async def documents(self, tenant_id: str, kind: str, period: Period) -> list[Document]:
        """The documents of a kind whose day lies in the period, in the order of days."""
        ...

    async def several(
        self, tenant_id: str, wanted: Sequence[tuple[str, Period | None]], *, cubes: bool
    ) -> list[Document]:
        """The documents of any of these kinds and periods, by day, or as heads, without their cubes.

        A kind that knows no days goes without a period, and comes first.
        """
        ...

    async def heads(self, tenant_id: str, period: Period) -> list[Document]:
        """The totals documents without their cubes."""
        ...

    async def users(self, tenant_id: str, period: Period) -> list[Document]:
        """The users chunks of the days of the period, of every version that is still there."""
        ...

    async def directory(self, tenant_id: str) -> list[Document]:
        """The shards of the tenant's directory of users."""
        ...

    async def put(self, document: Document) -> None:
        """Writes a document, whatever was there."""
        ...

    async def commit(self, document: Document, etag: str | None) -> bool:
        """Creates the document (no etag) or replaces the version of that etag; False if others came first."""
        ...

    async def ids(self, tenant_id: str, kind: str, day: date) -> list[str]:
        """The ids of the documents of this kind and day."""
        ...

    async def delete(self, tenant_id: str, document_id: str, etag: str | None = None) -> bool:
        """Deletes a document, or only its version of that etag; False if others changed it first."""
        ...

    async def drop_users(self, tenant_id: str, day: date, up_to: int, keep: str) -> None:
        """Deletes the users chunks of the day of versions up to this number, but for the one to keep."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """All stores of the service, and what this process keeps of them: see `Kept`.

    Kept are what saved states add up to, the last look at each tenant, readings of the last minutes, and
    shards of directories by id and etag.
    """

    usage: Usage
    claims: Claims
    marks: Marks
    rejects: Rejects
    tenants: Tenants
    prices: Prices
    merged: Merged = field(default_factory=lambda: Kept(lambda cube: cube.bytes, MERGED_BYTES))
    looks: "Kept[str, Look]" = field(default_factory=lambda: Kept(lambda look: look.size, LOOKS))
    readings: "Kept[tuple[str, Asked], KeptReading]" = field(
        default_factory=lambda: Kept(lambda reading: reading.size, READINGS_BYTES)
    )
    shards: Shards = field(default_factory=lambda: Kept(lambda shard: 1 + len(shard["people"]), PEOPLE))
