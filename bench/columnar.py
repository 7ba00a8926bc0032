"""The two embedded column stores: ClickHouse (chdb) and DuckDB. Both load the same Parquet files."""

from pathlib import Path
from typing import Any

import chdb.session
import duckdb
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from bench.engines import Answer, Columns, Question, raw_sql

ARROW = {
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}
TABLE = (
    "tenant {small}, time {time}, user_id {normal}, "
    "feature {small}, product {small}, provider {small}, model {small}, primitive {small}, "
    "input_tokens {normal}, output_tokens {normal}, cache_read_input_tokens {normal}, "
    "cache_creation_input_tokens {normal}, reasoning_output_tokens {normal}, "
    "quantity {large}, cost {large}, unpriced {small}"
)


def write_parquet(path: Path, days: list[Columns]) -> None:
    """The rows of some days as one file."""
    kinds = {name: kind for name, (kind, _) in days[0].items()}
    columns = {
        name: pa.array(np.concatenate([day[name][1] for day in days])).cast(
            pa.int64() if kind == "timestamp" else ARROW[kind]
        )
        for name, kind in kinds.items()
    }
    table = pa.table({name: column.cast(ARROW[kinds[name]]) for name, column in columns.items()})
    pq.write_table(table, path, compression="lz4")


class ClickHouse:
    """ClickHouse in this process: a MergeTree in the order of tenant and time."""

    name = "ClickHouse, events"

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

    def ask(self, question: Question) -> Answer:
        """Its answer."""
        rows = orjson.loads(
            f"[{','.join(str(self._session.query(_numbered(question), 'JSONCompactEachRow')).splitlines())}]"
        )
        return {int(row[0]): (int(row[1]), int(row[2]), int(row[3]), int(row[8])) for row in rows}

    def close(self) -> None:
        """Ends it."""
        self._session.close()


class DuckDb:
    """DuckDB in this process: its own table in a file, in the order of tenant and time."""

    name = "DuckDB, events"

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

    def ask(self, question: Question) -> Answer:
        """Its answer."""
        rows = self._connection.execute(raw_sql(question)).fetchall()
        keys = [(row[0].toordinal() - 719_163) if question.view == "daily" else row[0] for row in rows]
        return {key: (row[1], row[2], row[3], row[8]) for key, row in zip(keys, rows, strict=True)}

    def close(self) -> None:
        """Ends it."""
        self._connection.close()


def _numbered(question: Question) -> str:
    """The question with days as numbers, which is how they are compared."""
    return raw_sql(question).replace("CAST(time AS date)", "toUInt16(CAST(time AS date))")
