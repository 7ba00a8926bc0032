"""The function app: every blueprint, and nothing else."""

import azure.functions as func

from functions.alerts import alerts
from functions.contract import contract
from functions.directory import users
from functions.events import single_events
from functions.export import exports
from functions.fallback import fallback
from functions.health import health
from functions.ingest import events
from functions.notifications import notifications
from functions.operator import operators
from functions.prices import prices
from functions.quota import quotas
from functions.timers import timers
from functions.usage import usage

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for blueprint in (
    contract,
    health,
    events,
    timers,
    usage,
    single_events,
    exports,
    quotas,
    notifications,
    alerts,
    operators,
    prices,
    users,
    fallback,
):
    app.register_functions(blueprint)
