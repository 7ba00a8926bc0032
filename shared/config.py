"""Settings: the only place that reads the environment."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.stores import schema

TENANT_CLAIM = "extension_tenantId"
UNRESOLVED = "@Microsoft.KeyVault("  # the platform hands on a reference to a secret that it could not read
SMTP_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class MissingSetting(Exception):
    """A setting that the service cannot do without."""


@dataclass(frozen=True, slots=True)
class EntraSettings:
    """Whose tokens are taken: the issuer, its audience and keys, and the claim that names the tenant."""

    issuer: str
    audience: str
    jwks_uri: str
    tenant_claim: str


@dataclass(frozen=True, slots=True)
class MailSettings:
    """The SMTP server that sends mails, and from whom. `security` is `tls`, `starttls` or `none`."""

    host: str
    port: int
    security: str
    user: str | None
    password: str | None = field(repr=False)
    sender: str


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """How alerts go out; a channel that is not set up is None, and says so when it is used.

    Webhook secrets are derived from `webhook_secret`. `to_private` lets calls of customers reach
    private addresses, by http too: only for a machine of one's own.
    """

    mail: MailSettings | None
    tickets_url: str | None
    tickets_token: str | None = field(repr=False)
    webhook_secret: str | None = field(repr=False)
    to_private: bool
    dashboard_url: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the stores are, and how the service authenticates to them and operators to it.

    Storage is named either by a connection string (one machine, Azurite) or by the URIs of its
    queue and table services; Cosmos by an endpoint, with a key only for the local endpoint.
    Without connection string and key the service's managed identity is used.
    Without `entra` only API keys sign in; without `insights_connection` no telemetry leaves the process.
    """

    storage_connection: str | None
    table_service_uri: str | None
    queue_service_uri: str | None
    cosmos_endpoint: str
    cosmos_key: str | None
    cosmos_database: str
    cosmos_container: str
    identity_client_id: str | None
    operator_key_sha256: str
    insights_connection: str | None
    entra: EntraSettings | None
    alerts: AlertSettings


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. Raises MissingSetting, which names the one that is missing."""

    def get(name: str) -> str | None:
        value = environment.get(name)
        return None if not value or value.startswith(UNRESOLVED) else value

    def need(name: str) -> str:
        if value := get(name):
            return value
        raise MissingSetting(f"The setting {name} is missing.")

    connection = get("USAGE_STORAGE")
    return Settings(
        storage_connection=connection,
        table_service_uri=None if connection else need("USAGE_STORAGE__tableServiceUri"),
        queue_service_uri=None if connection else need("USAGE_STORAGE__queueServiceUri"),
        cosmos_endpoint=need("COSMOS_ENDPOINT"),
        cosmos_key=get("COSMOS_KEY"),
        cosmos_database=get("COSMOS_DATABASE") or schema.DATABASE,
        cosmos_container=get("COSMOS_CONTAINER") or schema.CONTAINER,
        identity_client_id=get("USAGE_STORAGE__clientId"),
        operator_key_sha256=need("OPERATOR_KEY_SHA256"),
        insights_connection=get("APPLICATIONINSIGHTS_CONNECTION_STRING"),
        entra=_entra(get, need),
        alerts=_alerts(get, need),
    )


def _alerts(get: Callable[[str], str | None], need: Callable[[str], str]) -> AlertSettings:
    return AlertSettings(
        mail=_mail(get, need) if get("SMTP_HOST") else None,
        tickets_url=get("TICKETS_URL"),
        tickets_token=get("TICKETS_TOKEN"),
        webhook_secret=get("WEBHOOK_SECRET"),
        to_private=get("WEBHOOKS_TO_PRIVATE") == "true",
        dashboard_url=get("DASHBOARD_URL"),
    )


def _mail(get: Callable[[str], str | None], need: Callable[[str], str]) -> MailSettings:
    security = get("SMTP_SECURITY") or "starttls"
    if security not in SMTP_PORTS:
        raise MissingSetting(f"SMTP_SECURITY must be one of {', '.join(SMTP_PORTS)}.")
    return MailSettings(
        host=need("SMTP_HOST"),
        port=int(get("SMTP_PORT") or SMTP_PORTS[security]),
        security=security,
        user=get("SMTP_USER"),
        password=get("SMTP_PASSWORD"),
        sender=need("SMTP_SENDER"),
    )


def _entra(get: Callable[[str], str | None], need: Callable[[str], str]) -> EntraSettings | None:
    """All of it or nothing: half of it would be a door that nobody means to open."""
    names = ("ENTRA_ISSUER", "ENTRA_AUDIENCE", "ENTRA_JWKS_URI")
    given, claim = [get(name) for name in names], get("ENTRA_TENANT_CLAIM") or TENANT_CLAIM
    issuer, audience, jwks_uri = map(need, names) if any(given) else given
    return EntraSettings(issuer, audience, jwks_uri, claim) if issuer and audience and jwks_uri else None
