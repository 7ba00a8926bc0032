"""A cube as compact text: its columns as the smallest little-endian integers, zstd, base64.

The rows of a day with users are too many for JSON columns: read back, this is 4 to 8 times faster.
A document holds 2 MB, so a cube is stored in as many texts as it takes, each at most MAX_CHUNK long.
"""

import base64
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

from shared.columns import MEASURES
from shared.cube import Cube, Dimension

MAX_CHUNK = 1_000_000  # the HTTP client warns of bodies over 1 MiB
MAX_UNPACKED = 256 * 1024 * 1024
WIDTHS = ("<u1", "<u2", "<u4", "<i8")


def pack(cube: Cube) -> str:
    """The text form of a cube."""
    dimensions, measures, body = [], [], []
    for name, dimension in cube.dimensions.items():
        used, codes = np.unique(dimension.codes, return_inverse=True)
        column = _shrink(codes)
        dimensions.append([name, column.dtype.str, [dimension.values[code] for code in used]])
        body.append(column.tobytes())
    for name, numbers in cube.measures.items():
        if numbers.any():
            column = _shrink(numbers)
            measures.append([name, column.dtype.str])
            body.append(column.tobytes())
    header = {"rows": cube.rows, "dimensions": dimensions, "measures": measures}
    plain = b"".join([orjson.dumps(header), b"\n", *body])
    return base64.b64encode(zstandard.compress(plain, 3)).decode()


def split(cube: Cube) -> list[str]:
    """The cube as text forms, each small enough for a document."""
    packed = pack(cube)
    if len(packed) <= MAX_CHUNK or cube.rows < 2:
        return [packed]
    rows, half = np.arange(cube.rows), cube.rows // 2
    return [*split(cube.take(rows[:half])), *split(cube.take(rows[half:]))]


def with_packed(document: dict[str, Any], cube: Cube) -> dict[str, Any]:
    """The document with a cube as its `packed`, which is null where the document has no room for it."""
    packed = pack(cube)
    room = MAX_CHUNK - len(orjson.dumps(document))
    return {**document, "packed": packed if len(packed) <= room else None}


def unpack(text: str, names: Collection[str] | None = None) -> Cube:
    """The cube of a text form, with these of its dimensions (all of them by default)."""
    plain = zstandard.decompress(base64.b64decode(text), MAX_UNPACKED)
    end = plain.index(b"\n")
    header = orjson.loads(plain[:end])
    rows = header["rows"]
    columns = dict(_columns(plain, end + 1, rows, header["dimensions"] + header["measures"], names))
    dimensions = {
        name: Dimension(values, columns[name])
        for name, _, values in header["dimensions"]
        if names is None or name in names
    }
    zeros = np.zeros(rows, dtype=np.int64)
    return Cube(rows, dimensions, {name: columns.get(name, zeros) for name in MEASURES})


def _columns(
    plain: bytes, offset: int, rows: int, described: list[list[Any]], names: Collection[str] | None
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """The measures, and these of the dimensions."""
    for name, kind, *_ in described:
        column = np.frombuffer(plain, dtype=kind, count=rows, offset=offset)
        offset += column.nbytes
        if names is None or name in names or name in MEASURES:
            yield name, column.astype(np.int64)


def _shrink(numbers: NDArray[np.int64]) -> NDArray[np.generic]:
    """The same numbers in the narrowest type that holds them all."""
    if not len(numbers):
        return numbers.astype("<u1")
    low, high = int(numbers.min()), int(numbers.max())
    for kind in WIDTHS:
        limits = np.iinfo(kind)
        if limits.min <= low and high <= limits.max:
            return numbers.astype(kind)
    raise ArithmeticError("unreachable: 64 bits hold every measure")
