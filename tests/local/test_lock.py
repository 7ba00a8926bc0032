"""`make lock`: what it asks of uv."""

import subprocess
import sys
from pathlib import Path

import pytest

from local import lock


def test_both_files_are_compiled_with_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """uv writes requirements.txt and, with the dev group, requirements-dev.txt; no header, no host."""
    asked: list[list[str]] = []

    def run(command: list[str], **options: object) -> None:
        assert options == {"cwd": lock.ROOT, "check": True}
        asked.append(command)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["lock", "--upgrade"])
    lock.main()
    common = ["pip", "compile", "pyproject.toml"]
    output = ["--generate-hashes", "--no-header", "--quiet", "--output-file"]
    assert [command[1:] for command in asked] == [
        [*common, *output, "requirements.txt", "--upgrade"],
        [*common, "--group", "dev", *output, "requirements-dev.txt", "--upgrade"],
    ]
    assert {Path(command[0]).name for command in asked} == {"uv"}
    assert Path(asked[0][0]).is_file()
