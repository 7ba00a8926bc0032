"""ASP.NET route templates: `orders/{id:int}/{tab?}`, `files/{*path}`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .settings import StartupError, expand
from .worker import Function

CONSTRAINTS = {
    "": r"[^/]+",
    "int": r"[+-]?\d{1,10}",
    "long": r"[+-]?\d{1,19}",
    "decimal": r"[+-]?\d+(?:\.\d+)?",
    "double": r"[+-]?\d+(?:\.\d+)?",
    "float": r"[+-]?\d+(?:\.\d+)?",
    "alpha": r"[a-z]+",
    "bool": r"true|false",
    "guid": r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}",
}
PARAMETER = re.compile(
    r"\{(?P<star>\*{0,2})(?P<name>[a-z_]\w*)(?::(?P<constraint>\w+))?(?P<optional>\?)?\}", re.IGNORECASE
)
RESERVED = ("admin", "runtime")


@dataclass(frozen=True, slots=True)
class Route:
    """A template that leads to a function; no methods means every method."""

    template: str
    methods: frozenset[str]
    function: Function
    pattern: re.Pattern[str]
    precedence: tuple[int, ...]

    def overlaps(self, other: "Route") -> bool:
        """Whether some request would fit both."""
        methods = self.methods & other.methods if self.methods and other.methods else True
        return self.template.lower() == other.template.lower() and bool(methods)


class Routes:
    """The table of routes of an app, the most specific first.

    Raises:
        StartupError: a route is reserved, malformed, or taken by another function.
    """

    def __init__(self, functions: Iterable[Function], prefix: str) -> None:
        found = [_route(function, prefix) for function in functions]
        for n, route in enumerate(found):
            for other in found[:n]:
                if route.overlaps(other):
                    names = f"{other.function.name} and {route.function.name}"
                    raise StartupError(f"functions {names} share the route {route.template!r}")
        self._routes = sorted(found, key=lambda route: route.precedence)

    def find(self, method: str, path: str) -> tuple[Function, dict[str, str]] | None:
        """The function for a request and its route parameters; absent optional ones left out."""
        for route in self._routes:
            if route.methods and method not in route.methods:
                continue
            if match := route.pattern.fullmatch(path):
                return route.function, {k: v for k, v in match.groupdict().items() if v}
        return None


def _route(function: Function, prefix: str) -> Route:
    given = function.trigger.get("route")
    template = function.name if given is None else expand(given)
    if template.lower().startswith(RESERVED):
        raise StartupError(
            f"function {function.name}: the route {template!r} begins with a reserved word "
            f"({' or '.join(RESERVED)})"
        )
    segments = template.split("/") if template else []
    try:
        parts = [_segment(text, n == len(segments) - 1) for n, text in enumerate(segments)]
        literal = "".join(f"/{re.escape(part)}" for part in prefix.split("/") if part)
        pattern = re.compile(literal + "".join(part for part, _ in parts) + "/?", re.IGNORECASE)
    except (ValueError, re.error) as error:
        raise StartupError(f"function {function.name}: route {template!r}: {error}") from None
    methods = frozenset(method.upper() for method in function.trigger.get("methods") or ())
    return Route(template, methods, function, pattern, tuple(rank for _, rank in parts))


def _segment(text: str, is_last: bool) -> tuple[str, int]:
    """A segment as a regular expression, and its rank: literals win, catch-alls lose."""
    if not text:
        raise ValueError("an empty segment (a leading, trailing or double slash)")
    parameters = list(PARAMETER.finditer(text))
    literals = PARAMETER.split(text)[:: PARAMETER.groups + 1]
    if any(set(literal) & set("{}?") for literal in literals):
        raise ValueError(f"cannot read {text!r}")
    if not parameters:
        return f"/{re.escape(text)}", 1
    first = parameters[0]
    whole, star, optional = first[0] == text, bool(first["star"]), bool(first["optional"])
    if any(p["star"] or p["optional"] for p in parameters) and not (whole and is_last):
        raise ValueError(f"{text!r}: only a whole last segment can be optional or catch all")
    if star:
        return f"(?:/(?P<{first['name']}>.*))?", 5
    inner = "".join(
        re.escape(literal) + group
        for literal, group in zip(literals, [*map(_group, parameters), ""], strict=True)
    )
    rank = 3 if whole and not first["constraint"] else 2
    return (f"(?:/{inner})?" if optional else f"/{inner}"), rank


def _group(parameter: re.Match[str]) -> str:
    constraint = (parameter["constraint"] or "").lower()
    if constraint not in CONSTRAINTS:
        raise ValueError(f"this host does not know the constraint {constraint!r}")
    return f"(?P<{parameter['name']}>{CONSTRAINTS[constraint]})"
