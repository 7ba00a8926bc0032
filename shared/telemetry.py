"""Telemetry: metrics, traces and structured logs, which cost next to nothing until they are exported.

Everything else speaks to the instruments below or uses the standard `logging`, with facts as `extra`:
tenant, batch and counts, never payloads, keys, names or emails. Attributes of metrics are few and
bounded. Only `start` imports an SDK, and only when there is somewhere to export to.
"""

import logging
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import wraps

from opentelemetry import metrics, trace

SPANS_PER_SECOND = 10.0  # of one process; one at a time is always sampled
LOGGER = "usage"  # the parent of our loggers
STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}

_METER = metrics.get_meter(LOGGER)
_TRACER = trace.get_tracer(LOGGER)
_running: ContextVar[str] = ContextVar("running", default="")

EVENTS = _METER.create_counter("usage.events", "{event}", "Events by outcome and primitive.")
INGEST_LAG = _METER.create_histogram("usage.ingest.lag", "s", "From a message's arrival to its count.")
OLDEST_MARK = _METER.create_gauge("usage.mark.age", "s", "Age of the oldest day that is not sealed.")
FOLD_LAG = _METER.create_histogram(
    "usage.fold.lag", "s", "From a segment's storing to its fold, of the oldest."
)
FOLDED = _METER.create_counter("usage.folded", "{segment}", "Segments folded into day rollups.")
SEAL_DIFFERENCES = _METER.create_counter("usage.seal.differences", "{day}", "Days repaired by sealing.")
CHARGE = _METER.create_histogram("usage.cosmos.charge", "{RU}", "Request units by operation and function.")
FIRED = _METER.create_counter("usage.alerts.fired", "{firing}", "Alerts that fired, by metric.")
NOTIFICATIONS = _METER.create_counter("usage.notifications", "{notification}", "Notifications by outcome.")


def traced[**P, T](call: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Runs the function in a span of its name, under which its request units are counted.

    A failure is told by the name of its exception alone: texts may quote what was sent to us.
    """
    name = call.__name__

    @wraps(call)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        token = _running.set(name)
        try:
            with _TRACER.start_as_current_span(
                name, record_exception=False, set_status_on_exception=False
            ) as span:
                try:
                    return await call(*args, **kwargs)
                except BaseException as error:
                    span.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))
                    raise
        finally:
            _running.reset(token)

    return run


def charged(operation: str, units: float) -> None:
    """Counts the request units of one operation for the function that runs."""
    CHARGE.record(units, {"operation": operation, "function": _running.get()})


def facts(record: logging.LogRecord) -> dict[str, bool | int | float | str]:
    """The `extra` of a record, as attributes: plain values, lists as text."""
    extra = {name: value for name, value in vars(record).items() if name not in STANDARD}
    return {
        name: value if isinstance(value, bool | int | float) else _text(value)
        for name, value in extra.items()
    }


def start(connection: str | None) -> None:
    """Exports to Application Insights, if there is a connection string.

    The exporter reads APPLICATIONINSIGHTS_AUTHENTICATION_STRING itself and then uses that identity.
    """
    if not connection:
        return
    from azure.monitor.opentelemetry import exporter
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    given = {"connection_string": connection}
    export(
        BatchSpanProcessor(exporter.AzureMonitorTraceExporter(**given)),
        PeriodicExportingMetricReader(exporter.AzureMonitorMetricExporter(**given)),
        BatchLogRecordProcessor(exporter.AzureMonitorLogExporter(**given)),
        exporter.RateLimitedSampler(SPANS_PER_SECOND),
    )


def export(spans: object, reader: object, logs: object, sampler: object = None) -> None:
    """Sends spans, metrics and our log records to these processors, for the life of the process."""
    from opentelemetry import _logs
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider

    tracers, loggers = TracerProvider(sampler=sampler), LoggerProvider()  # type: ignore[arg-type]
    tracers.add_span_processor(spans)  # type: ignore[arg-type]
    loggers.add_log_record_processor(logs)  # type: ignore[arg-type]
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(MeterProvider([reader]))  # type: ignore[list-item]
    _logs.set_logger_provider(loggers)
    ours = logging.getLogger(LOGGER)
    ours.addHandler(Exported())
    ours.setLevel(logging.INFO)
    ours.propagate = False  # or the Functions host would send each record a second time


class Exported(logging.Handler):
    """Hands log records to OpenTelemetry, with their facts.

    Those below a warning go the way of their span: what is not sampled is counted all the same.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Exports one record."""
        from opentelemetry import _logs

        here = trace.get_current_span().get_span_context()
        if record.levelno < logging.WARNING and here.is_valid and not here.trace_flags.sampled:
            return
        _logs.get_logger(LOGGER).emit(
            _logs.LogRecord(
                timestamp=int(record.created * 1e9),
                severity_text=record.levelname,
                severity_number=_logs.SeverityNumber(min(1 + record.levelno // 10 * 4, 21)),
                body=record.getMessage(),
                attributes={"logger": record.name, **facts(record)},
            )
        )


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
