"""An app of HTTP functions."""
