"""A shop whose usage is read by one process that keeps what it knows, while others write."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from typing import Any

from shared.columns import DAY, DIMENSIONS, USER
from shared.look import CAUGHT_UP, Look
from shared.ports import Stores
from shared.reading import read
from tests.events import Sums, recount
from tests.fakes import Process
from tests.shared.market import BOOKS, Market
from tests.shared.sealing import ALL, on, summed, sums_of

FEBRUARY_DAY, MARCH_DAY, YESTERDAY, TODAY = (
    date(2026, 2, 10), date(2026, 3, 5), date(2026, 3, 9), date(2026, 3, 10),
)  # fmt: skip
BY_DAY, BY_USER = (DAY, *DIMENSIONS), (USER, *DIMENSIONS)
IDLE = 99  # turns of the event loop, after which whoever can go on has done so
NUMBERS = count(100)


class Late(Process):
    """A process some of whose operations, those of the bits of `late`, take effect only after `meanwhile`."""

    def __init__(self, late: int = 0, meanwhile: Callable[[], None] = lambda: None) -> None:
        super().__init__(pause=lambda: 5)  # so that what can begin does before anything ends
        self.late, self.meanwhile = late, meanwhile
        self.begun, self.log = 0, list[str]()
        self.waiting = asyncio.Event()

    async def do[T](self, operation: Callable[[], T]) -> T:
        """One operation."""
        bit, self.begun = 1 << self.begun, self.begun + 1
        self.log.append("begin")
        if self.late & bit:
            await self.waiting.wait()
        result = await super().do(operation)
        self.log.append("end")
        return result

    async def run[T](self, work: Awaitable[T]) -> T:
        """The work: its operations that are not late, what happens meanwhile, then all the others."""
        task = asyncio.ensure_future(work)
        for _ in range(IDLE):
            await asyncio.sleep(0)
        if not task.done():
            self.meanwhile()
            self.waiting.set()
        return await task

    @property
    def side_by_side(self) -> bool:
        """Whether no operation waited for another one."""
        return self.log == sorted(self.log)


@dataclass
class Shop(Market):
    """A tenant with a reader that keeps what it knows from one reading to the next."""

    def reader_in(self, process: Process) -> Stores:
        """The stores as the reader sees them in this process."""
        return replace(
            self.reader,
            usage=self.cloud.stores(process).usage, marks=self.cloud.stores(process).marks,
        )  # fmt: skip

    async def read(self, names: tuple[str, ...], process: Process | None = None) -> Sums:
        """All there is, by these dimensions."""
        found = await read(self.reader_in(process or Process()), "contoso", ALL, names)
        return sums_of(found.cube, names)

    async def keep(self, names: tuple[str, ...]) -> None:
        """Reads until the reader keeps what it has read."""
        await self.read(names)
        self.cloud.wait(CAUGHT_UP)
        await self.read(names)
        process = Process()
        assert await self.read(names, process) == self.truth(names)
        assert process.steps == 1

    def truth(self, names: tuple[str, ...]) -> Sums:
        """The recount of what is stored."""
        return summed(recount(self.sent, self.tenant.zone), names)

    @property
    def look(self) -> Look:
        """What the reader saw last."""
        look = self.reader.looks.get("contoso")
        assert look
        return look

    @property
    def state(self) -> dict[str, Any]:
        """What is stored, and when."""
        kept = {name: {**value} for name, value in vars(self.cloud).items() if isinstance(value, dict)}
        return {**kept, "now": self.cloud.now}

    def set(self, state: dict[str, Any]) -> None:
        """Puts that in place of what is stored."""
        for name, value in state.items():
            setattr(self.cloud, name, {**value} if isinstance(value, dict) else value)


async def fill(shop: Shop) -> None:
    """A merged month, sealed days, one of them with a late event, and today: some folded, some not."""
    shop.price(BOOKS[1])
    await shop.ingest(*(on(FEBRUARY_DAY, n) for n in range(3)), on(MARCH_DAY, 3), on(TODAY, 4, 9))
    await shop.settle()
    await shop.ingest(on(TODAY, 5, 10), on(MARCH_DAY, 6))


async def today(shop: Shop) -> None:
    """An event of a day that has a mark."""
    await shop.ingest(on(TODAY, next(NUMBERS), 11))
