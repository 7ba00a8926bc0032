"""Builds the page: `python -m dashboard.build [--api URL] [--parents ORIGIN ...]` writes dashboard/dist/.

All that the page loads lies in one folder that is named after its content, so that it can be cached for
good; `index.html` names that folder and is asked for anew each time.
"""

import argparse
import hashlib
import json
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
DIST = HERE / "dist"
STATIC, TEMPLATES, MODULES = HERE / "static", HERE / "templates", HERE / "node_modules"
FROM_NPM = {
    "chart.js/dist/chart.umd.min.js": "lib/chart.js",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "fonts/inter-latin.woff2",
    "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2": "fonts/inter-latin-ext.woff2",
}
STYLES = ("tokens", "base", "shell", "controls", "panels", "table")  # the others follow by name
FOR_GOOD, ANEW = "public, max-age=31536000, immutable", "no-cache"
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d+)?")


class CannotBuild(Exception):
    """Something is missing or wrong; the text says what to do."""


def build(dist: Path = DIST, api: str = "", parents: Sequence[str] = ()) -> Path:
    """Writes the whole page to `dist` and gives it back. A page that is served meanwhile stays whole.

    `api` is where the API is (without `/api`; empty for the page's own origin), and `parents` are the
    origins that may embed the page and hand it a token. Raises CannotBuild.
    """
    api = _origin("--api", api) if api else ""
    parents = [_origin("--parents", parent) for parent in parents]
    files = dict(_assets())
    folder = f"assets/{_digest(files)}"
    for name, content in files.items():
        _write(dist / folder / name, content)
    config = json.dumps(hosting(api, parents), indent=2) + "\n"
    _write(dist / "staticwebapp.config.json", config.encode())
    _write(dist / "index.html", _page(folder, files, api, parents).encode())
    for old in (dist / "assets").iterdir():
        if old != dist / folder:
            shutil.rmtree(old, ignore_errors=True)
    return dist


def hosting(api: str, parents: Sequence[str]) -> dict[str, Any]:
    """How Azure Static Web Apps serves the page; the local host keeps to it as well."""
    return {
        "globalHeaders": {
            "Content-Security-Policy": _policy(api, parents),
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            "Referrer-Policy": "no-referrer",
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
        },
        "routes": [
            {"route": "/assets/*", "headers": {"Cache-Control": FOR_GOOD}},
            {"route": "/", "headers": {"Cache-Control": ANEW}},
            {"route": "/index.html", "headers": {"Cache-Control": ANEW}},
        ],
        "navigationFallback": {"rewrite": "/index.html", "exclude": ["/assets/*", "/api/*"]},
    }


def _policy(api: str, parents: Sequence[str]) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            " ".join(filter(None, ("connect-src 'self'", api))),
            "form-action 'none'",
            "base-uri 'none'",
            " ".join(("frame-ancestors 'self'", *parents)),
        )
    )


def _page(folder: str, files: Iterable[str], api: str, parents: Sequence[str]) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    modules = sorted(name for name in files if name.startswith("js/") and name != "js/theme.js")
    return environment.get_template("index.html").render(
        assets=f"/{folder}", modules=modules, api=api, parents=parents
    )


def _assets() -> Iterable[tuple[str, bytes]]:
    """Every file that the page loads, by its name below the folder of assets."""
    yield "app.css", _styles()
    for file in sorted(STATIC.rglob("*")):
        if file.is_file() and file.suffix != ".css":
            yield file.relative_to(STATIC).as_posix(), file.read_bytes()
    for source, name in FROM_NPM.items():
        if not (MODULES / source).is_file():
            raise CannotBuild(f"{source} is not there: run `npm ci` in dashboard/")
        yield name, (MODULES / source).read_bytes()


def _styles() -> bytes:
    """One style sheet: the common ones in their order, then those of single tabs."""
    found = {file.stem: file.read_text() for file in sorted((STATIC / "css").glob("*.css"))}
    names = (*STYLES, *(name for name in found if name not in STYLES))
    return "\n".join(found[name] for name in names).encode()


def _digest(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()[:12]


def _origin(option: str, text: str) -> str:
    """The origin of a URL. Raises CannotBuild for anything that is not just an origin."""
    origin = text.rstrip("/").lower()
    if not ORIGIN.fullmatch(origin) or not urlsplit(origin).hostname:
        raise CannotBuild(f"{option}: {text!r} is no origin like https://portal.example")
    return origin


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.new")
    new.write_bytes(content)
    new.replace(file)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="dashboard.build", description=__doc__)
    parser.add_argument("--api", default="", help="where the API is, if not at the page's own origin")
    parser.add_argument("--parents", nargs="*", default=[], help="origins that may embed the page")
    parser.add_argument("--dist", type=Path, default=DIST, help="where to (%(default)s)")
    options = parser.parse_args()
    try:
        build(options.dist, options.api, options.parents)
    except CannotBuild as error:
        sys.exit(f"dashboard.build: {error}")


if __name__ == "__main__":
    main()
