"""`.local/demo.env`: what `make run` says to the tools and scripts beside it."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

FOLDER = Path(__file__).parent.parent / ".local"
FILE = FOLDER / "demo.env"


class MissingSetting(Exception):
    """A setting that is neither in the file nor in the environment."""


def write_env(settings: Mapping[str, str], file: Path = FILE) -> None:
    """Writes the file: NAME='value' a line, as a shell reads it."""
    file.write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()))


def read_env(
    needed: Iterable[str], environment: Mapping[str, str] = os.environ, file: Path = FILE
) -> dict[str, str]:
    """All settings; the environment goes before the file. Raises MissingSetting."""
    lines = file.read_text().splitlines() if file.exists() else []
    pairs = (line.removeprefix("export ").split("=", 1) for line in lines if "=" in line)
    settings = {name.strip(): value.strip().strip("'\"") for name, value in pairs}
    settings |= {name: value for name, value in environment.items() if value}
    if missing := [name for name in needed if not settings.get(name)]:
        raise MissingSetting(f"{', '.join(missing)}: not in {file} nor in the environment. Is `make run` up?")
    return settings
