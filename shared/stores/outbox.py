"""The queue of notifications, as those who put messages into it see it."""

from datetime import timedelta
from math import ceil

from azure.storage.queue.aio import QueueClient

from shared.alerts.notification import Notification

NEVER = -1  # expires


class OutboxStore:
    """`shared.alerts.ports.Outbox` on Queue storage. Creating the queue is the deployment's business."""

    def __init__(self, queue: QueueClient) -> None:
        self._queue = queue

    async def put(self, notification: Notification, after: timedelta = timedelta(0)) -> None:
        """Puts a message into the queue, to be seen after a while."""
        seconds = ceil(after.total_seconds())  # never before its time
        await self._queue.send_message(notification.text(), visibility_timeout=seconds, time_to_live=NEVER)
