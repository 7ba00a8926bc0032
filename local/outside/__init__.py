"""The outside world on this machine: where mails, webhooks and tickets arrive, and pages to see them.

Run as `python -m local.outside --smtp 1025 --http 8025`, or inside another program as `Outside`.
"""

from local.outside.receivers import TICKETS_TOKEN, WEBHOOK_SECRET
from local.outside.server import Outside

__all__ = ["TICKETS_TOKEN", "WEBHOOK_SECRET", "Outside"]
