"""Command line: `python -m tests.chaos --seed 7`, or `make chaos SEED=7`."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from random import randrange

from tests.chaos.fire import FAULTS
from tests.chaos.run import Run, run

EVENTS, TENANTS, SECONDS, PACE = 50_000, 50, 60.0, 2.0


def report(one: Run) -> Iterator[str]:
    """What was sent and came of it, which faults happened how often, and what is wrong."""
    expected, messages = one.expected, one.plan.messages
    accepted = sum(map(len, expected.accepted.values()))
    yield f"SEED={one.seed}"
    yield f"{expected.sent:>8,} events sent in {len(messages):,} messages for {len(one.customers)} tenants"
    yield f"{accepted:>8,} accepted"
    yield f"{sum(expected.duplicates.values()):>8,} duplicates"
    yield f"{len(expected.rejects):>8,} rejected"
    yield f"{expected.again:>8,} in batches that came again byte for byte: counted nowhere"
    yield "\n   times  fault"
    for name in (*FAULTS, *one.counts):
        yield f"{(one.fire.counts + one.counts)[name]:>8,}  {name}"
    yield "\n seconds  phase"
    for name, seconds in one.seconds.items():
        yield f"{seconds:>8.1f}  {name}"
    yield ""
    yield from one.wrong[:20]
    yield f"{len(one.wrong)} differences" if one.wrong else "Everything is equal to the recount."


def main() -> None:
    """Runs chaos; exit code 1 if anything differs from the recount, or a fault never happened."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=randrange(10**6))
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--tenants", type=int, default=TENANTS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="in which all is sent, at best")
    parser.add_argument("--pace", type=float, default=PACE, help="of the faults: 2 is half as often as 1")
    options = parser.parse_args()
    one = asyncio.run(run(**vars(options)))
    sys.stdout.write("\n".join([*report(one), ""]))
    sys.exit(1 if one.wrong else 0)


if __name__ == "__main__":
    main()
