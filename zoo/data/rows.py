"""Rows of a table that is too large to be held as Python objects, made from its columns when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_BLOCK, _BYTES = 4096, 1 << 20  # rows that are made at once, and about as many bytes of their columns


class Rows(Sequence[Any]):
    """What rows stand for.

    Args:
        make: `(*values)` makes a row of the columns' values; it gives the same whenever it is asked.
        columns: the columns, of one length.
    """

    def __init__(self, make: Callable[..., Any], columns: Sequence[pa.ChunkedArray]) -> None:
        import numpy as np

        self._make, self._columns = make, [_Column(column) for column in columns]
        self._places = np.arange(len(columns[0]))
        each = sum(column.nbytes for column in columns) // max(1, len(self))
        self._block = min(_BLOCK, max(1, _BYTES // max(1, each)))

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, n: int) -> Any: ...
    @overload
    def __getitem__(self, n: slice) -> Rows: ...
    def __getitem__(self, n: int | slice) -> Any:
        if isinstance(n, slice):
            return self._at(self._places[n])
        places = self._places[[n]]
        return self._make(*(column.values(places)[0] for column in self._columns))

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), self._block):
            places = self._places[start : start + self._block]
            yield from map(self._make, *(column.values(places) for column in self._columns))

    def select(self, places: Sequence[int]) -> Rows:
        """The rows at these places of them, in the order given."""
        import numpy as np

        return self._at(self._places[np.asarray(places, np.int64)])

    def _at(self, places: np.ndarray) -> Rows:
        found = object.__new__(Rows)
        found._make, found._columns, found._block, found._places = self._make, self._columns, self._block, places
        return found


class _Column:
    def __init__(self, data: pa.ChunkedArray) -> None:
        import numpy as np

        self._chunks = data.chunks
        self._ends = np.cumsum([len(chunk) for chunk in self._chunks])

    def values(self, places: np.ndarray) -> list[Any]:
        """The values at these places as Python objects; neighbours in one chunk are taken together."""
        import numpy as np

        chunks = np.searchsorted(self._ends, places, side="right")
        found: list[Any] = []
        for own in np.split(np.arange(len(places)), np.flatnonzero(np.diff(chunks)) + 1):
            chunk = self._chunks[chunks[own[0]]]
            first = self._ends[chunks[own[0]]] - len(chunk)
            found += chunk.take(places[own] - first).to_pylist()
        return found
