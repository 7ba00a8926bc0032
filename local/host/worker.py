"""Indexing and invoking functions through Microsoft's library `azure-functions-runtime`."""

import asyncio
import json
import logging
import re
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime
from azure.core.exceptions import AzureError
from azure_functions_runtime.bindings.datumdef import Datum
from azure_functions_runtime.native_invocation import invocation_request_native

from .settings import StartupError, is_disabled

log = logging.getLogger("host")

TRIGGERS = ("httpTrigger", "queueTrigger", "timerTrigger")
OUTPUTS = ("http", "queue")

type Binding = dict[str, Any]


class InvocationFailed(Exception):
    """A function raised, timed out, or its output could not be written; it has been logged."""


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """One function of the app: a trigger and its output bindings by name."""

    id: str
    name: str
    trigger: Binding
    outputs: dict[str, Binding]
    is_disabled: bool

    @property
    def kind(self) -> str:
        """The type of its trigger, such as `httpTrigger`."""
        return str(self.trigger["type"])


class _BindingInfo(SimpleNamespace):
    undefined, out, inout = range(3)


class _StatusResult(SimpleNamespace):
    Failure, Success = range(2)


# The library builds gRPC messages while it indexes; plain records do as well.
_MESSAGES = SimpleNamespace(
    BindingInfo=_BindingInfo,
    StatusResult=_StatusResult,
    RpcFunctionMetadata=SimpleNamespace,
    RpcRetryOptions=SimpleNamespace,
    RpcException=SimpleNamespace,
    WorkerMetadata=SimpleNamespace,
    WorkerInitResponse=SimpleNamespace,
    FunctionMetadataResponse=SimpleNamespace,
)


async def index(app_dir: Path) -> list[Function]:
    """Import function_app.py and list its functions.

    Raises:
        StartupError: it cannot be imported or indexed, or it uses a binding unknown to this host.
    """
    sys.path.insert(0, str(app_dir))
    init = SimpleNamespace(capabilities={}, function_app_directory=str(app_dir))
    request = SimpleNamespace(
        request=SimpleNamespace(worker_init_request=init),
        properties={"host": "127.0.0.1", "protos": _MESSAGES},
    )
    response = await runtime.worker_init_request(request)
    if response.result.status != _StatusResult.Success:
        error = response.result.exception
        raise StartupError(f"cannot index {app_dir}: {error.message}", error.stack_trace)
    found = (await runtime.functions_metadata_request(request)).function_metadata_results
    if not found:
        raise StartupError(f"no functions found in {app_dir}")
    return [_function(metadata) for metadata in found]


def _function(metadata: SimpleNamespace) -> Function:
    name = metadata.name
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,127}", name, re.IGNORECASE) or name.lower() == "host":
        raise StartupError(f"{name!r} is no valid function name")
    bindings: list[Binding] = [json.loads(raw) for raw in metadata.raw_bindings]
    triggers = [binding for binding in bindings if binding["type"] in TRIGGERS]
    outputs = {
        binding["name"]: binding
        for binding in bindings
        if binding["direction"] == "OUT" and binding["type"] in OUTPUTS
    }
    if len(triggers) != 1 or len(triggers) + len(outputs) != len(bindings):
        kinds = ", ".join(binding["type"] for binding in bindings)
        raise StartupError(f"function {name}: this host does not know all of its bindings: {kinds}")
    return Function(metadata.function_id, name, triggers[0], outputs, is_disabled(name))


class Worker:
    """Invokes functions and sends their output bindings."""

    def __init__(
        self, send: Callable[[Binding, Datum], Awaitable[None]], function_timeout: float | None
    ) -> None:
        """`send` writes one output of a queue binding; `function_timeout` is in seconds."""
        self._send = send
        self._timeout = function_timeout
        self.running: set[asyncio.Task[Datum | None]] = set()

    def start(
        self, function: Function, data: Datum, metadata: dict[str, Datum] | None = None
    ) -> asyncio.Task[Datum | None]:
        """Invoke a function in a task of its own.

        The task gives what the function returned or raises `InvocationFailed`.
        """
        task = asyncio.create_task(self._invoke(function, data, metadata or {}))
        self.running.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Datum | None]) -> None:
        self.running.discard(task)
        if not task.cancelled():
            task.exception()  # logged already; perhaps nobody waits for it any more

    async def _invoke(self, function: Function, data: Datum, metadata: dict[str, Datum]) -> Datum | None:
        invocation, started = str(uuid.uuid4()), time.perf_counter()
        try:
            returned = await self._call(invocation, function, data, metadata)
        except (InvocationFailed, TimeoutError, AzureError) as error:
            reason = str(error) or "function timeout"
            log.error("function %s failed (%s): %s", function.name, invocation, reason)  # noqa: TRY400 - one line; `_call` logs the traceback
            raise InvocationFailed(reason) from error
        if log.isEnabledFor(logging.INFO):
            took = (time.perf_counter() - started) * 1e3
            log.info("function %s succeeded (%s, %.1f ms)", function.name, invocation, took)
        return returned

    async def _call(
        self, invocation: str, function: Function, data: Datum, metadata: dict[str, Datum]
    ) -> Datum | None:
        inputs = [(function.trigger["name"], data)]
        async with asyncio.timeout(self._timeout):
            ok, returned, outputs, error, trace = await invocation_request_native(
                invocation, function.id, inputs, metadata
            )
        if not ok:
            log.info("%s", trace)
            raise InvocationFailed(f"{error}{_place(trace)}")
        await self._send_outputs(function, [*outputs, ("$return", returned)])
        return returned

    async def _send_outputs(self, function: Function, outputs: list[tuple[str, Datum | None]]) -> None:
        for name, datum in outputs:
            binding = function.outputs.get(name)
            if binding and binding["type"] == "queue" and datum is not None and datum.type:
                await self._send(binding, datum)


def _place(trace: str) -> str:
    """Where the function raised: the last frame of its traceback."""
    frames = re.findall(r'File "(.+)", line (\d+)', trace)
    return f" at {Path(frames[-1][0]).name}:{frames[-1][1]}" if frames else ""
