"""The memory of the Functions host while it takes a day's load and is asked for views: it should be flat."""

import asyncio
import sys
from pathlib import Path

from bench.freshness import BURST, drain
from bench.report import progress, table, text
from local.stack import Stack
from tests.stack import Customer, api_of

ROUNDS = 10
TENANTS = 4
VIEWS = ("by-feature", "by-user", "by-product", "by-model", "daily", "summary")
ALLOWED = 0.05  # growth from the middle of the day to its end


async def main() -> None:
    """Measures and prints."""
    events = 1_000 if "--quick" in sys.argv else 10_000
    async with Stack() as stack, api_of(stack) as api:
        customers = [await api.customer() for _ in range(TENANTS)]
        sizes = [await load(stack, customers, BURST * TENANTS)]
        for number in range(ROUNDS):
            progress(f"round {number + 1} of {ROUNDS}")
            sizes.append(await load(stack, customers, events))
    tell(events, sizes)


async def load(stack: Stack, customers: list[Customer], events: int) -> float:
    """Sends events, asks for every view of every tenant, folds; gives the megabytes in use then."""
    for customer in customers:
        await drain(stack, customer, events // TENANTS // BURST * BURST or BURST)
        for view in VIEWS:
            for period in ("7d", "30d", "12m"):
                await customer.get(view, period=period)
    await customers[0].api.run_timer("fold_days")
    return resident(stack)


def resident(stack: Stack) -> float:
    """The resident memory of the host's process in MB."""
    if stack.host is None:
        raise RuntimeError("the host does not run")
    status = Path(f"/proc/{stack.host.process.pid}/status").read_text().splitlines()
    (line,) = (one for one in status if one.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024


def tell(events: int, sizes: list[float]) -> None:
    """Prints the table."""
    text(
        f"MB that the host's process has resident after each round of {events:,} events through the queue,",
        f"in messages of {BURST}, of {TENANTS} tenants; {len(VIEWS) * 3 * TENANTS} views are asked for and",
        "a fold is run in each.",
    )
    head = ["", "warm", *(str(number + 1) for number in range(ROUNDS))]
    table(head, [["MB", *(f"{size:.0f}" for size in sizes)]])
    growth = sizes[-1] / sizes[len(sizes) // 2] - 1
    verdict = "met" if growth <= ALLOWED else "not met"
    text(f"Growth over the second half: {growth:+.1%}. Goal: flat (within {ALLOWED:.0%}): **{verdict}**.")


if __name__ == "__main__":
    asyncio.run(main())
