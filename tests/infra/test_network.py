"""The stores can be closed to the public network, all of it spread over zones, and its cost watched."""

import pytest

from tests.infra.bicep import MAIN, Json, body, loop_over, module, of_type, parsed, the

STORES = {"storage": {"blob", "queue", "table"}, "cosmos": {"Sql"}, "vault": {"vault"}}
"""The modules of what can be closed, and the sub-resources by which the code and the host reach them."""


def choice(value: Json) -> tuple[str, object, object]:
    """Condition and values of `condition ? value : other`."""
    chosen = value["operator"]["operands"]
    return chosen["condition"], chosen["true_value"], chosen["false_value"]


def main_module(name: str) -> Json:
    """A module as main declares it."""
    declared: Json = parsed(MAIN)["modules"][name]
    return declared


@pytest.mark.parametrize("store", STORES)
def test_a_private_network_closes_every_store(store: str) -> None:
    """Its public access is that one parameter's."""
    assert choice(parsed(MAIN)["variables"]["publicAccess"]["value"]) == (
        "privateNetwork",
        "Disabled",
        "Enabled",
    )
    assert body(main_module(store))["params"]["publicNetworkAccess"] == "publicAccess"


def test_a_closed_store_has_its_private_endpoints() -> None:
    """One for each sub-resource, with a zone for its name; they are there only with the parameter."""
    assert main_module("network")["config"]["condition"] == "privateNetwork"
    targets = loop_over("network", "endpoints")
    assert {(one["resourceId"], one["group"]) for one in targets} == {
        (f"{store}Id", group) for store, groups in STORES.items() for group in groups
    }
    assert len({one["zone"] for one in targets}) == len(targets)
    for resource in ("zones", "links", "endpoints", "records"):
        assert loop_over("network", resource) == targets


def test_the_function_app_goes_out_through_the_network() -> None:
    """By a subnet that Flex Consumption takes."""
    condition, _, otherwise = choice(body(main_module("app"))["params"]["subnetId"])
    assert (condition, otherwise) == ("privateNetwork", "")
    subnets = {one["name"]: one["properties"] for one in the("Microsoft.Network/virtualNetworks")["subnets"]}
    (delegation,) = subnets["functions"]["delegations"]
    assert delegation["properties"]["serviceName"] == "Microsoft.App/environments"
    assert subnets.keys() == {"functions", "endpoints"}


def test_zones_are_one_parameter() -> None:
    """Plan, storage and Cosmos DB follow it; storage may be told otherwise."""
    assert the("Microsoft.Web/serverfarms")["zoneRedundant"] == "zoneRedundant"
    (location,) = the("Microsoft.DocumentDB/databaseAccounts")["locations"]
    assert location["isZoneRedundant"] == "zoneRedundant"
    for name in ("app", "cosmos"):
        assert body(main_module(name))["params"]["zoneRedundant"] == "zoneRedundant"
    default = parsed(MAIN)["parameters"]["storageSku"]["default"]
    assert choice(default) == ("zoneRedundant", "Standard_ZRS", "Standard_LRS")


def test_a_budget_tells_the_operators() -> None:
    """When most of it is spent, and when all of it will be."""
    (budget,) = of_type("Microsoft.Consumption/budgets")
    told = budget["properties"]["notifications"].values()
    assert [(one["thresholdType"], one["threshold"]) for one in told] == [("Actual", 80), ("Forecasted", 100)]
    assert all(one["contactGroups"] == ["actionGroupId"] and one["enabled"] for one in told)
    assert (
        main_module("budget")["config"]["condition"]["operator"]["operands"]["operand_1"] == "monthlyBudget"
    )


def test_deleted_secrets_are_kept() -> None:
    """As long as Azure allows, and nobody purges them before."""
    vault = the("Microsoft.KeyVault/vaults")
    assert (vault["softDeleteRetentionInDays"], vault["enablePurgeProtection"]) == (90, True)
    assert module("vault")["resources"]["audit"]["type"] == "Microsoft.Insights/diagnosticSettings"
