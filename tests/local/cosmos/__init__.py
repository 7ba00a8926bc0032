"""The local Cosmos endpoint."""
