"""The two embedded column stores: ClickHouse (chdb) and DuckDB. Both load the same Parquet files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import chdb.session
import duckdb
import orjson

from bench.engines import Question, raw_sql

TABLE = (
    "tenant {small}, time {time}, user_id {normal}, "
    "feature {small}, product {small}, provider {small}, model {small}, primitive {small}, "
    "input_tokens {normal}, output_tokens {normal}, cache_read_input_tokens {normal}, "
    "cache_creation_input_tokens {normal}, reasoning_output_tokens {normal}, "
    "quantity {large}, cost {large}, unpriced {small}"
)


class ClickHouse:
    """ClickHouse in this process: a MergeTree in the order of tenant and time."""

    name = "ClickHouse"

    def __init__(self, folder: Path) -> None:
        session: Any = chdb.session
        self._session = session.Session(str(folder))
        kinds = {"small": "Int16", "normal": "Int32", "large": "Int64", "time": "DateTime64(6, 'UTC')"}
        self._session.query(
            f"CREATE TABLE events ({TABLE.format(**kinds)}) ENGINE = MergeTree ORDER BY (tenant, time)"
        )

    def load(self, path: Path) -> None:
        """Adds the rows of a file."""
        self._session.query(f"INSERT INTO events SELECT * FROM file('{path}', Parquet)")

    def finish(self) -> None:
        """Merges what was loaded into one part: it is asked at its best."""
        self._session.query("OPTIMIZE TABLE events FINAL")

    def rows(self, question: Question) -> Sequence[Sequence[Any]]:
        """Its answer."""
        lines = str(self._session.query(raw_sql(question), "JSONCompactEachRow")).splitlines()
        rows: list[list[Any]] = orjson.loads(f"[{','.join(lines)}]")
        return rows

    def close(self) -> None:
        """Ends it."""
        self._session.close()


class DuckDb:
    """DuckDB in this process: its own table in a file, in the order of tenant and time."""

    name = "DuckDB"

    def __init__(self, folder: Path) -> None:
        self._connection: Any = duckdb.connect(str(folder / "events.duckdb"))
        kinds = {"small": "SMALLINT", "normal": "INTEGER", "large": "BIGINT", "time": "TIMESTAMP"}
        self._connection.execute(f"CREATE TABLE events ({TABLE.format(**kinds)})")

    def load(self, path: Path) -> None:
        """Adds the rows of a file."""
        self._connection.execute(f"INSERT INTO events SELECT * FROM '{path}'")

    def finish(self) -> None:
        """Writes everything to its file."""
        self._connection.execute("CHECKPOINT")

    def rows(self, question: Question) -> Sequence[Sequence[Any]]:
        """Its answer."""
        rows: list[tuple[Any, ...]] = self._connection.execute(raw_sql(question)).fetchall()
        return rows

    def close(self) -> None:
        """Ends it."""
        self._connection.close()
