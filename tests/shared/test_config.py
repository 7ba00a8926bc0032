"""Settings, and who may import whom."""

import ast
from pathlib import Path

import pytest

from shared.config import AlertSettings, EntraSettings, MailSettings, MissingSetting, read_settings

ROOT = Path(__file__).parents[2]
SHARED = ROOT / "shared"
EDGES = {"config.py", "services.py", "publisher.py", "telemetry.py", "entra.py"}  # these know the world
PURE = sorted(path for path in (*SHARED.glob("*.py"), *SHARED.glob("alerts/*.py")) if path.name not in EDGES)
SENDERS = "channels"  # the room of those who call the world outside
SDKS = {"azure", "aiohttp", "aiosmtplib", "requests", "httpx", "msal", "opentelemetry"}
FULL = {
    "USAGE_STORAGE__tableServiceUri": "https://x.table.core.windows.net",
    "USAGE_STORAGE__queueServiceUri": "https://x.queue.core.windows.net",
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
    uris = dict.fromkeys(("USAGE_STORAGE__tableServiceUri", "USAGE_STORAGE__queueServiceUri"), "")
    settings = read_settings({**FULL, **uris, "USAGE_STORAGE": "UseDevelopmentStorage=true"})
    assert settings.storage_connection == "UseDevelopmentStorage=true"
    assert (settings.table_service_uri, settings.queue_service_uri) == (None, None)


def test_entra_is_all_or_nothing() -> None:
    """Off without settings; with some of them the one that is missing is named."""
    assert read_settings({**FULL, "ENTRA_TENANT_CLAIM": "tenant_id"}).entra is None
    given = {"ENTRA_ISSUER": "https://x", "ENTRA_AUDIENCE": "api://x", "ENTRA_JWKS_URI": "https://x/keys"}
    entra = read_settings({**FULL, **given}).entra
    assert entra == EntraSettings("https://x", "api://x", "https://x/keys", "extension_tenantId")
    for name in given:
        with pytest.raises(MissingSetting, match=name):
            read_settings({**FULL, **given, name: ""})


def test_no_channel_is_set_up_unless_it_is_said() -> None:
    """Mails, tickets and webhooks are off without settings, and nothing private is called."""
    nothing = AlertSettings(None, None, None, None, to_private=False, dashboard_url=None)
    assert read_settings(FULL).alerts == nothing
    assert read_settings({**FULL, "WEBHOOKS_TO_PRIVATE": "yes"}).alerts == nothing
    given = {"TICKETS_URL": "https://psa", "TICKETS_TOKEN": "t", "WEBHOOK_SECRET": "s", "DASHBOARD_URL": "d"}
    found = read_settings({**FULL, **given, "WEBHOOKS_TO_PRIVATE": "true"}).alerts
    assert found == AlertSettings(None, "https://psa", "t", "s", to_private=True, dashboard_url="d")


@pytest.mark.parametrize(
    ("given", "port", "security"),
    [
        ({}, 587, "starttls"),
        ({"SMTP_SECURITY": "tls"}, 465, "tls"),
        ({"SMTP_SECURITY": "none", "SMTP_PORT": ""}, 25, "none"),
        ({"SMTP_SECURITY": "none", "SMTP_PORT": "1025"}, 1025, "none"),
    ],
)
def test_mails_are_encrypted_unless_it_is_said(given: dict[str, str], port: int, security: str) -> None:
    """The port is that of the way to encrypt, or the one that is given."""
    mail = read_settings({**FULL, "SMTP_HOST": "mail", "SMTP_SENDER": "a@b.example", **given}).alerts.mail
    assert mail == MailSettings("mail", port, security, None, None, "a@b.example")


@pytest.mark.parametrize(
    ("given", "named"),
    [({}, "SMTP_SENDER"), ({"SMTP_SENDER": "a@b", "SMTP_SECURITY": "ssl"}, "SMTP_SECURITY")],
)
def test_half_a_mail_server_is_an_error(given: dict[str, str], named: str) -> None:
    """The setting at fault is named."""
    with pytest.raises(MissingSetting, match=named):
        read_settings({**FULL, "SMTP_HOST": "mail", **given})


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
    others = {name for name in users if not name.startswith(("stores/", f"{SENDERS}/"))}
    assert others == EDGES - {"config.py"}


def test_a_secret_that_the_vault_did_not_give_is_none() -> None:
    """The text of a reference that did not resolve is never taken for the secret itself."""
    reference = "@Microsoft.KeyVault(SecretUri=https://x.vault.azure.net/secrets/webhook-secret)"
    assert read_settings(FULL | {"WEBHOOK_SECRET": reference}).alerts.webhook_secret is None


def test_secrets_are_not_shown() -> None:
    """Settings in a log or traceback hold no secret."""
    mail = {"SMTP_HOST": "mail.example", "SMTP_SENDER": "a@b.example", "SMTP_PASSWORD": "hidden-1"}
    others = {"TICKETS_TOKEN": "hidden-2", "WEBHOOK_SECRET": "hidden-3"}
    assert "hidden" not in repr(read_settings(FULL | mail | others))
