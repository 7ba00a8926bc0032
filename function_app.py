"""The function app: every blueprint, and nothing else."""

import azure.functions as func

from functions.health import health
from functions.ingest import events
from functions.operator import operators
from functions.timers import timers
from functions.usage import usage

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for blueprint in (health, events, timers, usage, operators):
    app.register_functions(blueprint)
