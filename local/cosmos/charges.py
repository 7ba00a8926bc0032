"""What an operation costs in request units (RU): a model, rounded to hundredths.

Reads and writes follow learn.microsoft.com/azure/cosmos-db/key-value-store-cost, indexing off: 1 KB
costs 1 to read and 5 to write, 100 KB costs 10 and 50; linear between. A replace removes the old
item and writes the new one, so it costs two writes. The 2.3 RU of a query and its return of bytes
at the price of a read are what small queries cost on a real account (DESIGN.md).
"""


def read(size: int) -> float:
    """RU to read an item of `size` bytes by id."""
    return _linear(1, 10, size)


def write(size: int) -> float:
    """RU to create or delete an item of `size` bytes."""
    return _linear(5, 50, size)


def replace(size: int) -> float:
    """RU to replace an item by one of `size` bytes."""
    return round(2 * write(size), 2)


def query(size: int) -> float:
    """RU of one page of a query that returns `size` bytes."""
    return round(2.3 + size / 1024 * 9 / 99, 2)


def _linear(at_1_kb: float, at_100_kb: float, size: int) -> float:
    above = max(0.0, size / 1024 - 1) / 99
    return round(at_1_kb + above * (at_100_kb - at_1_kb), 2)
