"""The identity has the roles that the clients of the code need, and no others."""

import ast
import re
from collections.abc import Iterator

import pytest
from azure.cosmos.aio import ContainerProxy
from azure.data.tables.aio import TableClient, TableServiceClient
from azure.storage.queue.aio import QueueClient

import function_app
from tests.infra.bicep import INFRA, ROOT, app_settings, loop_over

BLOBS = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"  # Storage Blob Data Owner
QUEUES = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"  # Storage Queue Data Contributor
TABLES = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"  # Storage Table Data Contributor
COSMOS = "00000000-0000-0000-0000-000000000002"  # Cosmos DB Built-in Data Contributor
METRICS = "3913510d-42f4-4e42-8a64-420c390055eb"  # Monitoring Metrics Publisher
SECRETS = "4633458b-17de-408a-b874-0445c86b69e6"  # Key Vault Secrets User

CLIENTS = {
    "azure.cosmos": {COSMOS},  # items only: no account, database or container is made
    "azure.data.tables": {TABLES},  # entities, and the claims tables of a month
    "azure.storage.queue": {QUEUES},  # put notifications
    "azure.keyvault": {SECRETS},
    "azure.monitor": {METRICS},
    "azure.core": set[str](),
    "azure.functions": set[str](),
    "azure.identity": set[str](),
}
"""What each SDK of the code needs of the services that it calls."""

TRIGGERS = {
    "queueTrigger": {QUEUES},  # receive, renew, delete; create and put into the poison queue
    "timerTrigger": {BLOBS},  # leases
    "httpTrigger": set[str](),
}
"""What the host needs to listen for each kind of trigger; the deployment package is a blob too."""

CALLED = {
    "Storage Table Data Contributor": (TableClient, TableServiceClient),
    "Storage Queue Data Contributor": (QueueClient,),
    "Cosmos DB Built-in Data Contributor": (ContainerProxy,),
}
"""The clients whose calls need a role of the stores."""

SILENT = {"close", "from_connection_string", "get_table_client"}
"""What clients do without asking their service."""

ROLE = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def nodes() -> Iterator[ast.AST]:
    """The syntax of the deployed code."""
    for path in [*(ROOT / "functions").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]:
        yield from ast.walk(ast.parse(path.read_text()))


def sdks() -> Iterator[str]:
    """The SDK of every import of the deployed code."""
    for node in nodes():
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.startswith("azure."))


def documented() -> dict[str, str]:
    """What docs/security.md says that each role is for."""
    text = (ROOT / "docs/security.md").read_text()
    (table,) = re.findall(r"^## What the identity may do$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"^\| ([A-Z][^|]+) \| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE))


def triggers() -> set[str]:
    """The kinds of trigger of the app."""
    function_app.app.functions_bindings = {}  # it would refuse to be asked twice
    found = [one.get_trigger() for one in function_app.app.get_functions()]
    return {str(trigger.type) for trigger in found if trigger}


def needed() -> set[str]:
    """The roles that code, host and settings need."""
    roles = set[str]()
    for name in sdks():
        (client,) = [one for one in CLIENTS if f"{name}.".startswith(f"{one}.")]
        roles |= CLIENTS[client]
    for trigger in triggers():
        roles |= TRIGGERS[trigger]
    settings = app_settings()
    if "APPLICATIONINSIGHTS_CONNECTION_STRING" in settings:
        roles |= {METRICS}
    if any("@Microsoft.KeyVault" in str(value) for value in settings.values()):
        roles |= {SECRETS}
    return roles


def test_the_roles_are_those_that_are_needed() -> None:
    """Each assigned role is needed by a client, a trigger or a setting, and each such need has its role."""
    assert set(ROLE.findall((INFRA / "modules/roles.bicep").read_text())) == needed()


def test_roles_are_assigned_in_one_place() -> None:
    """Whoever reads modules/roles.bicep has read them all."""
    others = [path for path in INFRA.rglob("*.bicep") if path.name != "roles.bicep"]
    assert [
        path.name for path in others if re.search("roleAssignments|roleDefinitions", path.read_text())
    ] == []


def test_every_storage_role_says_why() -> None:
    """Its reason becomes the description of the assignment."""
    roles = loop_over("roles", "onStorage")
    assert {role["id"] for role in roles} == {BLOBS, QUEUES, TABLES}
    assert all(len(role["reason"]) > 20 for role in roles)


@pytest.mark.parametrize("role", CALLED)
def test_the_documented_calls_are_those_of_the_code(role: str) -> None:
    """Each call of a store is in the table of docs/security.md, with its role, and no other is."""
    methods = {name for client in CALLED[role] for name in dir(client) if not name.startswith("_")}
    calls = {
        node.func.attr
        for node in nodes()
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert set(re.findall(r"`(\w+)`", documented()[role])) == (calls & methods) - SILENT


def test_every_assigned_role_is_documented() -> None:
    """The names in the table are those of the assignments."""
    text = (INFRA / "modules/roles.bicep").read_text()
    named = set(re.findall(r"(?:name: '|^// )([A-Z][\w -]+?)(?:'$|: )", text, re.MULTILINE))
    assert named == documented().keys()


def test_the_deployed_code_signs_in_as_its_identity_only() -> None:
    """Other credentials are for an operator's commands, which are never deployed."""
    signs_in = {name.rsplit(".", 1)[-1] for name in sdks() if name.startswith("azure.identity")}
    assert signs_in == {"ManagedIdentityCredential"}
