"""The settings that Bicep sets are those that the code reads and the platform needs, and no others."""

import json
import re
from collections.abc import Iterator, Mapping

from shared.config import read_settings
from tests.infra.bicep import FILES, ROOT, app_settings, the, without_comments

LOCAL_ONLY = {
    "FUNCTIONS_WORKER_RUNTIME",
    "AzureWebJobsStorage",
    "USAGE_STORAGE",
    "COSMOS_KEY",
    "WEBHOOKS_TO_PRIVATE",
}
"""Settings of one machine: connection strings, keys, and what Flex Consumption is told elsewhere."""

PLATFORM = {
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "USAGE_STORAGE__credential",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
}
"""Settings that the Functions host reads, also for the queue triggers, and the exporter of telemetry."""

FORBIDDEN = re.compile(
    "FUNCTIONS_|WEBSITE_|SCM_DO_BUILD_DURING_DEPLOYMENT|ENABLE_ORYX_BUILD|TZ$|AzureWebJobsStorage$|.*_KEY$"
)
"""What Flex Consumption refuses, and what would be a key."""


class Asked(Mapping[str, str]):
    """Settings that are all there but some, and remember which were asked for."""

    def __init__(self, *missing: str) -> None:
        self.missing = missing
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        if name in self.missing:
            raise KeyError(name)
        return "1"

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


def read_by_code() -> set[str]:
    """Every setting that the code asks for, with keys and without."""
    local, cloud = Asked("SMTP_SECURITY"), Asked("USAGE_STORAGE", "COSMOS_KEY", "SMTP_SECURITY")
    read_settings(local)
    read_settings(cloud)
    return local.names | cloud.names


def test_bicep_sets_what_is_read_and_nothing_else() -> None:
    """The app settings are those of the code and of the platform, less those of one machine."""
    assert app_settings().keys() == (read_by_code() | PLATFORM) - LOCAL_ONLY


def test_the_example_has_every_setting_of_one_machine() -> None:
    """local.settings.example.json: those of the code that no identity replaces, and the host's."""
    example = json.loads((ROOT / "local.settings.example.json").read_text())["Values"].keys()
    identity = {name for name in read_by_code() if "__" in name}
    assert example == (read_by_code() - identity - PLATFORM) | LOCAL_ONLY


def test_nothing_forbidden_is_set() -> None:
    """No setting that Flex Consumption refuses or has elsewhere, and no key."""
    assert [name for name in app_settings() if FORBIDDEN.match(name)] == []


def test_secrets_are_references() -> None:
    """They stay in the vault, from which the identity takes them."""
    secrets = {"OPERATOR_KEY_SHA256", "SMTP_PASSWORD", "TICKETS_TOKEN", "WEBHOOK_SECRET"}
    found = {name for name, value in app_settings().items() if "@Microsoft.KeyVault(SecretUri=" in str(value)}
    assert found == secrets
    assert the("Microsoft.Web/sites")["keyVaultReferenceIdentity"] == "identityId"


def test_the_secrets_that_the_operator_adds_are_in_the_runbook() -> None:
    """Each name to which a setting refers, no more."""
    named = re.findall(r"\$\{vaultUri\}secrets/([a-z-]+)", str(app_settings()))
    told = re.findall(r"^    secret ([a-z-]+)", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    assert set(named) == set(told) == {"smtp-password", "tickets-token", "webhook-secret"}


def test_no_keys_leave_the_services() -> None:
    """Nothing lists keys, builds a connection string, or makes a shared access signature."""
    text = "\n".join(without_comments(path) for path in FILES)
    assert (
        re.findall(r"list(?:Keys|AccountSas|ServiceSas|ConnectionStrings)|AccountKey|SharedAccess", text)
        == []
    )


def test_the_runtime_is_that_of_the_project() -> None:
    """Python of functionAppConfig is that of .python-version; deployment storage is read by identity."""
    config = the("Microsoft.Web/sites")["functionAppConfig"]
    assert config["runtime"] == {
        "name": "python",
        "version": (ROOT / ".python-version").read_text().strip(),
    }
    assert config["deployment"]["storage"]["authentication"] == {
        "type": "UserAssignedIdentity",
        "userAssignedIdentityResourceId": "identityId",
    }
    assert config["scaleAndConcurrency"]["triggers"]["http"]["perInstanceConcurrency"] == "httpConcurrency"
