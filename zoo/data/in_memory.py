"""Data frames, Arrow tables and rows from Python, kept as a file, so that a recipe can name them."""

from __future__ import annotations

import hashlib
import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.backend import data_home
from zoo.data.in_memory_values import columns_of_paths, is_picture, plain, with_absolute_paths
from zoo.errors import ZooError

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 10_000  # rows that are held at once
_FIX = (
    "Give a file's path, a data frame, an Arrow table, a dict of columns, or rows: dicts, or tuples (text, label)."
)


def as_file(data: Any) -> str:
    """The path of a parquet file with the rows of `data`, named after its content.

    Args:
        data: whatever speaks Arrow (pandas, polars, pyarrow), a dict of columns, or an iterable of rows as dicts or
            as tuples `(text, label)`, `(picture, label)` and `(text, text_pair, label)`; iterables are written as
            they come, and need not fit in memory. What a row lacks that others have is missing there.

    Pictures of columns and rows may be PIL images and arrays, too, which are kept as PNG. Relative paths of
    pictures are kept as absolute ones: the table lies elsewhere than the program that made it.

    Raises a ZooError for anything else, for rows of several kinds, and where there are none.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    folder = data_home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as begun:
            path = Path(begun, "data.parquet")
            batches = _batches(data)
            first = next(batches, None)
            if first is None:
                raise ZooError("The data has no rows.", fix=_FIX)
            paths = columns_of_paths(first)
            with parquet.ParquetWriter(path, first.schema) as writer:
                for batch in itertools.chain([first], batches):
                    writer.write_table(with_absolute_paths(batch.cast(first.schema), paths))
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
            kept = folder / digest / path.name
            kept.parent.mkdir(exist_ok=True)
            os.replace(path, kept)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise ZooError("The rows of the data do not make a table.", why=str(error), fix=_FIX) from error
    except OSError as error:
        raise ZooError(f"The data could not be kept in {folder}.", why=str(error)) from error
    return str(kept)


def _batches(data: Any) -> Iterator[pa.Table]:
    """The data as tables of one schema, none of them empty."""
    import pyarrow as pa

    from zoo.data.records import UnfitError, table_of_rows

    if hasattr(data, "__arrow_c_stream__"):
        try:
            reader = pa.RecordBatchReader.from_stream(data)
        except pa.ArrowException:
            if not hasattr(data, "notna"):
                raise
            yield from _batches(_objects(data))
            return
        schema = _without_index(reader.schema)
        for batch in reader:
            if batch.num_rows:
                yield pa.Table.from_batches([batch]).select(schema.names).replace_schema_metadata(None)
        return
    if isinstance(data, Mapping):
        table = pa.table({str(name): _column(str(name), values) for name, values in data.items()})
        yield from [table] if table.num_rows else []
        return
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        raise ZooError(f"data = {data!r:.60} is not something to learn from.", fix=_FIX)
    rows = map(_row, itertools.count(1), data)
    try:
        table = table_of_rows(iter(lambda: list(itertools.islice(rows, _CHUNK)), []))
    except UnfitError as error:
        raise ValueError(f"column '{error.column}': {error.__cause__}") from error.__cause__
    for batch in table.to_batches():
        yield pa.Table.from_batches([batch])


def _objects(frame: Any) -> dict[str, Any]:
    """The columns of a pandas frame that holds what Arrow does not know, such as paths and images."""
    present = frame.notna()
    values = frame.astype(object).where(present, None)
    return {name: values[name] for name in values.columns}


def _without_index(schema: pa.Schema) -> pa.Schema:
    """pandas hands its index over as a column, which is no data."""
    import pyarrow as pa

    return pa.schema([field for field in schema if not field.name.startswith("__index_level_")])


def _column(name: str, values: Iterable[Any]) -> list[Any]:
    return [plain(value, name, row) for row, value in enumerate(values, 1)]


def _row(number: int, row: Any) -> dict[str, Any]:
    if isinstance(row, Mapping):
        return {name: plain(value, name, number) for name, value in row.items()}
    names = {2: ("text", "label"), 3: ("text", "text_pair", "label")}
    if isinstance(row, tuple | list) and len(row) in names:
        first, *others = names[len(row)]
        first = "image" if is_picture(row[0]) else first
        return {name: plain(value, name, number) for name, value in zip((first, *others), row, strict=True)}
    raise ZooError(f"Row {number} of the data is not a row: {row!r:.60}", fix=_FIX)
