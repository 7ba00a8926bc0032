"""A local Azure Cosmos DB (NoSQL API) endpoint on SQLite, for the unmodified `azure-cosmos` client.

What it does not implement it refuses with a 400 that says so, never with a wrong answer.
"""

from local.cosmos.faults import Entry, Fault, Faults, Requests
from local.cosmos.server import EMULATOR_KEY, LocalCosmos

__all__ = ["EMULATOR_KEY", "Entry", "Fault", "Faults", "LocalCosmos", "Requests"]
