"""What is wrong with the rows of some data, each fault with all the rows that have it."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.data.examples import Examples
from zoo.errors import ZooError, some


class RowFaults:
    """Collects faults by row, of one set of examples after the other.

    Args:
        source: what the first examples come from; empty where the user gave them one by one.
    """

    def __init__(self, source: str = "") -> None:
        self.source = source
        self._found: dict[str, set[tuple[str, int]]] = {}
        self._rows: Sequence[int] | None = None
        self._part = ""

    def of(self, examples: Examples) -> RowFaults:
        """The same collection, for what is noted of these examples from now on."""
        self._rows = examples.rows
        self._part = "" if examples.source == self.source else f" of '{examples.source}'"
        return self

    def add(self, fault: str, place: int) -> None:
        """Note what is wrong with the example at a place, counted from 0."""
        row = place + 1 if self._rows is None else self._rows[place]
        self._found.setdefault(fault, set()).add((self._part, row))

    def __bool__(self) -> bool:
        return bool(self._found)

    def check(
        self, which: str = "cannot be learned from", fix: str = "Correct these rows, or leave them out."
    ) -> None:
        """Raise a ZooError that lists every fault with its rows, if there are any.

        Args:
            which: what the rows are, or cannot.
        """
        if self._found:
            told = {what: [f"{row}{part}" for part, row in sorted(rows)] for what, rows in self._found.items()}
            raise ZooError(
                f"{repr(self.source) if self.source else 'The input'} has rows that {which}.",
                why=[f"{what}: {'row' if len(rows) == 1 else 'rows'} {some(rows)}." for what, rows in told.items()],
                fix=fix,
            )
