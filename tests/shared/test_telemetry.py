"""Telemetry: what is counted, traced and logged, what never is, and what it costs when nobody listens."""

import json
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from aiohttp import web
from opentelemetry import trace
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from functions.ingest import tell
from local.cosmos import LocalCosmos
from shared import telemetry
from shared.ingest import ingest, ingest_message
from shared.stores.usage import UsageStore
from tests.cosmos_client import container_of
from tests.fakes import NOW, body, cloud, event

ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Seen:
    """What was exported."""

    spans: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    metrics: InMemoryMetricReader = field(default_factory=InMemoryMetricReader)
    logs: InMemoryLogRecordExporter = field(default_factory=InMemoryLogRecordExporter)
