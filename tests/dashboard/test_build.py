"""The page as it is built."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from dashboard import build as room
from dashboard.build import CannotBuild, build

SCRIPT_LIMIT = 200_000  # bytes of all script, compressed


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, built with the default settings."""
    return build(tmp_path_factory.mktemp("page") / "dist")


def config_of(dist: Path) -> dict[str, Any]:
    """How the page is to be served."""
    config: dict[str, Any] = json.loads((dist / "staticwebapp.config.json").read_text())
    return config


def policy_of(dist: Path) -> dict[str, list[str]]:
    """The sources that each directive of the Content-Security-Policy allows."""
    text: str = config_of(dist)["globalHeaders"]["Content-Security-Policy"]
    return {name: sources for name, *sources in (part.split() for part in text.split(";"))}


def test_everything_that_the_page_names_is_there(dist: Path) -> None:
    """No link, script, font or import of the page leads nowhere, and none leads to another host."""
    page = (dist / "index.html").read_text()
    named = re.findall(r'(?:src|href)="([^"#?]+)"', page)
    assert len(named) > 10
    for path in named:
        assert (dist / path.removeprefix("/")).is_file(), path
    for module in dist.rglob("js/**/*.js"):
        for path in re.findall(r'from "([^"]+)"', module.read_text()):
            assert (module.parent / path).is_file(), f"{module.name} imports {path}"
    for sheet in dist.rglob("*.css"):
        for path in re.findall(r'url\("([^"]+)"\)', sheet.read_text()):
            assert (sheet.parent / path).is_file(), path


def test_every_module_is_asked_for_at_once(dist: Path) -> None:
    """The page preloads all modules, so that no import waits for another."""
    page = (dist / "index.html").read_text()
    modules = {file.name for file in dist.rglob("js/**/*.js")} - {"theme.js"}
    preloaded = set(re.findall(r'modulepreload" href="\S+/([^/"]+)"', page))
    assert preloaded == modules


def test_icons_are_there(dist: Path) -> None:
    """Every icon that a module or template names is in the sprite of the page."""
    page = (dist / "index.html").read_text()
    drawn = set(re.findall(r'<symbol id="icon-([^"]+)"', page))
    source = "".join(file.read_text() for file in dist.rglob("js/**/*.js"))
    named = set(re.findall(r'\bicon\("([^"]+)"\)', source)) | set(re.findall(r'href="#icon-([^"]+)"', page))
    assert named <= drawn


def test_nothing_inline(dist: Path) -> None:
    """The page has no script, style or handler of its own, as its policy demands."""
    page = (dist / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page)
    policy = policy_of(dist)
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == ["'self'"]
    assert policy["connect-src"] == policy["frame-ancestors"] == ["'self'"]


def test_script_is_small(dist: Path) -> None:
    """All script together, compressed, is less than 200 KB."""
    size = sum(len(gzip.compress(file.read_bytes())) for file in dist.rglob("*.js"))
    assert size < SCRIPT_LIMIT


def test_settings_reach_the_page_and_its_policy(tmp_path: Path) -> None:
    """The API's origin may be connected to, and only the named parents may embed the page."""
    dist = build(tmp_path, "https://API.example/", ["https://portal.example", "http://localhost:3000"])
    page, policy = (dist / "index.html").read_text(), policy_of(dist)
    assert '<meta name="api" content="https://api.example">' in page
    assert '<meta name="parents" content="https://portal.example http://localhost:3000">' in page
    assert policy["connect-src"] == ["'self'", "https://api.example"]
    assert policy["frame-ancestors"] == ["'self'", "https://portal.example", "http://localhost:3000"]


@pytest.mark.parametrize(
    "origin",
    ["portal.example", "https://*.example", "https://a.example/page", "https://a; script-src *", "*"],
)
def test_settings_are_origins(tmp_path: Path, origin: str) -> None:
    """What is no origin is refused by the name of its option, and nothing is built."""
    with pytest.raises(CannotBuild, match="--parents"):
        build(tmp_path / "dist", parents=[origin])
    with pytest.raises(CannotBuild, match="--api"):
        build(tmp_path / "dist", api=origin)
    assert not (tmp_path / "dist").exists()


def test_names_follow_the_content(dist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same sources give the same names; a changed one gives others, and the old files go."""
    again = build(tmp_path)
    assert (again / "index.html").read_bytes() == (dist / "index.html").read_bytes()
    monkeypatch.setattr(room, "STYLES", tuple(reversed(room.STYLES)))
    before = {folder.name for folder in (tmp_path / "assets").iterdir()}
    build(tmp_path)
    after = {folder.name for folder in (tmp_path / "assets").iterdir()}
    assert len(after) == 1
    assert after != before


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the packages of npm the build says how to get them."""
    monkeypatch.setattr(room, "MODULES", tmp_path / "nowhere")
    with pytest.raises(CannotBuild, match="npm ci"):
        build(tmp_path / "dist")
