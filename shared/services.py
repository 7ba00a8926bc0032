"""The composition root: builds the stores from the settings, once, when they are first needed.

SDKs are imported here and late: a cold start pays only for what its first request uses.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from shared import telemetry
from shared.alerts.ports import Alerting
from shared.config import Settings, read_settings
from shared.keys import Tokens
from shared.ports import Stores

if TYPE_CHECKING:
    from azure.data.tables.aio import TableServiceClient

    from shared.stores.claims import ClaimStore
    from shared.stores.prices import PriceStore
    from shared.stores.rejects import RejectStore
    from shared.stores.snapshots import SnapshotStore
    from shared.stores.tenants import KeyStore, TenantStore


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a handler may call."""

    settings: Settings
    stores: Stores
    keys: "KeyStore"
    tenants: "TenantStore"
    rejects: "RejectStore"
    prices: "PriceStore"
    claims: "ClaimStore"
    snapshots: "SnapshotStore"
    tokens: Tokens | None
    tables: "TableServiceClient"
    identity: Any
    clients: list[Any]

    async def close(self) -> None:
        """Closes the connections; tools and tests do, a Functions process lives as long as they."""
        for client in self.clients:
            await client.close()


@cache
def services() -> Services:
    """The services of this process. First called inside a handler: the clients belong to its event loop."""
    settings = read_settings()
    telemetry.start(settings.insights_connection)
    return build(settings)


@cache
def alerting() -> Alerting:
    """What alerts of this process are kept in and go out by; only those who need it pay for it."""
    return build_alerting(services())


def build_alerting(services: Services) -> Alerting:
    """The stores and senders of alerts, on the clients of these services."""
    from shared.channels.email import EmailSender
    from shared.channels.outbound import Caller
    from shared.channels.ticket import TicketSender
    from shared.channels.webhook import WebhookSender
    from shared.stores.deliveries import DeliveryStore
    from shared.stores.firings import FiringStore
    from shared.stores.outbox import OutboxStore
    from shared.stores.rules import RuleStore

    settings, tenants, tables = services.settings.alerts, services.tenants, services.tables
    queue = _queue(services.settings, services.identity)
    services.clients.append(queue)
    rules = RuleStore(tables)
    return Alerting(
        rules=rules,
        firings=FiringStore(tables),
        deliveries=DeliveryStore(tables),
        outbox=OutboxStore(queue),
        senders={
            "email": EmailSender(settings.mail, tenants, settings.dashboard_url),
            "ticket": TicketSender(
                settings.tickets_url,
                settings.tickets_token,
                tenants,
                settings.dashboard_url,
                Caller(to_private=True),
            ),
            "webhook": WebhookSender(settings.webhook_secret, rules, Caller(settings.to_private)),
        },
    )


def build(settings: Settings, credential: Any = None) -> Services:  # noqa: ANN401
    """The services of these settings. A tool brings its own credential in place of the managed identity."""
    from shared.stores.claims import ClaimStore
    from shared.stores.marks import MarkStore
    from shared.stores.prices import PriceStore
    from shared.stores.rejects import RejectStore
    from shared.stores.snapshots import SnapshotStore
    from shared.stores.tenants import KeyStore, TenantStore
    from shared.stores.usage import UsageStore

    identity = credential or _identity(settings)
    tables, cosmos = _table_service(settings, identity), _cosmos(settings, identity)
    database = cosmos.get_database_client(settings.cosmos_database)
    tenants, keys, rejects = TenantStore(tables), KeyStore(tables), RejectStore(tables)
    prices, claims = PriceStore(tables), ClaimStore(tables)
    stores = Stores(
        usage=UsageStore(database.get_container_client(settings.cosmos_container)),
        claims=claims,
        marks=MarkStore(tables),
        rejects=rejects,
        tenants=tenants,
        prices=prices,
    )
    snapshots, tokens = SnapshotStore(tables), _tokens(settings)
    clients = [client for client in (cosmos, tables, identity) if client]
    return Services(
        settings, stores, keys, tenants, rejects, prices, claims, snapshots, tokens, tables, identity, clients
    )


def _table_service(settings: Settings, identity: Any) -> Any:  # noqa: ANN401
    from azure.data.tables.aio import TableServiceClient

    if settings.storage_connection:
        return TableServiceClient.from_connection_string(settings.storage_connection, transport=_transport())
    return TableServiceClient(settings.table_service_uri or "", credential=identity, transport=_transport())


def _queue(settings: Settings, identity: Any) -> Any:  # noqa: ANN401
    from azure.storage.queue.aio import QueueClient

    from shared.stores.schema import NOTIFICATIONS_QUEUE

    if settings.storage_connection:
        return QueueClient.from_connection_string(
            settings.storage_connection, NOTIFICATIONS_QUEUE, transport=_transport()
        )
    uri = settings.queue_service_uri or ""
    return QueueClient(uri, NOTIFICATIONS_QUEUE, identity, transport=_transport())


def _cosmos(settings: Settings, identity: Any) -> Any:  # noqa: ANN401
    from azure.cosmos.aio import CosmosClient

    from shared.stores.charges import ChargedTransport

    return CosmosClient(
        settings.cosmos_endpoint,
        credential=settings.cosmos_key or identity,
        transport=ChargedTransport(use_env_settings=False),
        retry_connect=0,  # a lost answer is ours to read back: see `UsageStore`
    )


def _tokens(settings: Settings) -> Tokens | None:
    if settings.entra is None:
        return None
    from shared.entra import EntraTokens

    return EntraTokens(settings.entra)


def _transport() -> Any:  # noqa: ANN401
    """Without a look at the proxy settings on each request the client costs half the CPU."""
    from azure.core.pipeline.transport import AioHttpTransport

    return AioHttpTransport(use_env_settings=False)


def _identity(settings: Settings) -> Any:  # noqa: ANN401
    """The managed identity for all stores that are given no key; None where there is none such."""
    if settings.storage_connection and settings.cosmos_key:
        return None
    from azure.identity.aio import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=settings.identity_client_id)
