"""What Cosmos charges: request units, read off every answer, those of failures and repeats included."""

from typing import Any

from azure.core.pipeline.transport import AioHttpTransport

from shared import telemetry

CHARGE = "x-ms-request-charge"
OPERATIONS = {"GET": "read", "PUT": "replace", "DELETE": "delete", "POST": "create"}
FLAGS = {"x-ms-documentdb-isquery": "query", "x-ms-documentdb-is-upsert": "upsert"}


class ChargedTransport(AioHttpTransport):  # type: ignore[misc] # its module loads it without a type
    """The transport of the Cosmos client. A response hook would not see what failed."""

    async def send(self, request: Any, **config: Any) -> Any:  # noqa: ANN401 - either kind of azure-core
        """Sends a request, and counts what its answer cost."""
        response = await super().send(request, **config)
        if charge := response.headers.get(CHARGE):
            telemetry.charged(operation_of(request), float(charge))
        return response


def operation_of(request: Any) -> str:  # noqa: ANN401
    """The operation of a request: one of six on documents, or what is asked of the account."""
    if "/docs" not in request.url:
        return "metadata"
    for header, operation in FLAGS.items():
        if str(request.headers.get(header)).lower() == "true":
            return operation
    return OPERATIONS[request.method]
