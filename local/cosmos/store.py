"""Databases, containers and the rows of items, in one SQLite file.

Used by one thread, and no method awaits: every operation is atomic. A row of `items` holds what
queries look at (keys as in `values`), `bodies` the JSON text that answers are made of. A property
that is queried gets a column of `items` the first time (v0, v1, …; each container maps its own
paths to them), and a query shape gets an index, so that no query reads a whole partition.
"""

import base64
import contextlib
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence

import orjson

from local.cosmos import policy, values
from local.cosmos.errors import CosmosError, conflict, not_found, refused
from local.cosmos.values import Document, Json, Path

MAX_PATHS = 200
MAX_INDEXES = 32
PURGE_SECONDS = 60
_SCHEMA = """
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE IF NOT EXISTS databases(id TEXT PRIMARY KEY, properties BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS containers(number INTEGER PRIMARY KEY, database TEXT NOT NULL,
    id TEXT NOT NULL, properties BLOB NOT NULL, UNIQUE(database, id));
CREATE TABLE IF NOT EXISTS paths(container INTEGER NOT NULL, path BLOB NOT NULL, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items(number INTEGER PRIMARY KEY, container INTEGER NOT NULL,
    partition BLOB NOT NULL, id BLOB NOT NULL, ts BLOB NOT NULL, expires INTEGER,
    etag TEXT NOT NULL, size INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS bodies(number INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS items_id ON items(container, partition, id);
CREATE INDEX IF NOT EXISTS items_partition ON items(container, partition);
CREATE INDEX IF NOT EXISTS items_expires ON items(expires) WHERE expires IS NOT NULL;
"""
_ITEM_COLUMNS = ("number", "container", "partition", "id", "ts", "expires", "etag", "size")


class Container:
    """A container's properties, and the columns that hold its queried paths."""

    def __init__(self, number: int, database: str, properties: Document) -> None:
        self.number = number
        self.database = database
        self.properties = properties
        self.id = str(properties["id"])
        self.rid = str(properties["_rid"])
        self.link = str(properties["_self"])
        self.key_path = policy.partition_key_path(properties)
        self.default_ttl = policy.valid_ttl(properties.get("defaultTtl"), "defaultTtl")
        self.indexing = values.document(properties["indexingPolicy"])
        self.columns: dict[Path, str] = {}

    def insert_statement(self) -> str:
        """The SQL that writes a row of `items`: the fixed columns and then `columns`."""
        names = (*_ITEM_COLUMNS, *self.columns.values())
        marks = ",".join("?" * len(names))
        return " ".join(("INSERT OR REPLACE INTO items(", ",".join(names), ") VALUES(", marks, ")"))


class Store:
    """All state of the endpoint."""

    def __init__(self, path: str, clock: Callable[[], float]) -> None:
        self.now = clock
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=0, cached_statements=500)
        self.execute = self._connection.execute
        self._connection.executescript(_SCHEMA)
        last: int = self.execute("SELECT coalesce(max(number), 0) FROM items").fetchone()[0]
        # Numbers grow over restarts without being stored: microseconds since 1970, then counting.
        self._last_number = max(last, time.time_ns() // 1000)
        self._containers: dict[tuple[str, str], Container] = {}
        self._purged = -float("inf")

    def close(self) -> None:
        """Close the file; everything acknowledged is in it."""
        self._connection.close()

    def next_number(self) -> int:
        """A number greater than every earlier one: orders items and makes session tokens."""
        self._last_number += 1
        return self._last_number

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements in the block, or none when it raises."""
        self.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def databases(self) -> list[Json]:
        """The properties of every database."""
        rows = self.execute("SELECT properties FROM databases ORDER BY id")
        return [orjson.loads(row[0]) for row in rows]

    def database(self, name: str) -> Document:
        """The properties of a database; CosmosError 404."""
        row = self.execute("SELECT properties FROM databases WHERE id = ?", (name,)).fetchone()
        if row is None:
            raise not_found(f"database {name}")
        return values.document(orjson.loads(row[0]))

    def create_database(self, body: Document) -> Document:
        """Create a database; CosmosError 409."""
        name = policy.valid_id(body.get("id"))
        rid = resource_id(self.next_number().to_bytes(8)[4:])
        properties = {"id": name, "_colls": "colls/", "_users": "users/"} | self._system(rid, f"dbs/{rid}/")
        self._insert_new("INSERT INTO databases VALUES(?, ?)", (name, orjson.dumps(properties)))
        return properties

    def delete_database(self, name: str) -> None:
        """Delete a database with all it holds; CosmosError 404."""
        self.database(name)
        with self.transaction():
            for properties in self.containers(name):
                container = str(values.document(properties)["id"])
                self._delete_container(self.container(name, container))
            self.execute("DELETE FROM databases WHERE id = ?", (name,))

    def containers(self, database: str) -> list[Json]:
        """The properties of every container of a database; CosmosError 404."""
        self.database(database)
        rows = self.execute("SELECT properties FROM containers WHERE database = ? ORDER BY id", (database,))
        return [orjson.loads(row[0]) for row in rows]

    def container(self, database: str, name: str) -> Container:
        """A container; CosmosError 404."""
        known = self._containers.get((database, name))
        if known:
            return known
        row = self.execute(
            "SELECT number, properties FROM containers WHERE database = ? AND id = ?",
            (database, name),
        ).fetchone()
        if row is None:
            raise not_found(f"container {name}")
        container = Container(row[0], database, orjson.loads(row[1]))
        paths = "SELECT path, name FROM paths WHERE container = ? ORDER BY name"
        for path, column in self.execute(paths, (container.number,)):
            container.columns[tuple(orjson.loads(path))] = column
        self._containers[database, name] = container
        return container

    def create_container(self, database: str, body: Document) -> Document:
        """Create a container; CosmosError 400, 404 or 409."""
        link = self.database(database)["_self"]
        properties = policy.container_properties(body)
        rid = resource_id(self.next_number().to_bytes(8))
        properties |= self._system(rid, f"{link}colls/{rid}/")
        name = str(properties["id"])
        self._insert_new(
            "INSERT INTO containers(database, id, properties) VALUES(?, ?, ?)",
            (database, name, orjson.dumps(properties)),
        )
        container = self.container(database, name)
        for path in policy.included_paths(container.indexing):
            self.column(container, path)
        return properties

    def delete_container(self, database: str, name: str) -> None:
        """Delete a container with its items; CosmosError 404."""
        with self.transaction():
            self._delete_container(self.container(database, name))

    def column(self, container: Container, path: Path) -> str:
        """The column with the keys of the property at `path`, made and filled at its first use."""
        if path in (("id",), ("_ts",)):
            return path[0].strip("_")
        if path not in container.columns:
            self._add_column(container, path)
        return container.columns[path]

    def ensure_index(self, equal: Sequence[str], then: str | None) -> None:
        """Make an index over items of a partition: columns tested for equality, then a range."""
        wanted = set(equal)
        rows = self.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'by-%'").fetchall()
        for columns in (row[0].split("-")[1:] for row in rows):
            following = columns[len(wanted) : len(wanted) + 1]
            if set(columns[: len(wanted)]) == wanted and (then is None or [then] == following):
                return
        columns = [*sorted(wanted), *([then] if then else [])]
        if columns and len(rows) < MAX_INDEXES:
            name = "-".join(("by", *columns))
            terms = ", ".join(("container", "partition", *columns))
            self.execute(" ".join(("CREATE INDEX", f'"{name}"', "ON items(", terms, ")")))

    def purge(self) -> None:
        """Once a minute, remove the rows of expired items (invisible since they expired)."""
        now = self.now()
        if abs(now - self._purged) < PURGE_SECONDS:
            return
        self._purged = now
        with self.transaction():
            self.execute(
                "DELETE FROM bodies WHERE number IN (SELECT number FROM items WHERE expires <= ?)",
                (now,),
            )
            self.execute("DELETE FROM items WHERE expires <= ?", (now,))

    def _system(self, rid: str, link: str) -> Document:
        return {"_rid": rid, "_self": link, "_etag": new_etag(), "_ts": int(self.now())}

    def _insert_new(self, statement: str, row: tuple[str | bytes, ...]) -> None:
        try:
            self.execute(statement, row)
        except sqlite3.IntegrityError:
            raise conflict() from None

    def _delete_container(self, container: Container) -> None:
        number = (container.number,)
        self.execute(
            "DELETE FROM bodies WHERE number IN (SELECT number FROM items WHERE container = ?)",
            number,
        )
        self.execute("DELETE FROM items WHERE container = ?", number)
        self.execute("DELETE FROM paths WHERE container = ?", number)
        self.execute("DELETE FROM containers WHERE number = ?", number)
        self._containers.pop((container.database, container.id), None)

    def _add_column(self, container: Container, path: Path) -> None:
        if len(container.columns) == MAX_PATHS:
            raise refused(f"queries on more than {MAX_PATHS} different properties")
        name = f"v{len(container.columns)}"
        rows = self.execute(
            "SELECT number, body FROM items JOIN bodies USING(number) WHERE container = ?",
            (container.number,),
        )
        keys = [(values.key_at(orjson.loads(body), path), number) for number, body in rows]
        known = {row[1] for row in self.execute("PRAGMA table_info(items)")}
        with self.transaction():
            if name not in known:
                self.execute(f"ALTER TABLE items ADD COLUMN {name} BLOB")
            update = f"UPDATE items SET {name} = ? WHERE number = ?"  # noqa: S608 - our own name
            self._connection.executemany(update, keys)
            self.execute("INSERT INTO paths VALUES(?, ?, ?)", (container.number, orjson.dumps(path), name))
        container.columns[path] = name


def open_store(path: str, clock: Callable[[], float]) -> Store:
    """The store in the file `path` (or `:memory:`); CosmosError when another process has it."""
    try:
        return Store(path, clock)
    except sqlite3.OperationalError as error:
        raise CosmosError(500, f"cannot open {path}: {error}") from error


def resource_id(raw: bytes) -> str:
    """The text of a resource id: base64 that fits in a path."""
    return base64.b64encode(raw, b"+-").decode()


def new_etag() -> str:
    """An etag that no other version has, quotes included."""
    return f'"{secrets.token_hex(8)}"'
