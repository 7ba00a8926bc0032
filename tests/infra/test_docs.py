"""What the documents tell to run exists: make targets, routes with their methods, parameters and settings."""

import re
from pathlib import Path

import pytest

import function_app
from functions._api import OPERATIONS
from tests.infra.bicep import INFRA, MAIN, ROOT, parsed

DOCS = sorted((ROOT / "docs").glob("*.md"))
ROUTE = r"/api/([\w/.{}*<>$-]+)"
TOLD = re.compile(rf"\b(GET|POST|PUT|DELETE) `?{ROUTE}")
CALLED = re.compile(rf'\bcall (?:-X (POST|PUT|DELETE) )?"\$API{ROUTE}')
assert function_app.app  # importing it declares the operations


def routes() -> list[tuple[str, str]]:
    """Method and path of every operation, its parameters as patterns."""
    return [(one.method, re.sub(r"\{\w+\}", "[^/]+", one.path)) for one in OPERATIONS]


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.stem)
def test_make_targets_exist(path: Path) -> None:
    """Each `make x` is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^ *)make ([a-z][\w-]*)", path.read_text(), re.MULTILINE))
    assert named - targets == set()


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.stem)
def test_calls_exist(path: Path) -> None:
    """Each call is served with its method."""
    found = TOLD.findall(path.read_text()) + CALLED.findall(path.read_text())
    calls = {(method or "GET", route.rstrip("./")) for method, route in found}
    missing = {
        (method, route)
        for method, route in calls
        if not any(method == known and re.fullmatch(pattern, route) for known, pattern in routes())
    }
    assert missing == set()


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    """Each relative link is a file of the repository."""
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", path.read_text())]
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


def test_the_runbook_sets_what_the_parameters_read() -> None:
    """Each `azd env set NAME` is read by main.bicepparam or a hook; azd values are outputs of main."""
    text = (ROOT / "docs/runbook.md").read_text()
    read = set(re.findall(r"readEnvironmentVariable\('(\w+)'", (INFRA / "main.bicepparam").read_text()))
    read |= set(re.findall(r"\$\{([A-Z_0-9]+):-", (ROOT / "azure.yaml").read_text()))
    assert set(re.findall(r"azd env set ([A-Z_0-9]+)", text)) <= read
    assert set(re.findall(r"azd env get-value ([A-Z_0-9]+)", text)) <= parsed(MAIN)["outputs"].keys() | read
