"""The Functions host of a chaos run: its clock is off by the seconds that the file `clock` says.

`python -m tests.chaos.host FOLDER …`: the rest is for `local.host`. What it logs goes to FOLDER/log.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from functions import _http
from local.host.__main__ import main


def run(folder: Path) -> None:
    """Runs the host. Its clock has one source, which the functions import when they are indexed."""

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float((folder / "clock").read_text()))

    _http.now = now
    with (folder / "log").open("a") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
    main()


if __name__ == "__main__":
    run(Path(sys.argv.pop(1)))
