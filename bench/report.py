"""How the benchmarks tell what they found: Markdown on their standard output, progress on the other."""

import os
import platform
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from textwrap import fill

WIDTH = 110


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table; columns of numbers stand on the right."""
    filled = [[str(cell) for cell in row] for row in rows]
    rules = ["---" if column == 0 else "---:" for column in range(len(head))]
    for row in (head, rules, *filled):
        print(f"| {' | '.join(row)} |")
    print()


def text(*parts: str) -> None:
    """Prints a paragraph."""
    print(fill(" ".join(parts), WIDTH, break_long_words=False, break_on_hyphens=False), end="\n\n")


def progress(line: str) -> None:
    """Tells whoever waits what is being done."""
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", file=sys.stderr, flush=True)


def ms(seconds: float) -> str:
    """Seconds as milliseconds, to three figures."""
    number = seconds * 1000
    return f"{number:,.0f}" if number >= 100 else f"{number:.1f}"


def machine() -> str:
    """What it ran on, in one line."""
    processor = next(iter(_lines("/proc/cpuinfo", "model name")), platform.processor() or "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return (
        f"{os.cpu_count()} cores ({processor}), {memory:.0f} GB of memory, {system}, "
        f"Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    )


def median(numbers: Sequence[float]) -> float:
    """The middle one."""
    return sorted(numbers)[len(numbers) // 2]


def quantile(numbers: Sequence[float], share: float) -> float:
    """The number that this share of the others does not exceed."""
    return sorted(numbers)[min(int(len(numbers) * share), len(numbers) - 1)]


def _lines(path: str, name: str) -> list[str]:
    file = Path(path)
    lines = file.read_text().splitlines() if file.exists() else []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(name)]
