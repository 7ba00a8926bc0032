"""host.json and the app settings (environment over local.settings.json)."""

import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOG_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}
OVERRIDE = "AzureFunctionsJobHost__"  # AzureFunctionsJobHost__extensions__queues__batchSize=1


class StartupError(Exception):
    """The host cannot start: one line for the user, and perhaps the app's own traceback."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """`extensions.queues` of host.json; times in seconds."""

    batch_size: int
    new_batch_threshold: int
    max_dequeue_count: int
    visibility_timeout: int
    max_polling_interval: float
    base64: bool


@dataclass(frozen=True, slots=True)
class HostOptions:
    """What this host honours of host.json; times in seconds."""

    route_prefix: str
    log_level: int
    function_timeout: float | None
    queues: QueueOptions


def seconds(timespan: str) -> float:
    """The length of a .NET TimeSpan such as `00:00:01.5` or `1.02:03:04`."""
    match = re.fullmatch(r"(?:(\d+)\.)?(\d+):(\d+)(?::(\d+(?:\.\d+)?))?", timespan)
    if match is None:
        raise ValueError(f"{timespan!r} is no time span (hh:mm:ss)")
    days, hours, minutes, rest = match.groups("0")
    return int(days) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(rest)


def load_host_options(app_dir: Path) -> HostOptions:
    """Read host.json, with the real host's defaults and refusals.

    Raises:
        StartupError: the file is missing or broken, or a value is out of range.
    """
    found = dict(_flatten(_read_json(app_dir / "host.json")))
    for name, value in os.environ.items():
        if name.startswith(OVERRIDE):
            found[name.removeprefix(OVERRIDE).replace("__", ":").lower()] = value
    if found.get("version") != "2.0":
        raise StartupError('host.json: "version" must be "2.0"')
    timeout = str(found.get("functiontimeout", "00:30:00"))
    try:
        return HostOptions(
            route_prefix=str(found.get("extensions:http:routeprefix", "api")).strip("/"),
            log_level=_choice(found, "logging:loglevel:default", "Information", LOG_LEVELS),
            function_timeout=None if timeout == "-1" else seconds(timeout),
            queues=_queue_options(found),
        )
    except ValueError as error:
        raise StartupError(f"host.json: {error}") from None


def _queue_options(found: dict[str, Any]) -> QueueOptions:
    section = "extensions:queues:"
    batch_size = _integer(found, section + "batchSize", 16, 1, 32)
    polling = seconds(str(found.get(section + "maxpollinginterval", "00:01:00")))
    if polling < 0.1:
        raise ValueError("extensions:queues:maxPollingInterval must be at least 100 ms")
    return QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=_integer(found, section + "newBatchThreshold", batch_size // 2, 0),
        max_dequeue_count=_integer(found, section + "maxDequeueCount", 5, 1),
        visibility_timeout=round(seconds(str(found.get(section + "visibilitytimeout", "00:00:00")))),
        max_polling_interval=polling,
        base64=_choice(found, section + "messageEncoding", "base64", {"base64": True, "none": False}),
    )


def _integer(found: dict[str, Any], name: str, default: int, low: int, high: int = 2**31 - 1) -> int:
    value = found.get(name.lower(), default)
    if not re.fullmatch(r"\d+", str(value)) or not low <= int(value) <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
    return int(value)


def _choice[T](found: dict[str, Any], name: str, default: str, choices: dict[str, T]) -> T:
    value = str(found.get(name.lower(), default))
    if value.lower() not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return choices[value.lower()]


def _flatten(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Pairs such as ("extensions:http:routeprefix", "api"): names ignore case, as in .NET."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flatten(inner, f"{path}:{name.lower()}" if path else name.lower())
    else:
        yield path, value


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise StartupError(f"{path.name} not found in {path.parent}") from None
    except ValueError as error:
        raise StartupError(f"{path.name} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise StartupError(f"{path.name} must hold a JSON object")
    return found


def load_app_settings(app_dir: Path) -> None:
    """Put the "Values" of local.settings.json into the environment, which wins."""
    path = app_dir / "local.settings.json"
    if not path.exists():
        return
    found = _read_json(path)
    if found.get("IsEncrypted"):
        raise StartupError("local.settings.json is encrypted: decrypt it first")
    for name, value in found.get("Values", {}).items():
        if not isinstance(value, str):
            raise StartupError(f"local.settings.json: the value of {name} must be a string")
        os.environ.setdefault(name, value)


def expand(text: str) -> str:
    """Replace each %SETTING% in a queue name, a schedule or a route.

    Raises:
        StartupError: there is no such setting.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise StartupError(f"%{match[1]}% in {text!r}: there is no such app setting")
        return os.environ[match[1]]

    return re.sub(r"%([^%]+)%", value, text)


def is_disabled(function_name: str) -> bool:
    """Whether the setting AzureWebJobs.<function>.Disabled (or with `__`) is true."""
    names = (f"AzureWebJobs.{function_name}.Disabled", f"AzureWebJobs__{function_name}__Disabled")
    return any(os.environ.get(name, "").lower() in ("1", "true") for name in names)
