"""The files that the column stores load."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.engines import Columns

ARROW = {
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}


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
