"""The workflows run what exists, with the least permissions, and no secret of Azure."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.bicep import INFRA, ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([\w./$()-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def load(path: Path) -> dict[str, Any]:
    """A workflow."""
    loaded: dict[str, Any] = yaml.safe_load(path.read_text())
    return loaded


def steps(path: Path) -> list[dict[str, Any]]:
    """The steps of all jobs of a workflow."""
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_permissions_least(path: Path) -> None:
    """Each action has a major version; a workflow reads, and a job writes nothing but its OIDC token."""
    uses = [step["uses"] for step in steps(path) if "uses" in step]
    assert uses
    assert [one for one in uses if not re.fullmatch(r"[\w-]+/[\w-]+@v\d+", one)] == []
    assert load(path)["permissions"] in ({}, {"contents": "read"})
    granted = [job.get("permissions", {}) for job in load(path)["jobs"].values()]
    assert all(one.items() <= {("contents", "read"), ("id-token", "write")} for one in granted)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_scripts_take_values_from_the_environment_only(path: Path) -> None:
    """No expression is written into a script, where its value could run."""
    assert [step["run"] for step in steps(path) if "${{" in step.get("run", "")] == []
    assert "secrets." not in path.read_text()


def test_ci_runs_the_two_commands_and_compiles_bicep() -> None:
    """`make check` and `make test`, targets of the Makefile; build and lint of main.bicep."""
    runs = "\n".join(step.get("run", "") for step in steps(ROOT / ".github/workflows/ci.yml"))
    targets = re.findall(r"^make ([\w./-]+)", runs, re.MULTILINE)
    assert {"check", "test"} <= set(targets)
    assert set(targets) - TARGETS == {".venv/.ready"}  # $(SETUP) of the Makefile
    assert "SETUP := .venv/.ready" in (ROOT / "Makefile").read_text()
    for command in ("build", "lint"):
        assert f"az bicep {command} --file infra/main.bicep" in runs


def test_ci_holds_the_stores_against_the_official_emulator() -> None:
    """It runs beside the job, which tells the tests of stores where it is."""
    job = load(ROOT / ".github/workflows/ci.yml")["jobs"]["cosmos"]
    asked = set(re.findall(r"TEST_COSMOS_\w+", (ROOT / "tests/stores/conftest.py").read_text()))
    assert job["env"].keys() == asked
    (emulator,) = job["services"].values()
    assert "azure-cosmos-emulator" in emulator["image"]
    port = job["env"]["TEST_COSMOS_ENDPOINT"].rsplit(":", 1)[1]
    assert emulator["ports"] == [f"{port}:{port}"]
    assert ".venv/bin/pytest tests/stores" in [step.get("run") for step in job["steps"]]


def test_deployment_gives_what_parameters_and_hooks_read() -> None:
    """Every variable of main.bicepparam and azure.yaml is set by the workflow."""
    read = set(re.findall(r"readEnvironmentVariable\('(\w+)'", (INFRA / "main.bicepparam").read_text()))
    read |= set(re.findall(r"\$\{([A-Z_0-9]+):-", (ROOT / "azure.yaml").read_text()))
    (job,) = load(ROOT / ".github/workflows/deploy.yml")["jobs"].values()
    assert read <= job["env"].keys()
    assert job["environment"] == "${{ inputs.environment }}"
