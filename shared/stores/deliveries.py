"""The delivery log in Table storage: one row a notification, those of the latest periods first."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableEntity, UpdateMode
from pydantic import TypeAdapter

from shared.alerts.notification import Notification
from shared.alerts.ports import Delivery
from shared.stores.by_rule import OF_RULE, ByRule, latest_first
from shared.stores.schema import DELIVERIES_TABLE
from shared.stores.tables import OTHERS_CAME_FIRST

DOCUMENT = TypeAdapter(Delivery)
BY_ID = f"{OF_RULE} and delivery_id eq @delivery"


class DeliveryStore(ByRule):
    """`shared.alerts.ports.Deliveries` on Table storage."""

    name = DELIVERIES_TABLE

    async def find(self, notification: Notification) -> Delivery | None:
        """The delivery of this notification; None before its first attempt."""
        entity = await self._get(notification.firing.tenant_id, _row(notification))
        return _delivery(entity) if entity else None

    async def by_id(self, tenant_id: str, rule_id: str, delivery_id: str) -> Delivery | None:
        """The delivery of a notification's id, if it is one of this rule."""
        found = await self._query(BY_ID, tenant=tenant_id, rule=rule_id, delivery=delivery_id)
        return _delivery(found[0]) if found else None

    async def of_rule(self, tenant_id: str, rule_id: str, limit: int) -> list[Delivery]:
        """The newest deliveries of a rule: those of the latest periods, in these the latest begun."""
        found = map(_delivery, await self._of_rule(tenant_id, rule_id, limit))
        return sorted(found, key=_age, reverse=True)[:limit]

    async def save(self, delivery: Delivery) -> Delivery | None:
        """Creates it (no etag) or replaces the version of its etag.

        Gives the new version; None if others came first. That may have been ourselves: the client repeats
        a write whose answer was lost.
        """
        try:
            return replace(delivery, etag=await self._write(_entity(delivery), delivery.etag))
        except HttpResponseError as error:
            if error.status_code not in OTHERS_CAME_FIRST:
                raise
        found = await self.find(delivery.notification)
        return found if found and _document(found) == _document(delivery) else None

    async def _write(self, entity: dict[str, Any], etag: str) -> str:
        if not etag:
            written = await self._table.create_entity(entity)
        else:
            written = await self._table.update_entity(
                entity, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
            )
        return str(written["etag"])


def _row(notification: Notification) -> str:
    return f"{latest_first(notification.firing.period.first)}|{notification.id}"


def _age(delivery: Delivery) -> tuple[date, datetime]:
    return delivery.notification.firing.period.first, delivery.created_at


def _document(delivery: Delivery) -> str:
    return DOCUMENT.dump_json(delivery, exclude={"etag"}).decode()


def _entity(delivery: Delivery) -> dict[str, Any]:
    notification = delivery.notification
    return {
        "PartitionKey": notification.firing.tenant_id,
        "RowKey": _row(notification),
        "rule_id": notification.firing.rule_id,
        "delivery_id": notification.id,
        "document": _document(delivery),
    }


def _delivery(entity: TableEntity) -> Delivery:
    return replace(DOCUMENT.validate_json(entity["document"]), etag=str(entity.metadata["etag"]))
