"""Every Bicep file parses, says what its parameters mean, and fits the others."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.infra.bicep import FILES, INFRA, MAIN, MODULES, Json, body, parsed, resources, without_comments

KINDS = ("parameters", "variables", "outputs")
AZD_OUTPUT = re.compile(r"[A-Z][A-Z0-9_]+(__[a-z]\w+)?")
CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*")


def names(path: Path, kind: str) -> Json:
    """The declarations of a kind in a file."""
    found: Json = parsed(path).get(kind, {})
    return found


def descriptions(declaration: Json) -> list[Any]:
    """What the @description of a declaration says."""
    return [one["argument"] for one in declaration["decorators"] if one["type"] == "description"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_parameter_and_output_is_described(path: Path) -> None:
    """Each has one @description, a sentence; each file says what it is."""
    declared = [*names(path, "parameters").items(), *names(path, "outputs").items()]
    assert [name for name, one in declared if len(descriptions(one)) != 1] == []
    assert [name for name, one in declared if not descriptions(one)[0].endswith(".")] == []
    assert names(path, "metadata")["description"]["value"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_names_are_camel_case(path: Path) -> None:
    """Parameters, variables and outputs are; the outputs of main are the environment of azd."""
    for kind in KINDS:
        pattern = AZD_OUTPUT if (kind, path) == ("outputs", MAIN) else CAMEL
        assert [name for name in names(path, kind) if not pattern.fullmatch(name)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_is_declared_in_vain(path: Path) -> None:
    """Each parameter and variable is used in its file."""
    text = re.sub(r"@description\(.*\)", "", without_comments(path))
    declared = [*names(path, "parameters"), *names(path, "variables")]
    assert [name for name in declared if len(re.findall(rf"\b{name}\b", text)) < 2] == []


def test_main_gives_each_module_what_it_asks_for() -> None:
    """Parameters without default are given, others are known, and every module and output is used."""
    modules = names(MAIN, "modules")
    used = {INFRA / one["detail"]["path"] for one in modules.values()}
    assert used == set(MODULES)
    for one in modules.values():
        asked = names(INFRA / one["detail"]["path"], "parameters")
        given = body(one)["params"]
        assert given.keys() <= asked.keys()
        assert [name for name, it in asked.items() if it["default"] is None and name not in given] == []


def test_bounds_are_the_same_on_both_sides() -> None:
    """A parameter that main passes on is bounded as the module bounds it, or the compiler warns."""
    parameters = names(MAIN, "parameters")
    for one in names(MAIN, "modules").values():
        asked = names(INFRA / one["detail"]["path"], "parameters")
        for name, value in body(one)["params"].items():
            if isinstance(value, str) and value in parameters and bounds(asked[name]):
                assert bounds(parameters[value]) == bounds(asked[name]), (one["detail"]["path"], name)


def bounds(declaration: Json) -> dict[str, Any]:
    """What the decorators allow, but for the descriptions."""
    limits = {"allowed", "min_value", "max_value", "min_length", "max_length"}
    return {one["type"]: one["argument"] for one in declaration["decorators"] if one["type"] in limits}


def test_main_uses_outputs_that_exist() -> None:
    """Every `module.outputs.name` is an output of that module, and no output is unused."""
    text = without_comments(MAIN)
    asked = set(re.findall(r"\b(\w+)!?\.outputs\.(\w+)", text))
    there = {
        (name, output)
        for name, one in names(MAIN, "modules").items()
        for output in names(INFRA / one["detail"]["path"], "outputs")
    }
    assert asked == there


def test_the_parameter_file_fits() -> None:
    """main.bicepparam sets parameters that main has, and all that have no default."""
    text = (INFRA / "main.bicepparam").read_text()
    set_ = set(re.findall(r"^param (\w+) =", text, re.MULTILINE))
    declared = names(MAIN, "parameters")
    assert set_ <= declared.keys()
    assert {name for name, one in declared.items() if one["default"] is None} <= set_


def test_secrets_are_secure() -> None:
    """What comes as a secret is @secure, has no default, and leaves through no output."""
    secrets = [
        (path.stem, name)
        for path in FILES
        for name, one in names(path, "parameters").items()
        if re.search("secret|password|Key", name) and not name.endswith("Uri")
    ]
    assert secrets == [("main", "operatorKeySha256"), ("vault", "operatorKeySha256")]
    for path in FILES:
        for name, one in names(path, "parameters").items():
            if name == "operatorKeySha256":
                assert "secure" in {decorator["type"] for decorator in one["decorators"]}
                assert one["default"] is None
        assert "operatorKeySha256" not in str(names(path, "outputs"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_address_of_a_cloud_is_written_out(path: Path) -> None:
    """Addresses come from resources and from environment()."""
    hosts = r"core\.windows\.net|vault\.azure\.net|login\.microsoftonline|management\.azure|azurewebsites"
    assert re.findall(hosts, path.read_text()) == []


def test_what_costs_or_protects_is_a_parameter() -> None:
    """SKUs, sizes, redundancy and network are parameters of main with defaults."""
    wanted = {
        "storageSku", "vaultSku", "webSku", "zoneRedundant", "privateNetwork", "instanceMemoryMB",
        "maximumInstanceCount", "httpConcurrency", "alwaysReady", "cosmosAutoscaleMaxThroughput",
        "cosmosBackupTier", "softDeleteDays", "logRetentionDays", "logDailyQuotaGb", "monthlyBudget",
    }  # fmt: skip
    parameters = names(MAIN, "parameters")
    assert wanted <= parameters.keys()
    assert [name for name in wanted if parameters[name]["default"] is None] == []


def test_every_resource_that_can_be_tagged_is() -> None:
    """Tags come from main, with the environment's name."""
    tagless = {
        "providers",
        "config",
        "blobServices",
        "containers",
        "queueServices",
        "queues",
        "tableServices",
    }
    tagless |= {"tables", "sqlDatabases", "sqlRoleAssignments", "roleAssignments", "diagnosticSettings"}
    tagless |= {"secrets", "privateDnsZoneGroups", "linkedBackends", "basicPublishingCredentialsPolicies"}
    tagless |= {"budgets"}
    found = list(resources())
    assert len(found) > 30
    assert [kind for _, kind, one in found if "tags" not in one and kind.split("/")[-1] not in tagless] == []
