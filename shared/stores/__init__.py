"""The stores: the only rooms that import the SDKs of Azure."""
