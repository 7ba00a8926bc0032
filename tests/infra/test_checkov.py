"""checkov, from pinned tools of its own (its pins do not fit ours), finds only what is answered for."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import FILES, INFRA, ROOT

CHECKOV = ROOT / ".tools/checkov/bin/checkov"
SKIP = re.compile(r"^ *// checkov:skip=(CKV\w+): (\S.{15,})\n", re.MULTILINE)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What checkov says of infra/ when nothing is skipped."""
    copy = shutil.copytree(INFRA, tmp_path_factory.mktemp("checkov") / "infra")
    for path in copy.rglob("*.bicep"):
        path.write_text(SKIP.sub("", path.read_text()))
    options = ["--framework", "bicep", "--skip-download", "--output", "json"]
    command = [str(CHECKOV), "--directory", str(copy), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    assert "Failed to run check" not in done.stderr, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_failure_is_justified_and_every_skip_needed(report: dict[str, Any]) -> None:
    """What would fail is what is skipped, each with a reason beside it."""
    failed = [(Path(one["file_path"]).stem, one["check_id"]) for one in report["results"]["failed_checks"]]
    skipped = [(path.stem, id_) for path in FILES for id_, _ in SKIP.findall(path.read_text())]
    assert sorted(failed) == sorted(skipped)
    assert sum(path.read_text().count("checkov:") for path in FILES) == len(skipped)
    assert report["summary"]["passed"] > 20


def test_every_file_was_read(report: dict[str, Any]) -> None:
    """checkov passes over a file that it cannot parse."""
    assert report["results"]["parsing_errors"] == []
    assert report["summary"]["resource_count"] > 30
