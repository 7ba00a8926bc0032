"""The local stack and the demo data; never deployed."""
