"""The world outside: what is sent arrives, is shown as it is, and does no harm."""
