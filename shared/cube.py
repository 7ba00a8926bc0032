"""The cube: rows of usage with dictionary-encoded dimensions and exact integer measures.

Fold, seal and every view are made of `merge`, `filter` and `group_by`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.columns import (
    LAST_USED,
    MEASURES,
    Value,
    decode_codes,
    decode_measure,
)

type Integers = NDArray[np.int64]
LIMIT = 2**62
VALUE_BYTES = 64  # what Python takes for a text, about
MANY_GAPS = 4  # times as many possible keys as rows: up to here a table of them is quicker than sorting


@dataclass(frozen=True, slots=True)
class Dimension:
    """A column of names: row i has the value `values[codes[i]]`; no value stands there twice."""

    values: Sequence[Value]
    codes: Integers

    def column(self) -> list[Value]:
        """The value of each row."""
        return [self.values[code] for code in self.codes.tolist()]

    def used(self) -> list[Value]:
        """The values that stand in any row, each once."""
        return [self.values[code] for code in np.flatnonzero(np.bincount(self.codes)).tolist()]


@dataclass(frozen=True, slots=True)
class Cube:
    """Rows of usage. Measures are 64-bit integers, all those of `columns.MEASURES` unless `measured`."""

    rows: int
    dimensions: Mapping[str, Dimension]
    measures: Mapping[str, Integers]

    @property
    def bytes(self) -> int:
        """The memory that it takes, about."""
        columns = [column.codes for column in self.dimensions.values()] + [*self.measures.values()]
        values = sum(len(column.values) for column in self.dimensions.values())
        return sum(column.nbytes for column in columns) + VALUE_BYTES * values

    def filter(self, wanted: Mapping[str, Collection[Value]]) -> "Cube":
        """The rows whose value of each named dimension is among the wanted ones."""
        cube = self
        for name, values in wanted.items():
            known = self.dimensions[name].values
            are_wanted = np.fromiter(map(frozenset(values).__contains__, known), dtype=bool, count=len(known))
            cube = cube.having(name, np.flatnonzero(are_wanted))
        return cube

    def having(self, name: str, codes: NDArray[np.int64]) -> "Cube":
        """The rows whose code in a dimension is one of these."""
        dimension = self.dimensions[name]
        are_wanted = np.zeros(len(dimension.values), dtype=bool)
        are_wanted[codes] = True
        return self.take(np.flatnonzero(are_wanted[dimension.codes]))

    def take(self, rows: NDArray[np.intp]) -> "Cube":
        """The rows of these indexes, in their order."""
        dimensions = {
            name: Dimension(column.values, column.codes[rows]) for name, column in self.dimensions.items()
        }
        measures = {name: column[rows] for name, column in self.measures.items()}
        return Cube(len(rows), dimensions, measures)

    def project(self, names: Collection[str]) -> "Cube":
        """The same rows with these dimensions only."""
        kept = {name: self.dimensions[name] for name in names}
        return Cube(self.rows, kept, self.measures)

    def measured(self, *names: str) -> "Cube":
        """The same rows with these measures only, where nothing needs the others."""
        return Cube(self.rows, self.dimensions, {name: self.measures[name] for name in names})

    def labelled(self, name: str, value: Value) -> "Cube":
        """The same rows with one more dimension, of which all have the same value."""
        label = Dimension([value], np.zeros(self.rows, dtype=np.int64))
        return Cube(self.rows, {**self.dimensions, name: label}, self.measures)

    def mapped(self, name: str, new: Callable[[Value], Value]) -> "Cube":
        """The same rows with the values of one dimension replaced; some may become equal."""
        old = self.dimensions[name]
        values = list(map(new, old.values))
        if values == list(old.values):
            return self
        index = dict(zip(dict.fromkeys(values), count()))
        codes = _array(map(index.__getitem__, values), len(values))[old.codes]
        return Cube(self.rows, {**self.dimensions, name: Dimension(list(index), codes)}, self.measures)

    def listing(self, name: str, values: Iterable[Value]) -> "Cube":
        """The same usage, with a row of nothing for each of these values that is in none."""
        known = set(self.dimensions[name].used())
        missing = [value for value in values if value not in known]
        if not missing:
            return self
        rows = np.zeros(len(missing), dtype=np.int64)
        nothing = {
            other: Dimension(missing, np.arange(len(missing))) if other == name else Dimension([None], rows)
            for other in self.dimensions
        }
        return concatenate([self, Cube(len(missing), nothing, dict.fromkeys(MEASURES, rows))])

    def group_by(self, *names: str) -> "Cube":
        """One row for each combination of these dimensions, with sums (and the newest last_used).

        Raises ArithmeticError before a sum could pass 64 bits.
        """
        keys, span = np.zeros(self.rows, dtype=np.int64), 1
        for name in names:
            dimension = self.dimensions[name]
            width = max(len(dimension.values), 1)
            if span * width >= LIMIT:  # renumbered without gaps, the keys have room again
                keys, span = _dense(keys, span)[0], max(self.rows, 1)
            keys, span = keys * width + dimension.codes, span * width
        group, first = _dense(keys, span)
        dimensions = {
            name: Dimension(self.dimensions[name].values, self.dimensions[name].codes[first])
            for name in names
        }
        measures = {name: _combine(name, column, group, len(first)) for name, column in self.measures.items()}
        return Cube(len(first), dimensions, measures)

    def totals(self) -> dict[str, int]:
        """Each measure over all rows; zeros when there are none."""
        return {name: _total(name, column) for name, column in self.measures.items()}


def from_json(stored: Mapping[str, Any], names: Collection[str] | None = None) -> Cube:
    """The cube of a stored form, with these of its dimensions (all of them by default)."""
    rows = stored["rows"]
    dimensions = {
        name: Dimension(column["values"], np.array(decode_codes(column["codes"], rows), dtype=np.int64))
        for name, column in stored["dimensions"].items()
        if names is None or name in names
    }
    measures = {
        name: np.array(decode_measure(stored["measures"].get(name), rows), dtype=np.int64)
        for name in MEASURES
    }
    return Cube(rows, dimensions, measures)


def empty(names: Iterable[str]) -> Cube:
    """A cube of no rows with these dimensions."""
    none = np.zeros(0, dtype=np.int64)
    return Cube(0, {name: Dimension((), none) for name in names}, dict.fromkeys(MEASURES, none))


def concatenate(cubes: Sequence[Cube]) -> Cube:
    """All rows of cubes that have the same dimensions; at least one cube."""
    names = cubes[0].dimensions
    filled = [cube for cube in cubes if cube.rows] or cubes[:1]
    if len(filled) == 1:
        return filled[0].project(names)
    return Cube(
        sum(cube.rows for cube in filled),
        {name: _concatenate_dimension([cube.dimensions[name] for cube in filled]) for name in names},
        {name: np.concatenate([cube.measures[name] for cube in filled]) for name in MEASURES},
    )


def merge(cubes: Sequence[Cube]) -> Cube:
    """All rows of the cubes, those of equal dimensions added up."""
    everything = concatenate(cubes)
    return everything.group_by(*everything.dimensions)


def _concatenate_dimension(parts: Sequence[Dimension]) -> Dimension:
    first, *others = parts
    if all(part.values == first.values for part in others):
        return Dimension(first.values, np.concatenate([part.codes for part in parts]))
    index = dict(zip(first.values, count()))
    codes = [first.codes]
    for part in others:
        index.update(zip([value for value in part.values if value not in index], count(len(index))))
        codes.append(_array(map(index.__getitem__, part.values), len(part.values))[part.codes])
    return Dimension(list(index), np.concatenate(codes))


def _array(numbers: Iterable[int], length: int) -> Integers:
    return np.fromiter(numbers, dtype=np.int64, count=length)


def _dense(keys: Integers, span: int) -> tuple[Integers, NDArray[np.intp]]:
    """Keys below `span` renumbered 0, 1, … without gaps, in their order, and the first row of each."""
    if span > MANY_GAPS * len(keys):
        _, first, dense = np.unique(keys, return_index=True, return_inverse=True)
        return dense.astype(np.int64, copy=False), first
    rows = np.full(span, -1, dtype=np.int64)
    rows[keys[::-1]] = np.arange(len(keys) - 1, -1, -1)  # of equal keys the first row stays
    used = np.flatnonzero(rows >= 0)
    numbers = np.empty(span, dtype=np.int64)
    numbers[used] = np.arange(len(used))
    return numbers[keys], rows[used]


def _combine(name: str, column: Integers, group: Integers, groups: int) -> Integers:
    result = np.zeros(groups, dtype=np.int64)
    if name == LAST_USED:
        np.maximum.at(result, group, column)
        return result
    _check(name, column)
    np.add.at(result, group, column)
    return result


def _total(name: str, column: Integers) -> int:
    if name == LAST_USED:
        return int(column.max(initial=0))
    _check(name, column)
    return int(column.sum())


def _check(name: str, column: Integers) -> None:
    """Raises ArithmeticError when the sum could pass 64 bits."""
    bits = int(np.bitwise_or.reduce(column))  # no number is larger, unless one is negative
    if bits < 0 or bits * len(column) >= LIMIT:
        exact = sum(map(abs, column.tolist()))
        if exact >= LIMIT:
            raise ArithmeticError(f"the sum of {name} does not fit 64 bits")
