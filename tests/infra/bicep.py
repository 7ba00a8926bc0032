"""The Bicep files, parsed. The parser gives names and strings alike as text, without quotes."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pycep import BicepParser

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
MAIN = INFRA / "main.bicep"
MODULES = sorted((INFRA / "modules").glob("*.bicep"))
FILES = [MAIN, *MODULES]

type Json = dict[str, Any]


@cache
def parsed(path: Path) -> Json:
    """The declarations of a file: parameters, variables, resources, modules, outputs."""
    return dict(BicepParser().parse(text=path.read_text()))


def module(name: str) -> Json:
    """The declarations of a module."""
    return parsed(INFRA / f"modules/{name}.bicep")


def body(declaration: Json) -> Json:
    """The object of a resource or module, inside its loop or condition."""
    config: Json = declaration["config"]
    while set(config) & {"loop_type", "condition"} and "config" in config:
        config = config["config"]
    return config


def resources() -> Iterator[tuple[str, str, Json]]:
    """The file, type and object of every resource that is deployed."""
    for path in FILES:
        for declaration in parsed(path).get("resources", {}).values():
            if not declaration["existing"]:
                yield path.stem, declaration["type"], body(declaration)


def of_type(kind: str) -> list[Json]:
    """The objects of the resources of a type."""
    return [config for _, type_, config in resources() if type_ == kind]


def the(kind: str) -> Json:
    """The properties of the only resource of a type."""
    (config,) = of_type(kind)
    properties: Json = config["properties"]
    return properties


def loop_over(file: str, resource: str) -> list[Any]:
    """The values of the variable that a resource is repeated for."""
    declarations = module(file)
    name = declarations["resources"][resource]["config"]["loop_type"]["detail"]["array_name"]
    values: list[Any] = declarations["variables"][name]["value"]
    return values


def app_settings() -> dict[str, Any]:
    """The app settings of the function app, by name."""
    settings = the("Microsoft.Web/sites")["siteConfig"]["appSettings"]
    named = {setting["name"]: setting["value"] for setting in settings}
    assert len(named) == len(settings)
    return named


def without_comments(path: Path) -> str:
    """The text of a file without its // lines."""
    return re.sub(r"^\s*//.*$", "", path.read_text(), flags=re.MULTILINE)
