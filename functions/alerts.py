"""Alerts for API clients: rules, what fired, and how notifications went."""

import hashlib
from http import HTTPStatus
from typing import Annotated

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from functions._api import operation
from functions._http import answer, body_of, nothing, now, parameters
from functions.usage import asking
from shared.alerts import rules
from shared.alerts.answers import (
    DeliveriesAnswer,
    DeliveryAnswer,
    FiringsAnswer,
    MetricsAnswer,
    RuleAnswer,
    RulesAnswer,
    SecretAnswer,
    SentAnswer,
)
from shared.alerts.evaluate import look_again
from shared.alerts.on_request import replay, send_test
from shared.alerts.rule import Rule, RuleSettings
from shared.alerts.secrets import secret_of
from shared.alerts.shown import shown_delivery, shown_firing, shown_metrics, shown_rules
from shared.errors import Conflict
from shared.money import to_json
from shared.services import alerting, services
from shared.tenants import Tenant

alerts = func.Blueprint()
CREATED, ACCEPTED, NO_CONTENT = HTTPStatus.CREATED, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT
CONFLICT, OUTDATED = HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED
TOO_MANY = HTTPStatus.TOO_MANY_REQUESTS
RULES, RULE = "usage/alerts", "usage/alerts/{rule_id}"


class PageQuery(BaseModel):
    """Which page."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=1_000, description="Rows of a page.")] = 50
    offset: Annotated[int, Field(ge=0, le=10_000, description="Rows before the page.")] = 0


@operation(alerts, "GET", "usage/alert-metrics", caller="alerts", answer=MetricsAnswer)
async def list_alert_metrics(req: func.HttpRequest) -> func.HttpResponse:
    """The metrics that rules can look at."""
    await asking(req, "alerts")
    return answer({"data": shown_metrics()})


@operation(alerts, "GET", RULES, caller="alerts", query=PageQuery, answer=RulesAnswer)
async def list_alerts(req: func.HttpRequest) -> func.HttpResponse:
    """The tenant's rules and how each stands; the default rule comes first."""
    tenant, asked = await asking(req, "alerts"), parameters(req, PageQuery)
    found = await rules.rules_of(alerting().rules, tenant)
    page = found[asked.offset : asked.offset + asked.limit]
    data = await shown_rules(services().stores, tenant, page, now())
    pages = {"limit": asked.limit, "offset": asked.offset, "total": len(found)}
    return answer({"data": data, "pagination": pages})


@operation(alerts, "POST", RULES, caller="alerts", body=RuleSettings, answer=RuleAnswer, status=CREATED)
async def post_alert(req: func.HttpRequest) -> func.HttpResponse:
    """Creates a rule."""
    tenant, given = await asking(req, "alerts"), settings_of(req)
    await look_again(services().stores.marks, tenant, now())
    return await rule_answer(tenant, await rules.create(alerting().rules, tenant, given, now()), CREATED)


@operation(alerts, "GET", RULE, caller="alerts", answer=RuleAnswer)
async def get_alert(req: func.HttpRequest) -> func.HttpResponse:
    """One rule and how it stands. Send its ETag as If-Match to change this very version."""
    tenant = await asking(req, "alerts")
    return await rule_answer(tenant, await the_rule(req, tenant))


@operation(alerts, "PUT", RULE, caller="alerts", body=RuleSettings, answer=RuleAnswer, problems=(OUTDATED,))
async def put_alert(req: func.HttpRequest) -> func.HttpResponse:
    """Replaces what is said of a rule. Webhooks that were disabled by a 410 are called again."""
    tenant, given = await asking(req, "alerts"), settings_of(req)
    rule_id, known = req.route_params["rule_id"], if_match(req)
    await look_again(services().stores.marks, tenant, now())
    rule = await rules.replace(alerting().rules, tenant, rule_id, given, now(), known)
    return await rule_answer(tenant, rule)


@operation(alerts, "DELETE", RULE, caller="alerts", status=NO_CONTENT, problems=(OUTDATED, CONFLICT))
async def delete_alert(req: func.HttpRequest) -> func.HttpResponse:
    """Removes a rule; the default one stays, and can be disabled or muted instead."""
    tenant = await asking(req, "alerts")
    await rules.delete(alerting().rules, tenant, req.route_params["rule_id"], if_match(req))
    return nothing()


@operation(
    alerts, "POST", f"{RULE}/test", caller="alerts", answer=SentAnswer, status=ACCEPTED, problems=(TOO_MANY,)
)
async def post_alert_test(req: func.HttpRequest) -> func.HttpResponse:
    """Sends a notification that is marked as a test to every channel of the rule, on the usual way."""
    tenant = await asking(req, "alerts")
    sent = await send_test(alerting(), tenant, await the_rule(req, tenant), now())
    data = [{"id": one.id, "channel": one.channel} for one in sent]
    return answer({"data": data}, ACCEPTED)


@operation(alerts, "GET", f"{RULE}/firings", caller="alerts", query=PageQuery, answer=FiringsAnswer)
async def list_alert_firings(req: func.HttpRequest) -> func.HttpResponse:
    """What the rule fired, and why; the latest periods first."""
    tenant, asked = await asking(req, "alerts"), parameters(req, PageQuery)
    rule = await the_rule(req, tenant)
    found = await alerting().firings.of_rule(tenant.id, rule.id, asked.offset + asked.limit)
    data = [shown_firing(tenant, one) for one in found[asked.offset :]]
    return answer({"data": data, "pagination": asked})


@operation(alerts, "GET", f"{RULE}/deliveries", caller="alerts", query=PageQuery, answer=DeliveriesAnswer)
async def list_alert_deliveries(req: func.HttpRequest) -> func.HttpResponse:
    """How the rule's notifications went, with every attempt; the latest periods first."""
    tenant, asked = await asking(req, "alerts"), parameters(req, PageQuery)
    rule = await the_rule(req, tenant)
    found = await alerting().deliveries.of_rule(tenant.id, rule.id, asked.offset + asked.limit)
    return answer({"data": [shown_delivery(one) for one in found[asked.offset :]], "pagination": asked})


@operation(
    alerts,
    "POST",
    f"{RULE}/deliveries/{{delivery_id}}/replay",
    caller="alerts",
    answer=DeliveryAnswer,
    status=ACCEPTED,
)
async def post_alert_replay(req: func.HttpRequest) -> func.HttpResponse:
    """Makes another attempt at a delivery that failed."""
    tenant = await asking(req, "alerts")
    rule = await the_rule(req, tenant)
    again = await replay(alerting(), rule, req.route_params["delivery_id"], now())
    return answer(shown_delivery(again), ACCEPTED)


@operation(alerts, "GET", f"{RULE}/secret", caller="alerts", answer=SecretAnswer, problems=(CONFLICT,))
async def get_alert_secret(req: func.HttpRequest) -> func.HttpResponse:
    """The secret by which receivers of the rule's webhooks know that a call is genuine."""
    tenant = await asking(req, "alerts")
    return secret_answer(await the_rule(req, tenant))


@operation(
    alerts, "POST", f"{RULE}/secret", caller="alerts", answer=SecretAnswer, problems=(CONFLICT, TOO_MANY)
)
async def post_alert_secret(req: func.HttpRequest) -> func.HttpResponse:
    """Replaces the secret. For 24 hours the one before signs as well, so that receivers can follow."""
    tenant = await asking(req, "alerts")
    master_secret()
    return secret_answer(await rules.rotate(alerting().rules, tenant, req.route_params["rule_id"], now()))


def settings_of(req: func.HttpRequest) -> RuleSettings:
    """The rule that is asked for. Raises InvalidInput, also for channels that there are not here."""
    given = body_of(req, RuleSettings)
    rules.check(given, services().settings.alerts)
    return given


async def the_rule(req: func.HttpRequest, tenant: Tenant) -> Rule:
    """The rule of the route. Raises NotFound."""
    return await rules.find(alerting().rules, tenant, req.route_params["rule_id"])


async def rule_answer(tenant: Tenant, rule: Rule, status: HTTPStatus = HTTPStatus.OK) -> func.HttpResponse:
    """A rule, with an ETag of its version and, as a cached answer must not be old, of its state."""
    (body,) = await shown_rules(services().stores, tenant, [rule], now())
    state = hashlib.sha256(to_json(body["state"])).hexdigest()[:16]
    headers = {"ETag": f'"{rules.version_of(rule)}.{state}"', "Cache-Control": "private, no-cache"}
    return answer(body, status, headers)


def if_match(req: func.HttpRequest) -> set[str] | None:
    """The versions of a rule that the caller knows; None when any will do."""
    given = [one.strip() for one in req.headers.get("if-match", "*").split(",")]
    return None if "*" in given else {one.strip('"').split(".")[0] for one in given}


def secret_answer(rule: Rule) -> func.HttpResponse:
    """The rule's present secret. Raises Conflict where the service has no webhooks."""
    rotated = rule.rotations[-1].isoformat(timespec="milliseconds") if rule.rotations else None
    body = {"secret": secret_of(master_secret(), rule), "rotated_at": rotated}
    return answer(body, headers={"Cache-Control": "no-store"})


def master_secret() -> str:
    """What all secrets are derived from. Raises Conflict where there is none."""
    if secret := services().settings.alerts.webhook_secret:
        return secret
    raise Conflict("Webhooks are not set up in this service.")
