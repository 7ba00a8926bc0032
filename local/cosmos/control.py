"""Faults and the request log over HTTP, for an endpoint that runs in another process.

`POST /_local/faults` takes the arguments of Faults.add, `operations` a list of kinds;
`{"ru_per_second": n}` sets the limit. `GET /_local/faults` tells how often each one `fired`,
`DELETE /_local/faults` clears both. `GET /_local/requests` answers the log, `DELETE /_local/requests`
clears it. No key is asked for: the endpoint listens on loopback unless it is told otherwise.
"""

from dataclasses import asdict
from typing import Any

import orjson

from local.cosmos.errors import CosmosError, refused
from local.cosmos.faults import Faults, Requests
from local.cosmos.wire import Answer, Call


def answer(call: Call, faults: Faults, requests: Requests) -> Answer:
    """Answer a request to `/_local/…`; CosmosError 400 for one that is not understood."""
    match call.method, call.segments[1:]:
        case "POST", ["faults"]:
            _add(call.data, faults)
        case "GET", ["faults"]:
            return Answer.of([rule.told() for rule in faults])
        case "DELETE", ["faults"]:
            faults.clear()
        case "GET", ["requests"]:
            return Answer.of([asdict(entry) for entry in requests])
        case "DELETE", ["requests"]:
            requests.clear()
        case _:
            raise refused(f"{call.method} /{'/'.join(call.segments)}")
    return Answer(204)


def _add(data: bytes, faults: Faults) -> None:
    try:
        fields: dict[str, Any] = orjson.loads(data)
        if "ru_per_second" in fields:
            faults.limit(fields.pop("ru_per_second"))
        if fields:
            faults.add(*fields.pop("operations", ()), **fields)
    except (AttributeError, TypeError, ValueError) as error:
        raise CosmosError(400, f"This is no fault: {error}") from None
