"""A table as it was read: named columns, and rows that users count from 1."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.data import spool
from zoo.data.row_faults import RowFaults
from zoo.data.rows import Rows

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

    @property
    def numbers(self) -> Sequence[int]:
        """The numbers of the rows."""
        numbers = range(1, len(self) + 1)
        return numbers if self._large else [*numbers]

    def column(self, name: str) -> Sequence[Any]:
        """The values of one column as Python objects, None where a value is missing.

        They are a list; of a table that is too large to be held in memory, they are made when they are asked for.
        """
        values = self.data.column(name)
        return Rows(_itself, [values]) if self._large else values.to_pylist()

    def rows(self, make: Callable[..., Any], *names: str, faults: RowFaults) -> Sequence[Any]:
        """What the rows stand for, made like the values of a column.

        Args:
            make: `(*values, note)` makes it of the values of a row, and notes what is wrong with it, in words.
            names: the columns of the values.
            faults: hears what is noted.
        """
        note, found = functools.partial(faults.add, place=0), []
        for n, values in enumerate(zip(*map(self.column, names), strict=True)):
            faults.start(n)
            row = make(*values, note=note)
            if not self._large:
                found.append(row)
        faults.start(0)
        if not self._large:
            return found
        return Rows(functools.partial(make, note=_unheard), [self.data.column(name) for name in names])

    @functools.cached_property
    def _large(self) -> bool:
        return self.data.nbytes > spool.MEMORY


def _itself(value: Any) -> Any:
    return value


def _unheard(what: str) -> None:
    """What is wrong with a row was noted when it was read."""
