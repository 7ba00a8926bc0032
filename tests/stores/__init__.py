"""The stores, through the real clients."""
