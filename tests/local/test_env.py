"""`.local/demo.env`, and the settings that the documents promise."""

import json
import subprocess
from pathlib import Path

import pytest

from local.env import FOLDER, MissingSetting, read_env, write_env
from shared.config import read_settings
from shared.services import build

SETTINGS = {"USAGE_URL": "http://127.0.0.1:7071", "USAGE_KEY": "oneai_a-b=c", "EMPTY": ""}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Values come back as they were, also those with `=` in them."""
    file = tmp_path / "demo.env"
    write_env(SETTINGS, file)
    assert read_env(("USAGE_URL",), {}, file) == SETTINGS


def test_a_shell_reads_the_file(tmp_path: Path) -> None:
    """`. demo.env` sets the variables."""
    file = tmp_path / "demo.env"
    write_env(SETTINGS, file)
    script = f'. "{file}" && printf %s "$USAGE_URL $USAGE_KEY"'
    said = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)  # noqa: S603
    assert said.stdout == "http://127.0.0.1:7071 oneai_a-b=c"


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    """A variable that is set wins, an empty one does not."""
    file = tmp_path / "demo.env"
    file.write_text("# a comment\nexport A='1'\nB=2\n\n")
    assert read_env((), {"A": "9", "B": ""}, file) == {"A": "9", "B": "2"}


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """All missing settings stand in one line, with what to do."""
    with pytest.raises(MissingSetting, match=r"USAGE_KEY, OTHER: .*make run"):
        read_env(("HERE", "USAGE_KEY", "OTHER"), {"HERE": "x"}, tmp_path / "none.env")


async def test_the_example_settings_reach_the_local_emulators() -> None:
    """With `local.settings.example.json` the service's clients point at Azurite and the Cosmos endpoint."""
    example = json.loads((FOLDER.parent / "local.settings.example.json").read_text())
    services = build(read_settings(example["Values"]))
    cosmos, tables = services.clients
    assert tables.url.startswith("http://127.0.0.1:10002/devstoreaccount1")
    assert cosmos.client_connection.url_connection.startswith("http://127.0.0.1:8081")
    await services.close()
