"""What the host refuses at start: one clear line, exit code 1."""

import json
import socket
from pathlib import Path

import pytest

from .hosts import APPS, start

HTTP = """
import azure.functions as func
app = func.FunctionApp()
@app.route("{}", methods=["GET"])
def one(req: func.HttpRequest) -> str: return ""
"""
OTHER = """
@app.route("{}", methods=[{}])
def other(req: func.HttpRequest) -> str: return ""
"""
QUEUE = """
import azure.functions as func
app = func.FunctionApp()
@app.queue_trigger(arg_name="m", queue_name="{}", connection="{}")
def work(m: func.QueueMessage) -> None: ...
"""
TIMER = """
import azure.functions as func
app = func.FunctionApp()
@app.timer_trigger(arg_name="t", schedule="{}")
def tick(t: func.TimerRequest) -> None: ...
"""
BLOB = """
import azure.functions as func
app = func.FunctionApp()
@app.blob_trigger(arg_name="b", path="x", connection="X")
def work(b: func.InputStream) -> None: ...
"""
NAMED = HTTP.replace("@app.route", '@app.function_name("{}")\n@app.route')


@pytest.mark.parametrize(
    ("source", "host", "line"),
    [
        (HTTP.format("admin/x"), {}, "'admin/x' begins with a reserved word"),
        (HTTP.format("Administrators"), {}, "begins with a reserved word"),
        (HTTP.format("runtime"), {"extensions": {"http": {"routePrefix": ""}}}, "reserved word"),
        (HTTP.format("a") + OTHER.format("A", '"POST", "GET"'), {}, "one and other share"),
        (HTTP.format("{a:colour}"), {}, "does not know the constraint 'colour'"),
        (HTTP.format("{a?}/b"), {}, "only a whole last segment can be optional"),
        (HTTP.format("/a"), {}, "an empty segment"),
        (HTTP.format("{a"), {}, "cannot read '{a'"),
        (HTTP.format("%NONE%"), {}, "%NONE% in '%NONE%': there is no such app setting"),
        (NAMED.format("1st", "a"), {}, "'1st' is no valid function name"),
        (NAMED.format("Host", "a"), {}, "'Host' is no valid function name"),
        (BLOB, {}, "function work: this host does not know all of its bindings: blobTrigger"),
        (QUEUE.format("q", "Nowhere"), {}, "connection Nowhere: set Nowhere to"),
        (QUEUE.format("%NONE%", "Jobs"), {}, "%NONE%"),
        (TIMER.format("0 0 0 31 2 *"), {}, "function tick: schedule .* never fires"),
        (TIMER.format("*/5 * * * *"), {}, "has 5 fields, not 6"),
        ("x = 1", {}, "cannot index .*Could not find top level function app"),
        ("raise OSError('no disk')", {}, "cannot index .*OSError: no disk"),
        (HTTP.format("a"), None, "host.json not found"),
        (HTTP.format("a"), {"version": "1.0"}, '"version" must be "2.0"'),
        (HTTP.format("a"), {"extensions": {"queues": {"batchSize": 33}}}, "from 1 to 32"),
        (HTTP.format("a"), {"functionTimeout": "soon"}, "'soon' is no time span"),
        (None, {}, "no functions found"),
    ],
)
async def test_the_host_refuses(
    tmp_path: Path, source: str | None, host: dict[str, object] | None, line: str
) -> None:
    """A broken app is refused in one line, after its own traceback if it raised one."""
    if source is not None:
        (tmp_path / "function_app.py").write_text(source)
    if host is not None:
        (tmp_path / "host.json").write_text(json.dumps({"version": "2.0"} | host))
    process = await start(tmp_path, env={"AzureWebJobsStorage": "UseDevelopmentStorage=true"})
    await process.line(f"^error: .*{line}")
    assert await process.stop(0) == 1
    assert len(process.matching("^error: ")) == 1
    assert bool(process.matching("Traceback")) == ("cannot index" in line)


async def test_a_port_in_use_is_refused() -> None:
    """The host says that it cannot listen."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = await start(APPS / "web", "--port", str(port))
        await process.line(f"^error: cannot listen on 127.0.0.1:{port}: .*in use")
        assert await process.stop(0) == 1
