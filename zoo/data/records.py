"""Rows as mappings into an Arrow table, block by block: a column's type is what suits the values of all blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from zoo.data import spool
from zoo.data.conversations import with_texts

UNFIT = (pa.ArrowException, ValueError, TypeError, OverflowError)
"""What pyarrow raises for mixed kinds, half surrogate pairs and integers beyond 64 bits."""


class UnfitError(Exception):
    """The values of a column do not go together; its cause is what pyarrow says of them."""

    def __init__(self, column: str) -> None:
        self.column = column
        super().__init__(column)


def table_of_rows(blocks: Iterable[Sequence[Mapping[str, Any]]], memory: int | None = None) -> pa.Table:
    """The rows of all blocks; a key that a row lacks is missing there.

    Args:
        memory: as in `spool.table_of`.

    Raises an `UnfitError` for the first column whose values are of different kinds, when all blocks have been read.
    """
    found = _Records()
    batches = found.batches(blocks)
    parts: list[pa.Table] = []
    left = spool.MEMORY if memory is None else memory
    batch = next(batches, None)
    while batch is not None:  # a part for every change of the columns' types
        run = _Run(batch, batches)
        parts.append(spool.table_of(run, run.schema, left))
        left = max(0, left - parts[-1].nbytes)
        batch = run.next
    schema = pa.schema(list(found.kinds.items()))
    if found.unfit:
        _refuse_first(schema, parts, found.unfit)
    if len(parts) < 2:
        return parts[0] if parts else pa.table({})
    return spool.table_of((_cast(batch, schema) for part in parts for batch in part.to_batches()), schema, memory)


class _Run:
    """Batches while they are of one schema, and the first one that is not."""

    def __init__(self, first: pa.RecordBatch, batches: Iterator[pa.RecordBatch]) -> None:
        self.schema, self.next, self._batches = first.schema, first, batches

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while self.next is not None and self.next.schema.equals(self.schema):
            yield self.next
            self.next = next(self._batches, None)


class _Records:
    """Blocks of rows into record batches, each as wide as those before it together.

    Attributes:
        kinds: the type of each column so far.
        unfit: why the values of a column do not go together. The batches lack it from there on.
    """

    def __init__(self) -> None:
        self.kinds: dict[str, pa.DataType] = {}
        self.unfit: dict[str, Exception] = {}

    def batches(self, blocks: Iterable[Sequence[Mapping[str, Any]]]) -> Iterator[pa.RecordBatch]:
        waiting: list[Mapping[str, Any]] = []  # rows without any key, before there is a column
        for block in blocks:
            rows = [*waiting, *block]
            for name in dict.fromkeys(name for row in rows for name in row):
                self.kinds.setdefault(name, pa.null())
            if not self.kinds:
                waiting = rows
                continue
            waiting = []
            columns = {name: self._column(name, [row.get(name) for row in rows]) for name in self.kinds}
            kept = {name: column for name, column in columns.items() if column is not None}
            if kept:
                yield pa.RecordBatch.from_pydict(kept)

    def _column(self, name: str, values: list[Any]) -> pa.Array | None:
        if name in self.unfit:
            return None
        try:
            values = [with_texts(value) for value in values]
            column = pa.array(values)
            kind = _both(self.kinds[name], column.type)
            if kind != column.type:
                column = pa.array(values, kind)
        except UNFIT as error:
            self.unfit[name] = error
            return None
        self.kinds[name] = kind
        return column


def _refuse_first(schema: pa.Schema, parts: Sequence[pa.Table], unfit: Mapping[str, Exception]) -> None:
    """Raise an `UnfitError` for the first column that is unfit, or that its parts show to be in its last type."""
    batches = [batch for part in parts for batch in part.to_batches()]
    for field in schema:
        if field.name in unfit:
            raise UnfitError(field.name) from unfit[field.name]
        for batch in batches:
            _cast(batch, pa.schema([field]))


def _both(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type that pyarrow finds for values of which some are of one type and some of the other.

    Raises a TypeError where there is none.
    """
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    if pa.types.is_list(one) and pa.types.is_list(other):
        return pa.list_(_both(one.value_type, other.value_type))
    if pa.types.is_struct(one) and pa.types.is_struct(other):
        fields = {field.name: field.type for field in one}
        for field in other:
            fields[field.name] = _both(fields.get(field.name, pa.null()), field.type)
        return pa.struct(list(fields.items()))
    raise TypeError(f"{one} and {other} do not go together")


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch in the types of all; they suit its values, or pyarrow would not have found them."""
    columns = []
    for name, kind in zip(schema.names, schema.types, strict=True):
        if name not in batch.schema.names:
            columns.append(pa.nulls(batch.num_rows, kind))
        elif (column := batch.column(name)).type == kind:
            columns.append(column)
        else:
            try:
                columns.append(pa.array(column.to_pylist(), kind))
            except UNFIT as error:  # a whole number that is too large beside one with a fraction
                raise UnfitError(name) from error
    return pa.RecordBatch.from_arrays(columns, schema=schema)
