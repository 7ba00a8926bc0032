"""Settings, and who may import whom."""

import ast
from pathlib import Path

import pytest

from shared.config import EntraSettings, MissingSetting, read_settings

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "shared"
EDGES = {"config.py", "services.py", "publisher.py", "telemetry.py", "entra.py"}  # these know the world
PURE = sorted(path for path in SHARED.glob("*.py") if path.name not in EDGES)
SDKS = {"azure", "aiohttp", "requests", "httpx", "msal", "opentelemetry"}
FULL = {
    "USAGE_STORAGE__tableServiceUri": "https://x.table.core.windows.net",
    "COSMOS_ENDPOINT": "https://x.documents.azure.com",
    "OPERATOR_KEY_SHA256": "ab" * 32,
}


def modules(path: Path) -> set[str]:
    """Every module that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def starts(modules: set[str], *roots: str) -> set[str]:
    """Those of the modules that are one of the roots, or in one."""
    return {module for module in modules if any(f"{module}.".startswith(f"{root}.") for root in roots)}


@pytest.mark.parametrize("name", FULL)
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_setting_is_named(name: str, value: str | None) -> None:
    """An empty one is a missing one."""
    environment = {key: text for key, text in FULL.items() if key != name} | (
        {name: value} if value == "" else {}
    )
    with pytest.raises(MissingSetting, match=name):
        read_settings(environment)


def test_settings_default_to_identities_and_the_names_of_the_schema() -> None:
    """Keys and connection strings are for one machine."""
    settings = read_settings(FULL)
    assert (settings.cosmos_database, settings.cosmos_container) == ("usage", "usage")
    assert (settings.cosmos_key, settings.storage_connection, settings.identity_client_id) == (
        None,
        None,
        None,
    )


def test_a_connection_string_needs_no_uri() -> None:
    """One of the two names the storage."""
    settings = read_settings(
        {**FULL, "USAGE_STORAGE": "UseDevelopmentStorage=true", "USAGE_STORAGE__tableServiceUri": ""}
    )
    assert (settings.storage_connection, settings.table_service_uri) == ("UseDevelopmentStorage=true", None)


def test_entra_is_all_or_nothing() -> None:
    """Off without settings; with some of them the one that is missing is named."""
    assert read_settings({**FULL, "ENTRA_TENANT_CLAIM": "tenant_id"}).entra is None
    given = {"ENTRA_ISSUER": "https://x", "ENTRA_AUDIENCE": "api://x", "ENTRA_JWKS_URI": "https://x/keys"}
    entra = read_settings({**FULL, **given}).entra
    assert entra == EntraSettings("https://x", "api://x", "https://x/keys", "extension_tenantId")
    for name in given:
        with pytest.raises(MissingSetting, match=name):
            read_settings({**FULL, **given, name: ""})


def test_only_the_settings_read_the_environment() -> None:
    """Nothing else in functions and shared says os.environ or getenv."""
    files = [*SHARED.rglob("*.py"), *(ROOT / "functions").rglob("*.py"), ROOT / "function_app.py"]
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in files
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"})
        or (isinstance(node, ast.ImportFrom) and node.module == "os")
    }
    assert readers == {"shared/config.py"}


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.stem)
def test_the_pure_domain_imports_neither_sdk_nor_store(path: Path) -> None:
    """Clock, clients and stores are passed in."""
    assert not starts(modules(path), *SDKS, "shared.stores", "shared.services", "shared.publisher", "os")


@pytest.mark.parametrize("path", sorted(SHARED.rglob("*.py")), ids=lambda path: path.stem)
def test_shared_imports_neither_functions_nor_local(path: Path) -> None:
    """The domain does not know who calls it."""
    assert not starts(modules(path), "functions", "local", "tests", "function_app")


def test_only_stores_and_edges_import_sdks() -> None:
    """A look at the whole of shared, that the rules above miss nothing."""
    users = {
        path.relative_to(SHARED).as_posix() for path in SHARED.rglob("*.py") if starts(modules(path), *SDKS)
    }
    assert "stores/usage.py" in users
    assert {name for name in users if not name.startswith("stores/")} == EDGES - {"config.py"}
