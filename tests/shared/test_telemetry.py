"""Telemetry: what is counted, traced and logged, what never is, and what it costs when nobody listens."""

import asyncio
import gzip
import json
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry import trace
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags

from functions.ingest import tell
from shared import telemetry
from shared.ingest import ingest_message
from shared.rollup import fold_day
from tests.events import body, cloud, event
from tests.fakes import NOW

ROOT = Path(__file__).parents[2]
DELTA = dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)
LOG = logging.getLogger("usage.test")
MOST_NANOSECONDS = 60_000  # for what a whole message costs; some 5,000 on an idle machine


@dataclass(slots=True)
class Seen:
    """What was exported."""

    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    metrics: InMemoryMetricReader = field(
        default_factory=lambda: InMemoryMetricReader(preferred_temporality=DELTA)  # type: ignore[arg-type]
    )
    logs: InMemoryLogRecordExporter = field(default_factory=InMemoryLogRecordExporter)

    def measured(self, name: str) -> dict[tuple[Any, ...], float]:
        """The sums of an instrument since the last look, by the values of the attributes."""
        data = self.metrics.get_metrics_data()
        return {
            tuple((point.attributes or {}).values()): float(
                getattr(point, "sum", 0) or getattr(point, "value", 0)
            )
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        }

    def records(self) -> list[dict[str, Any]]:
        """The log records, as JSON carries them."""
        found = [one.log_record for one in self.logs.get_finished_logs()]
        return [
            json.loads(json.dumps({"body": one.body, "level": one.severity_text, **(one.attributes or {})}))
            for one in found
        ]


@pytest.fixture(scope="module")
def exported() -> Iterator[Seen]:
    """Exports to memory; what logging was is put back afterwards."""
    seen, ours = Seen(), logging.getLogger(telemetry.LOGGER)
    telemetry.export(SimpleSpanProcessor(seen.spans), seen.metrics, SimpleLogRecordProcessor(seen.logs))
    handlers = [one for one in ours.handlers if isinstance(one, telemetry.Exported)]
    yield seen
    for handler in handlers:
        ours.removeHandler(handler)
    ours.propagate = True
    ours.setLevel(logging.NOTSET)


@pytest.fixture
def seen(exported: Seen) -> Seen:
    """The same, without what earlier tests left."""
    exported.spans.clear()
    exported.logs.clear()
    exported.metrics.get_metrics_data()
    return exported


async def test_events_are_counted_by_outcome_and_primitive(seen: Seen) -> None:
    """Each event once as accepted, duplicate or rejected; those without a price once more, as unpriced."""
    state = cloud()
    priced, priceless = event("1", cost_usd="0.5"), event("2", model="no-such-model")
    message = body(priced, priced, priceless, event("3", primitive="no.such"))
    tell(await ingest_message(state.stores(), message, NOW))
    assert seen.measured("usage.events") == {
        ("accepted", "ai.chat"): 2,
        ("duplicate", "ai.chat"): 1,
        ("unpriced", "ai.chat"): 1,
        ("rejected",): 1,
    }


async def test_the_wait_of_segments_for_their_fold_is_measured(seen: Seen) -> None:
    """That of the oldest one, from when it was stored."""
    state = cloud()
    await ingest_message(state.stores(), body(event("1", tenant_id="contoso")), NOW)
    await fold_day(state.stores().usage, "contoso", NOW.date(), NOW + timedelta(minutes=9))
    ((wait,),) = [seen.measured("usage.fold.lag").values()]
    assert wait == pytest.approx(540, abs=1)


async def test_a_message_is_one_record_with_facts(seen: Seen) -> None:
    """Tenant, batch and counts; a warning if anything was rejected."""
    state = cloud()
    tell(await ingest_message(state.stores(), body(event("1"), event("2", tenant_id="fabrikam")), NOW))
    tell(await ingest_message(state.stores(), b"no events", NOW))
    good, bad = seen.records()
    assert good["body"] == "accepted 2, duplicates 0, rejected 0"
    assert (good["level"], good["tenant"], good["accepted"]) == ("INFO", "contoso, fabrikam", 2)
    assert len(good["batch"]) == 32
    assert (bad["level"], bad["rejected"], bad["logger"]) == ("WARNING", 1, "usage.ingest")


async def test_no_record_metric_or_span_tells_who_or_what(seen: Seen) -> None:
    """Payloads, names, emails and user ids are nowhere, nor those of rejects."""
    user = {"id": "secret-id", "name": "secret-name", "email": "secret@contoso.example"}
    events = [event("1", user=user), event("2", user=user, primitive="secret.primitive")]

    @telemetry.traced
    async def handle(message: bytes) -> None:
        tell(await ingest_message(cloud().stores(), message, NOW))
        raise ValueError(message.decode())

    with pytest.raises(ValueError, match="secret"):
        await handle(body(*events))
    spans = [span.to_json() for span in seen.spans.get_finished_spans()]
    assert (len(spans), len(seen.records())) == (1, 1)
    data = seen.metrics.get_metrics_data()
    assert data
    assert "usage.events" in data.to_json()
    assert "secret" not in f"{spans}{seen.records()}{data.to_json()}"


async def test_a_function_runs_in_a_span_of_its_name(seen: Seen) -> None:
    """A failure is told by its kind; request units are counted for the function that runs."""

    @telemetry.traced
    async def fold_days() -> None:
        telemetry.charged("query", 2.5)
        telemetry.charged("query", 1.5)
        raise KeyError("contoso")

    with pytest.raises(KeyError):
        await fold_days()
    (span,) = seen.spans.get_finished_spans()
    assert (span.name, span.status.status_code, span.status.description) == (
        "fold_days",
        StatusCode.ERROR,
        "KeyError",
    )
    assert span.events == ()
    telemetry.charged("read", 1.0)
    assert seen.measured("usage.cosmos.charge") == {("query", "fold_days"): 4.0, ("read", ""): 1.0}


def test_what_is_not_sampled_is_not_logged_but_warnings_are(seen: Seen) -> None:
    """Logs grow no faster than spans do, and no trouble is lost."""
    unsampled = NonRecordingSpan(SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(0)))
    with trace.use_span(unsampled):
        LOG.info("all is well")
        LOG.warning("all is not")
    LOG.info("outside")
    assert [record["body"] for record in seen.records()] == ["all is not", "outside"]


async def run(script: str, **environment: str) -> str:
    """What a Python of its own prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, cwd=ROOT, stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], **environment},
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


OFF = """
import asyncio, sys, time
import function_app
from shared import telemetry
telemetry.start(None)
async def nothing(): pass
async def measure(call, times=20_000):
    began = time.perf_counter_ns()
    for _ in range(times):
        await call()
    return (time.perf_counter_ns() - began) / times
async def message():
    for outcome in ("accepted", "unpriced", "duplicate"):
        telemetry.EVENTS.add(500, {"outcome": outcome, "primitive": "ai.chat"})
    telemetry.INGEST_LAG.record(0.5)
    telemetry.charged("create", 5.5)
print(asyncio.run(measure(telemetry.traced(message))) - asyncio.run(measure(nothing)))
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "azure.monitor"))])
"""


async def test_without_an_address_telemetry_is_almost_free() -> None:
    """No SDK is loaded, and a message of any number of events costs microseconds."""
    cost, loaded = (await run(OFF)).splitlines()
    assert float(cost) < MOST_NANOSECONDS
    assert loaded == "[]"


ON = """
import logging
from opentelemetry import _logs, metrics, trace
from shared import telemetry
telemetry.start(CONNECTION)
telemetry.EVENTS.add(3, {"outcome": "accepted", "primitive": "ai.chat"})
sampled = False
while not sampled:  # spans are limited by the second
    with trace.get_tracer("usage").start_as_current_span("ingest_events") as span:
        sampled = span.is_recording()
logging.getLogger("usage.ingest").warning("accepted %d", 3, extra={"tenant": "contoso"})
for provider in (trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider()):
    provider.shutdown()
"""


async def test_with_an_address_everything_goes_to_application_insights(tmp_path: Path) -> None:
    """The real exporter sends the metric, the span and the record with its facts."""
    items: list[dict[str, Any]] = []

    async def track(request: web.BaseRequest) -> web.Response:
        data = await request.read()
        text = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
        sent = json.loads(text)
        items.extend(sent)
        return web.json_response({"itemsReceived": len(sent), "itemsAccepted": len(sent), "errors": []})

    runner = web.ServerRunner(web.Server(track))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    key = "00000000-0000-0000-0000-000000000001"
    connection = f"InstrumentationKey={key};IngestionEndpoint={address};LiveEndpoint={address}"
    await run(
        ON.replace("CONNECTION", repr(connection)),
        APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL="true",
        APPLICATIONINSIGHTS_SDKSTATS_DISABLED="true",
        APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED="true",
        TMPDIR=str(tmp_path),
    )
    await runner.cleanup()
    found = {item["data"]["baseType"]: item["data"]["baseData"] for item in items}
    assert found["MetricData"]["metrics"][0]["name"] == "usage.events"
    assert found["MetricData"]["metrics"][0]["value"] == 3
    assert found["RemoteDependencyData"]["name"] == "ingest_events"
    assert found["MessageData"]["message"] == "accepted 3"
    assert found["MessageData"]["properties"]["tenant"] == "contoso"
