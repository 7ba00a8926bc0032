"""Queues, tables and the Cosmos container are those of shared/stores/schema.py, and closed to keys."""

from shared.stores import schema
from tests.infra.bicep import loop_over, module, the

ACCOUNT = "Microsoft.DocumentDB/databaseAccounts"


def test_queues_and_tables_are_those_of_the_code() -> None:
    """The claims tables of a month are made by the code when they are needed."""
    assert tuple(loop_over("storage", "queues")) == schema.QUEUES
    assert tuple(loop_over("storage", "tables")) == schema.TABLES
    assert schema.CLAIMS_TABLE not in schema.TABLES


def test_the_container_is_that_of_the_code() -> None:
    """Names, partition key, TTL and indexing."""
    variables = module("cosmos")["variables"]
    assert variables["databaseName"]["value"] == schema.DATABASE
    assert variables["containerName"]["value"] == schema.CONTAINER
    container = the(f"{ACCOUNT}/sqlDatabases/containers")["resource"]
    assert container["partitionKey"]["paths"] == [schema.PARTITION_KEY]
    assert number(container["defaultTtl"]) == schema.DEFAULT_TTL
    assert container["indexingPolicy"] == schema.INDEXING


def test_throughput_is_serverless_or_autoscale() -> None:
    """Serverless takes no throughput; autoscale needs a maximum."""
    throughput = the(f"{ACCOUNT}/sqlDatabases/containers")["options"]["operator"]["operands"]
    capability = the(ACCOUNT)["capabilities"]["operator"]["operands"]
    assert throughput["condition"] == capability["condition"] == "serverless"
    assert (throughput["true_value"], capability["false_value"]) == ({}, [])
    assert capability["true_value"] == [{"name": "EnableServerless"}]
    assert throughput["false_value"] == {"autoscaleSettings": {"maxThroughput": "autoscaleMaxThroughput"}}


def test_only_identities_and_tls_are_taken() -> None:
    """Shared keys and local users are off; transport is TLS 1.2 or later; nothing is anonymous."""
    storage, cosmos = the("Microsoft.Storage/storageAccounts"), the(ACCOUNT)
    wanted = {
        "allowSharedKeyAccess": False,
        "allowBlobPublicAccess": False,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
        "publicNetworkAccess": "publicNetworkAccess",
    }
    assert {name: storage[name] for name in wanted} == wanted
    assert (cosmos["disableLocalAuth"], cosmos["minimalTlsVersion"]) == (True, "Tls12")
    assert cosmos["publicNetworkAccess"] == "publicNetworkAccess"
    assert the("Microsoft.Insights/components")["DisableLocalAuth"] is True
    vault = the("Microsoft.KeyVault/vaults")
    assert (vault["enableRbacAuthorization"], vault["enablePurgeProtection"]) == (True, True)
    assert vault["enableSoftDelete"] is True


def test_the_function_app_is_reached_by_https_only() -> None:
    """No FTP, no basic publishing credentials, TLS 1.2."""
    site = the("Microsoft.Web/sites")
    assert site["httpsOnly"] is True
    config = site["siteConfig"]
    assert (config["ftpsState"], config["minTlsVersion"]) == ("Disabled", "1.2")
    policies = module("app")["resources"]
    assert [
        policies[name]["config"]["properties"]["allow"] for name in ("ftpPublishing", "scmPublishing")
    ] == [
        False,
        False,
    ]


def test_what_was_deleted_can_be_restored() -> None:
    """Blobs and containers are kept for a while; Cosmos has continuous backup."""
    blobs = the("Microsoft.Storage/storageAccounts/blobServices")
    for policy in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
        assert blobs[policy] == {"enabled": True, "days": "softDeleteDays"}
    assert the(ACCOUNT)["backupPolicy"]["type"] == "Continuous"


def number(value: object) -> object:
    """The parser gives a negative number as an operation."""
    match value:
        case {"operator": {"type": "minus", "operands": {"integer_value": int(size)}}}:
            return -size
        case _:
            return value
