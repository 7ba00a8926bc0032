"""PostgreSQL: a throw-away cluster of our own, with raw events and with tables of days."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from bench.data import Day
from bench.engines import WIDTHS, Columns, Question, raw_sql, rollup_sql

FOUND_UNDER = Path("/usr/lib/postgresql")
USER = "bench"
PARTITIONED = "PARTITION BY LIST (tenant)"
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END = b"\xff\xff"
MICROSECONDS, DAYS = 946_684_800_000_000, 10_957  # its times and dates count from 2000
SHARE = 4  # of the machine's memory, as its manual advises
SETTINGS = {
    "listen_addresses": "''",
    "fsync": "off",
    "autovacuum": "off",  # we do it once, after loading
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "512MB",
}


class NotInstalled(Exception):
    """There is no PostgreSQL server on this machine."""


@dataclass(frozen=True, slots=True)
class PostgresTable:
    """The raw events, or the tables of days."""

    name: str
    connection: psycopg.Connection
    is_rolled: bool

    def rows(self, question: Question) -> Sequence[Sequence[Any]]:
        """The answer of the server."""
        text = rollup_sql(question) if self.is_rolled else raw_sql(question)
        found: Sequence[Sequence[Any]] = self.connection.execute(text).fetchall()
        return found


@contextmanager
def cluster() -> Iterator[psycopg.Connection]:
    """A running server with the tables; its socket is in `info.host`. Raises NotInstalled."""
    folder = Path(tempfile.mkdtemp(prefix="bench-pg-", dir="/tmp"))  # a socket's path is short
    owner = "postgres" if os.geteuid() == 0 else None  # the server refuses root
    try:
        if owner:
            os.chown(folder, pwd.getpwnam(owner).pw_uid, -1)
        server = _start(folder, owner)
        try:
            with _first_connection(folder, server) as connection:
                _create(connection)
                yield connection
        finally:
            server.send_signal(signal.SIGINT)  # it waits for no client
            server.wait(60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def load(connection: psycopg.Connection, table: str, day: Day, columns: Columns) -> None:
    """Adds a day's rows."""
    with connection.transaction():
        part = f"{table}_{day.traffic.people}"
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {part} PARTITION OF {table} FOR VALUES IN ({day.traffic.people})"
        )
        with connection.cursor().copy(
            f"COPY {part} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
        ) as copy:
            copy.write(HEADER + _binary(columns) + END)


def finish(connection: psycopg.Connection) -> None:
    """Indexes and statistics: once, when all is loaded."""
    connection.execute("CREATE INDEX ON events USING brin (time)")
    for table in ("feature_days", "user_days"):
        connection.execute(f"CREATE INDEX ON {table} (day)")
    connection.execute("VACUUM (ANALYZE)")


def tables(connection: psycopg.Connection) -> list[PostgresTable]:
    """Both ways to answer."""
    return [
        PostgresTable("PostgreSQL", connection, is_rolled=False),
        PostgresTable("PostgreSQL daily rollup", connection, is_rolled=True),
    ]


def connect(folder: Path) -> psycopg.Connection:
    """A connection to the server whose socket is there."""
    return psycopg.connect(host=str(folder), user=USER, dbname="postgres", autocommit=True)


def _start(folder: Path, owner: str | None) -> subprocess.Popen[bytes]:
    data = folder / "data"
    command = [_program("initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C"]
    subprocess.run(command, check=True, user=owner, cwd=folder, stdout=subprocess.DEVNULL)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // SHARE // 2**20
    settings = {**SETTINGS, "shared_buffers": f"{memory}MB", "unix_socket_directories": f"'{folder}'"}
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = {value}\n" for name, value in settings.items())
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [_program("postgres"), "-D", str(data)], user=owner, cwd=folder, stdout=log, stderr=log
        )


def _first_connection(folder: Path, server: subprocess.Popen[bytes]) -> psycopg.Connection:
    while server.poll() is None:
        try:
            return connect(folder)
        except psycopg.OperationalError:  # it starts
            continue
    raise RuntimeError((folder / "log").read_text()[-500:])


def _create(connection: psycopg.Connection) -> None:
    sums = "requests, input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens, "
    sums += "reasoning_output_tokens, quantity, cost, unpriced, last_used"
    bigints = ", ".join(f"{name} bigint" for name in sums.split(", "))
    codes = "feature smallint, product smallint, provider smallint, model smallint, primitive smallint"
    tokens = ", ".join(f"{name} integer" for name in sums.split(", ")[1:6])
    events = f"tenant smallint, time timestamp, user_id integer, {codes}, {tokens}"
    connection.execute(
        f"CREATE TABLE events ({events}, quantity bigint, cost bigint, unpriced smallint) {PARTITIONED}"
    )
    for table, more in (("feature_days", ""), ("user_days", "user_id integer, ")):
        connection.execute(
            f"CREATE TABLE {table} (tenant smallint, day date, {more}{codes}, {bigints}) {PARTITIONED}"
        )


def _binary(columns: Columns) -> bytes:
    """The rows in the binary format of COPY, in which each value has its length before it."""
    kinds: list[tuple[str, str]] = [("count", ">i2")]
    for name, (kind, _) in columns.items():
        kinds += [(f"size of {name}", ">i4"), (name, f">i{WIDTHS[kind]}")]
    rows = np.empty(len(next(iter(columns.values()))[1]), dtype=kinds)
    rows["count"] = len(columns)
    for name, (kind, values) in columns.items():
        rows[f"size of {name}"] = WIDTHS[kind]
        rows[name] = values - {"timestamp": MICROSECONDS, "date": DAYS}.get(kind, 0)
    return rows.tobytes()


def _program(name: str) -> str:
    newest = sorted(FOUND_UNDER.glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    found = shutil.which(name) or (str(newest[-1]) if newest else None)
    if not found:
        raise NotInstalled(name)
    return found
