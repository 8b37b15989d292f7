"""Values of rows from Python that a table cannot hold as they are: paths of files, and pictures."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


def plain(value: Any, column: str, row: int) -> Any:
    """The value as a table holds it: of a path its text, of a PIL image or an array of pixels a PNG.

    Raises a ZooError that names column and row for an array that is no picture.
    """
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, bytes) or not is_picture(value):
        return value
    from zoo.data.images import read_image

    buffer = io.BytesIO()
    read_image(value, name=f"The picture in row {row} (column '{column}')").save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def is_picture(value: Any) -> bool:
    """Whether it is a path, the bytes of a file, an array of pixels or a PIL image."""
    if isinstance(value, np.ndarray):
        return value.ndim > 1
    pillow = sys.modules.get("PIL.Image")  # where it was not imported, nothing is an image of it
    return isinstance(value, Path | bytes) or (pillow is not None and isinstance(value, pillow.Image))


def columns_of_paths(table: pa.Table) -> list[str]:
    """The columns of texts of which the first names a picture that is there, seen from the working directory.

    Other files are not meant: names of theirs may be texts to learn from.
    """
    import pyarrow.types as types

    found = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if types.is_string(column.type) or types.is_large_string(column.type):
            first = next((value.as_py() for value in column if value.is_valid and value.as_py()), "")
            if _is_picture_file(first):
                found.append(name)
    return found


def with_absolute_paths(table: pa.Table, columns: list[str]) -> pa.Table:
    """The table with the relative paths in these columns made absolute, from the working directory."""
    import pyarrow as pa

    for name in columns:
        place = table.column_names.index(name)
        field = table.schema.field(place)
        values = [_absolute(value) for value in table.column(place).to_pylist()]
        table = table.set_column(place, field, pa.chunked_array([pa.array(values, field.type)]))
    return table


def _absolute(value: str | None) -> str | None:
    return value if not value or "://" in value else os.path.abspath(os.path.expanduser(value))


def _is_picture_file(text: str) -> bool:
    from zoo.data.images import EXTENSIONS

    try:
        return text.lower().endswith(EXTENSIONS) and os.path.isfile(os.path.expanduser(text))
    except ValueError:  # a text with a null character
        return False
