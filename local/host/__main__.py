"""Command line: python -m local.host [APP_DIR] --port 7071."""

import argparse
import asyncio
import hashlib
import logging
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import azure_functions_runtime as runtime
from aiohttp import web

from .admin import Admin
from .http import ANSWER_SECONDS, HttpListener
from .keys import Keys
from .queues import QueueListener, QueueOutput
from .routes import Routes
from .settings import StartupError, load_app_settings, load_host_options
from .static import StaticSite
from .storage import Storage
from .timers import CONNECTION, TABLE, TimerListener, Timers
from .worker import Function, Worker, index

log = logging.getLogger("host")

DRAIN_SECONDS = 10
LEASE_SECONDS = 30
MAX_LINE = 32 * 1024  # of a request line: filters repeat
HOST_ID = "AzureFunctionsWebHost__hostid"  # the real setting: hosts of one app share it


@dataclass(frozen=True, slots=True)
class Host:
    """An indexed app with its listeners, not yet started."""

    worker: Worker
    http: HttpListener
    listeners: list[QueueListener | TimerListener]

    async def serve(self, address: str, port: int) -> None:
        """Listen until SIGTERM or SIGINT; then finish what runs, within ten seconds."""
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        runner = web.ServerRunner(
            # The app sees bodies as they were sent, gzip included.
            web.Server(self.http.handle, auto_decompress=False, access_log=None, max_line_size=MAX_LINE),
            shutdown_timeout=2 * DRAIN_SECONDS,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, address, port).start()
        except OSError as error:
            raise StartupError(f"cannot listen on {address}:{port}: {error.strerror}") from None
        print(f"Listening on http://{address}:{runner.addresses[0][1]}", flush=True)
        async with asyncio.TaskGroup() as group:
            for listener in self.listeners:
                group.create_task(listener.run(stopping))
            await stopping.wait()
            deadline = asyncio.get_running_loop().call_later(DRAIN_SECONDS, _abandon)
            group.create_task(self._drain(runner))
        deadline.cancel()

    async def _drain(self, runner: web.ServerRunner) -> None:
        # The app's own clients end with the process: nothing tells an app that its host stops.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        await runner.cleanup()
        if self.worker.running:
            await asyncio.wait(self.worker.running)


def _abandon() -> None:
    log.warning("functions still run after %s s: leaving them", DRAIN_SECONDS)
    os._exit(0)  # a thread that runs a sync function cannot be ended otherwise


async def build(options: argparse.Namespace, storage: Storage) -> Host:
    """Index the app and prepare all that listens.

    Raises:
        StartupError: the real host would refuse the app, or this one cannot run it.
    """
    app_dir: Path = options.app_dir.resolve()
    load_app_settings(app_dir)
    settings = load_host_options(app_dir)
    set_up_logging(settings.log_level, verbose=options.verbose)
    runtime.start_threadpool_executor()
    functions = await index(app_dir)
    worker = Worker(QueueOutput(storage, settings.queues).send, settings.function_timeout)
    routes = Routes(
        [f for f in functions if f.kind == "httpTrigger" and not f.is_disabled],
        settings.route_prefix,
    )
    keys = Keys(
        options.function_key or os.environ.get("FUNCTIONS_LOCAL_KEY"),
        options.master_key or os.environ.get("FUNCTIONS_LOCAL_MASTER_KEY"),
    )
    if not keys.enforced:
        log.info("no key is set: auth levels are not enforced")
    host_id = os.environ.get(HOST_ID) or _digest(str(app_dir))
    admin = Admin(functions, worker, keys, host_id)
    site = options.static and StaticSite(options.static)
    http = HttpListener(routes, worker, keys, admin, options.answer_timeout, site)

    def listener(function: Function) -> QueueListener | TimerListener:
        if function.kind == "queueTrigger":
            return QueueListener(function, worker, storage, settings.queues, options.lease)
        timers = Timers(storage.table(CONNECTION, TABLE), host_id)
        return TimerListener(function, worker, timers, options.lease)

    active = [f for f in functions if f.kind != "httpTrigger" and not f.is_disabled]
    return Host(worker, http, [listener(function) for function in active])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def set_up_logging(level: int, *, verbose: bool) -> None:
    """Warnings only, unless host.json is stricter; verbose: all that host.json lets through."""
    logging.basicConfig(
        level=level if verbose else max(level, logging.WARNING),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    for name in ("azure", "aiohttp.server"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # The library logs every failure with a traceback; the worker does it in one line.
    logging.getLogger("azure.functions").setLevel(logging.CRITICAL)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("app_dir", nargs="?", default=Path(), type=Path, metavar="APP_DIR")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7071, help="0 takes a free one")
    parser.add_argument("--function-key", help="or FUNCTIONS_LOCAL_KEY")
    parser.add_argument("--master-key", help="or FUNCTIONS_LOCAL_MASTER_KEY")
    parser.add_argument("--lease", type=int, default=LEASE_SECONDS, help="seconds a message or timer is held")
    parser.add_argument("--answer-timeout", type=float, default=ANSWER_SECONDS, help="seconds, then HTTP 504")
    parser.add_argument("--static", type=Path, help="a folder whose files are served at /")
    parser.add_argument("--verbose", action="store_true", help="log what host.json lets through")
    return parser.parse_args(arguments)


async def run(options: argparse.Namespace) -> None:
    """Start the host and serve until it is told to stop."""
    storage = Storage()
    try:
        host = await build(options, storage)
        await host.serve(options.address, options.port)
    finally:
        await storage.close()


def main() -> None:
    """Run the host; exit code 1 with one line if it cannot start."""
    try:
        asyncio.run(run(parse()))
    except StartupError as error:
        print(f"{error.traceback}error: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
