"""The project as a whole: what is locked, what is committed, and what the documents name."""

import ast
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import function_app
from shared.config import read_settings

ROOT = Path(__file__).parent.parent
SOURCES = [
    ROOT / "function_app.py",
    *(path for folder in ("functions", "shared", "local") for path in sorted((ROOT / folder).rglob("*.py"))),
]
SOURCES = [path for path in SOURCES if "node_modules" not in path.parts]
HOST_SETTINGS = {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage"}  # read by the Functions host
REGISTRIES = (
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "npmjs" + ".org",
    "npmjs" + ".com",
    "yarnpkg" + ".com",
)


def committed() -> list[Path]:
    """Every file that is or would be committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def locked(name: str) -> dict[str, tuple[str, int]]:
    """The version of each package of a lock file, and how many hashes it has."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    pins = [re.match(r"([\w.-]+)==([^\s;]+)", line) for line in lines]
    assert all(pins), "each line of a lock file pins one version"
    return {
        canonicalize_name(pin[1]): (pin[2], line.count("--hash=sha256:"))
        for pin, line in zip(pins, lines, strict=True)
        if pin
    }


type Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NEEDED = PROJECT["project"]["dependencies"]
DEVELOPED_WITH = PROJECT["dependency-groups"]["dev"]
MEASURED_WITH = PROJECT["dependency-groups"]["bench"]
FUZZED_WITH = PROJECT["dependency-groups"]["fuzz"]


@pytest.mark.parametrize(
    ("file", "asked"),
    [
        ("requirements.txt", NEEDED),
        ("requirements-dev.txt", NEEDED + DEVELOPED_WITH),
        ("bench/requirements.txt", MEASURED_WITH),
        ("tests/fuzz/requirements.txt", FUZZED_WITH),
    ],
)
def test_a_lock_file_is_in_step_with_the_project(file: str, asked: list[str]) -> None:
    """Every dependency of pyproject.toml is pinned to a version that it allows; every pin has hashes."""
    pins = locked(file)
    for requirement in map(Requirement, asked):
        version, _ = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), requirement
    assert [name for name, (_, hashes) in pins.items() if not hashes] == []


def test_what_deploys_is_what_was_tested() -> None:
    """The deployed packages are those of development, at the same versions, without its tools."""
    deployed, developed = locked("requirements.txt"), locked("requirements-dev.txt")
    assert deployed.items() <= developed.items()
    assert not {canonicalize_name(Requirement(one).name) for one in DEVELOPED_WITH} & deployed.keys()


def test_the_python_version_is_said_once() -> None:
    """`.python-version` is a version that pyproject.toml allows."""
    version = (ROOT / ".python-version").read_text().strip()
    assert Requirement(f"python{PROJECT['project']['requires-python']}").specifier.contains(f"{version}.1")


def test_no_commit_names_a_registry_or_this_machine() -> None:
    """No file has a registry's host, the path of a checkout or a home; there is no uv.lock."""
    files = committed()
    assert "uv.lock" not in {path.name for path in files}
    here = {str(ROOT), str(ROOT.parent), str(Path.home())} - {"/"}
    bad = re.compile("|".join(re.escape(one) for one in (*REGISTRIES, *(f"{path}/" for path in here))))
    found = [f"{path.relative_to(ROOT)}: {match[0]}" for path in files for match in _matches(bad, path)]
    assert found == []


def test_node_packages_are_locked_without_addresses() -> None:
    """package-lock.json has versions and integrity, and no `resolved`."""
    lock = json.loads((ROOT / "local/package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert "node_modules/azurite" in packages
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []


def test_the_example_settings_are_those_that_are_read() -> None:
    """local.settings.example.json has each setting of one machine, and none that nobody reads."""
    example: dict[str, str] = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    asked = Asked(example)
    read_settings(asked)
    cloud = {name for name in asked.names if name.startswith(("USAGE_STORAGE__", "APPLICATIONINSIGHTS_"))}
    assert asked.names - cloud == example.keys() - HOST_SETTINGS


def test_every_function_is_documented_and_short() -> None:
    """Public functions, methods and classes say what they are for; no function has over 40 lines."""
    silent, long = [], []
    for path in SOURCES:
        for node, is_inner in _definitions(ast.parse(path.read_text())):
            where = f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
            if not is_inner and not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(where)
            if not isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno >= 40:
                long.append(where)
    assert (silent, long) == ([], [])


def test_every_file_is_short_and_says_what_it_is() -> None:
    """No source file has over 400 lines, and each begins with a docstring."""
    assert [str(path) for path in SOURCES if len(path.read_text().splitlines()) > 400] == []
    assert [str(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_every_function_of_the_app_tells_what_it_does() -> None:
    """Each indexed function has a docstring, and names differ."""
    functions = _functions()
    assert len({one.get_function_name() for one in functions}) == len(functions) > 10
    assert all(one.get_user_function().__doc__ for one in functions)


def test_the_readme_names_commands_that_exist() -> None:
    """Every `make` target of README.md is in the Makefile."""
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z][\w-]*)", _readme())) | set(
        re.findall(r"^\s*\$?\s*make ([a-z][\w-]*)", _readme(), re.MULTILINE)
    )
    assert {"run", "test"} <= named
    assert named - targets == set()


def test_the_readme_names_routes_that_exist() -> None:
    """Every path under /api/ of README.md is served."""
    routes = [re.sub(r"\{\w+\}", "[^/]+", route) for route in _routes()]
    named = {found.rstrip("/.,:;") for found in re.findall(r"/api/([\w./{}<>…*-]+)", _readme())}
    assert named
    missing = {
        path for path in named if not any(re.fullmatch(route, path, re.IGNORECASE) for route in routes)
    }
    assert missing == set()


class Asked(Mapping[str, str]):
    """Settings that remember which of them were asked for."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _readme() -> str:
    return (ROOT / "README.md").read_text()


def _functions() -> list[Any]:
    function_app.app.functions_bindings = {}  # it would refuse to be asked twice
    return list(function_app.app.get_functions())


def _routes() -> Iterator[str]:
    triggers = (one.get_trigger() for one in _functions())
    return (trigger.route for trigger in triggers if trigger.type == "httpTrigger")


def _matches(pattern: re.Pattern[str], path: Path) -> Iterator[re.Match[str]]:
    return pattern.finditer(path.read_bytes().decode(errors="replace"))


def _definitions(node: ast.AST, *, is_inner: bool = False) -> Iterator[tuple[Definition, bool]]:
    """Every definition below the node, and whether it is inside a function or a private class."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child, is_inner
        is_private = isinstance(child, ast.ClassDef) and child.name.startswith("_")
        inside = is_inner or is_private or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        yield from _definitions(child, is_inner=inside)
