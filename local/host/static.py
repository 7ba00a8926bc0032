"""The static page beside the API, served as Azure Static Web Apps serve it by its configuration."""

import json
import mimetypes
from hashlib import sha256
from pathlib import Path
from typing import Any

from aiohttp import web

CONFIG = "staticwebapp.config.json"
TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


class StaticSite:
    """Answers GET and HEAD with the files of one folder, as it is at that moment, and with nothing else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def handle(self, request: web.BaseRequest) -> web.Response | None:
        """The file that the path names, or None: there is none, or it is not asked for by GET or HEAD."""
        file = self._file(request.path)
        if file is None or request.method not in ("GET", "HEAD"):
            return None
        try:
            content = file.read_bytes()
            config = json.loads((self._folder / CONFIG).read_bytes())
        except OSError:  # it is being built again
            return None
        tag = f'"{sha256(content).hexdigest()[:32]}"'
        headers = _headers(config, request.path) | {"ETag": tag}
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        return web.Response(body=content, headers=headers | {"Content-Type": _type(file)})

    def _file(self, path: str) -> Path | None:
        try:
            file = (self._folder / (path.lstrip("/") or "index.html")).resolve()
            is_there = file.is_relative_to(self._folder) and file.is_file()
        except (OSError, ValueError):  # no name of a file at all
            return None
        return file if is_there and file.name != CONFIG else None


def _headers(config: dict[str, Any], path: str) -> dict[str, str]:
    """Those of all files, and those of the first route that fits; a route may end with `/*`."""
    headers: dict[str, str] = config["globalHeaders"]
    for rule in config["routes"]:
        route: str = rule["route"]
        if path == route or (route.endswith("/*") and path.startswith(route[:-1])):
            headers = headers | rule["headers"]
            break
    return headers


def _type(file: Path) -> str:
    kind = TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
