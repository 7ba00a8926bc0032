"""The names and shapes that a deployment provides: Bicep in Azure, `local/provision.py` on one machine."""

from typing import Any

DATABASE = CONTAINER = "usage"
PARTITION_KEY = "/tenantId"

# Only what is queried is indexed; everything else would cost request units on each write.
INDEXING: dict[str, Any] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": f"/{name}/?"} for name in ("kind", "day", "version", "_ts")],
    "excludedPaths": [{"path": "/*"}],
}
DEFAULT_TTL = -1  # nothing expires but what says so itself

EVENTS_QUEUE = "usage-events"
POISON_QUEUE = f"{EVENTS_QUEUE}-poison"
NOTIFICATIONS_QUEUE = "usage-notifications"
UNDELIVERED_QUEUE = f"{NOTIFICATIONS_QUEUE}-poison"
QUEUES = (EVENTS_QUEUE, POISON_QUEUE, NOTIFICATIONS_QUEUE, UNDELIVERED_QUEUE)

MARKS_TABLE = "dirty"
REJECTS_TABLE = "rejects"
TENANTS_TABLE = "tenants"
KEYS_TABLE = "apikeys"
PRICES_TABLE = "prices"
SNAPSHOTS_TABLE = "snapshots"
RULES_TABLE = "rules"
FIRINGS_TABLE = "firings"
DELIVERIES_TABLE = "deliveries"
TABLES = (
    MARKS_TABLE,
    REJECTS_TABLE,
    TENANTS_TABLE,
    KEYS_TABLE,
    PRICES_TABLE,
    SNAPSHOTS_TABLE,
    RULES_TABLE,
    FIRINGS_TABLE,
    DELIVERIES_TABLE,
)
CLAIMS_TABLE = "claims"  # and year and month: dropping a table expires its claims
