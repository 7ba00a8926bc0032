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
QUEUES = (EVENTS_QUEUE, POISON_QUEUE)

MARKS_TABLE = "dirty"
REJECTS_TABLE = "rejects"
TENANTS_TABLE = "tenants"
KEYS_TABLE = "apikeys"
PRICES_TABLE = "prices"
SNAPSHOTS_TABLE = "snapshots"
TABLES = (MARKS_TABLE, REJECTS_TABLE, TENANTS_TABLE, KEYS_TABLE, PRICES_TABLE, SNAPSHOTS_TABLE)
CLAIMS_TABLE = "claims"  # and year and month: dropping a table expires its claims
