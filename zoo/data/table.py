"""A table as it was read: named columns, and rows that users count from 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Table:
    """The rows of one file or data set.

    "Row N" in a message is always the N-th data row, counted from 1; a header is not counted.

    Args:
        source: what the user called it: a path, or the name of a registered data set.
        data: the values.
    """

    source: str
    data: pa.Table

    def __len__(self) -> int:
        return self.data.num_rows

    @property
    def columns(self) -> list[str]:
        return self.data.column_names

    def column(self, name: str) -> list[Any]:
        """The values of one column as Python objects, None where a value is missing."""
        return self.data.column(name).to_pylist()
