"""`make fuzz`: drives each target by coverage for a while. What it learns stays in `.local/fuzz`.

Bytes that break a promise are kept there, too, and the command says how to try them again.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.fuzz.targets import TARGETS, TOKENS

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".local" / "fuzz"
MAX_LENGTH, MAX_SECONDS, MAX_MEGABYTES = 4_096, 5, 1_024  # of an input, and of what it may take
MOST_SAID = 4_000  # characters of what a failure says


def main() -> None:
    """The command; ends with 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--seconds", type=int, default=60, help="for all of them together")
    options = parser.parse_args()
    names = options.names or list(TARGETS)
    if unknown := set(names) - TARGETS.keys():
        parser.error(f"there is no target {min(unknown)}")
    seconds = max(1, options.seconds // len(names))
    sys.exit(1 if [name for name in names if not fuzz(name, seconds)] else 0)


def fuzz(name: str, seconds: int) -> bool:
    """Drives one target; whether its promise held."""
    folder = prepare(name)
    limits = (f"-max_len={MAX_LENGTH}", f"-timeout={MAX_SECONDS}", f"-rss_limit_mb={MAX_MEGABYTES}")
    files = (f"-dict={folder}.dict", f"-artifact_prefix={folder}-", str(folder))
    more = (f"-max_total_time={seconds}", "-print_final_stats=1")
    asked = command(name, *limits, *more, *files)
    run = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    inputs = stat(run.stderr, "number_of_executed_units")
    if run.returncode == 0:
        tell(f"{name}: {inputs} inputs, and the promise held")
        return True
    broken = max(KEPT.glob(f"{name}-*"), key=lambda path: path.stat().st_mtime, default=folder)
    tell(run.stdout[-MOST_SAID:], run.stderr[-MOST_SAID:])
    tell(f"{name}: the promise is broken; try it again by: {' '.join(command(name, str(broken)))}")
    return False


def tell(*lines: str) -> None:
    """Says what came of it, at once."""
    sys.stdout.write("\n".join([*lines, ""]))
    sys.stdout.flush()


def command(name: str, *options: str) -> list[str]:
    """What runs one target."""
    return [sys.executable, "-m", "tests.fuzz.run", name, *options]


def prepare(name: str) -> Path:
    """The folder of the target's inputs, with its seeds, and beside it the dictionary of tokens."""
    folder = KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[name][1]):
        (folder / f"seed-{number}").write_bytes(seed)
    folder.with_suffix(".dict").write_text("\n".join(quoted(TOKENS)))
    return folder


def quoted(tokens: Iterable[bytes]) -> Iterable[str]:
    """The tokens as libFuzzer's dictionaries have them."""
    return ('"' + "".join(f"\\x{byte:02x}" for byte in token) + '"' for token in tokens)


def stat(text: str, name: str) -> str:
    """One of libFuzzer's final numbers."""
    return next((line.split()[-1] for line in text.splitlines() if name in line), "?")


if __name__ == "__main__":
    main()
