"""`make bench`: every benchmark in a process of its own, and one report of all of them.

    python -m bench [NAME ...] [--quick] [--output FILE]

One that fails says so, and the others go on. The report of a whole run is docs/benchmarks.md.
"""

import argparse
import signal
import subprocess
import sys
from pathlib import Path

from bench import report

ROOT = Path(__file__).parent.parent
REPORT = ROOT / "docs/benchmarks.md"
SECONDS = 1_200  # until one is given up
TITLES = {
    "pure_ingest": "The pure path of ingest",
    "storage": "What a million events cost to store",
    "views": "Views, beside databases",
    "freshness": "From event to view",
    "cold_start": "Cold start",
    "memory": "Memory of the host",
    "growth": "What grows, and what does not",
}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(TITLES)}; all by default")
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: minutes in place of a quarter of an hour"
    )
    parser.add_argument(
        "--output", type=Path, help="where the report goes; a whole run's is docs/benchmarks.md"
    )
    options = parser.parse_args()
    if unknown := set(options.names) - TITLES.keys():
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    whole = not options.names and not options.quick
    output = options.output or (REPORT if whole else None)
    names = options.names or list(TITLES)
    sections = [section(name, quick=options.quick) for name in names]
    document = "\n".join([head(quick=options.quick), *sections]).rstrip() + "\n"
    print(document)
    if output:
        output.write_text(document)


def head(*, quick: bool) -> str:
    """What stands above the benchmarks."""
    sizes = " A quick run, of small sizes." if quick else ""
    return f"# Benchmarks\n\nMade by `make bench` on: {report.machine()}.{sizes}\n"


def section(name: str, *, quick: bool) -> str:
    """What one benchmark found, or why it found nothing."""
    report.progress(name)
    command = [sys.executable, "-m", f"bench.{name}", *(["--quick"] if quick else [])]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE) as running:
        try:
            body, _ = running.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGINT)  # it ends what it has started
            body, _ = running.communicate()
    if running.returncode:
        body = f"Failed, or given up after {SECONDS} s; what it said is on the standard error."
    return f"## {TITLES[name]}\n\n{body.strip()}\n"


if __name__ == "__main__":
    main()
