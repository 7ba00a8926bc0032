"""`make lock`: what it asks of uv."""

import subprocess
import sys
from pathlib import Path

import pytest

from local import lock


def test_all_files_are_compiled_with_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """uv writes one file for the service, one with the dev group, two for tools apart; no header, no host."""
    asked: list[list[str]] = []

    def run(command: list[str], **options: object) -> None:
        assert options == {"cwd": lock.ROOT, "check": True}
        asked.append(command)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["lock", "--upgrade"])
    lock.main()
    common = ["pip", "compile", "pyproject.toml"]
    bench = ["pip", "compile", "--group", "bench", "--constraints", "requirements-dev.txt"]
    fuzz = ["pip", "compile", "--group", "fuzz", "--constraints", "requirements-dev.txt"]
    output = ["--generate-hashes", "--no-header", "--quiet", "--output-file"]
    assert [command[1:] for command in asked] == [
        [*common, *output, "requirements.txt", "--upgrade"],
        [*common, "--group", "dev", *output, "requirements-dev.txt", "--upgrade"],
        [*bench, *output, "bench/requirements.txt", "--upgrade"],
        [*fuzz, *output, "tests/fuzz/requirements.txt", "--upgrade"],
    ]
    assert {Path(command[0]).name for command in asked} == {"uv"}
    assert Path(asked[0][0]).is_file()
