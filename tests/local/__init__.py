"""The local stack and its tools."""
