"""Alert rules in Table storage: one row a rule, under its tenant."""

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError
from azure.data.tables import UpdateMode

from shared.alerts.rule import Rule
from shared.stores.schema import RULES_TABLE
from shared.stores.tables import OTHERS_CAME_FIRST, Table


class RuleStore(Table):
    """`shared.alerts.ports.Rules` on Table storage."""

    name = RULES_TABLE

    async def of_tenant(self, tenant_id: str) -> list[Rule]:
        """The tenant's stored rules, by id."""
        found = await self._query("PartitionKey eq @tenant", tenant=tenant_id)
        return [Rule.model_validate_json(entity["document"]) for entity in found]

    async def find(self, tenant_id: str, rule_id: str) -> tuple[Rule, str] | None:
        """The rule and its etag; None where none is stored."""
        entity = await self._get(tenant_id, rule_id)
        if entity is None:
            return None
        return Rule.model_validate_json(entity["document"]), str(entity.metadata["etag"])

    async def save(self, rule: Rule, etag: str | None) -> bool:
        """Creates the rule (no etag) or replaces the version of that etag; False if others came first."""
        try:
            await self._write(rule, etag)
        except HttpResponseError as error:
            if error.status_code not in OTHERS_CAME_FIRST:
                raise
            return await self._is_stored(rule)
        return True

    async def delete(self, tenant_id: str, rule_id: str, etag: str) -> bool:
        """Removes the version of that etag, if the rule is there; False if others changed it first."""
        try:
            await self._table.delete_entity(
                tenant_id, rule_id, etag=etag, match_condition=MatchConditions.IfNotModified
            )
        except ResourceModifiedError:
            return False
        return True

    async def _write(self, rule: Rule, etag: str | None) -> None:
        entity = {"PartitionKey": rule.tenant_id, "RowKey": rule.id, "document": rule.model_dump_json()}
        if etag is None:
            await self._table.create_entity(entity)
        else:
            await self._table.update_entity(
                entity, mode=UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
            )

    async def _is_stored(self, rule: Rule) -> bool:
        """The client repeats a write whose answer was lost, and then meets its own rule."""
        found = await self.find(rule.tenant_id, rule.id)
        return found is not None and found[0] == rule
