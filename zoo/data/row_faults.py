"""What is wrong with the rows of some data, each fault with all the rows that have it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.errors import ZooError, some

if TYPE_CHECKING:
    from zoo.data.examples import Examples

REFUSE, SKIP = "refuse", "skip"
"""What becomes of data that has faulty rows: it is refused, or the rows are left out and counted."""

_WRITTEN = "Change how they are written: data.chat_template takes another template, and the rows other messages."
_SKIPS = ': data.faulty = "skip" does, and counts them.'


class RowFaults:
    """Collects faults by row, of one set of examples after the other.

    Args:
        source: what the first examples come from; empty where the user gave them one by one.
    """

    def __init__(self, source: str = "") -> None:
        self.source = source
        self._found: dict[str, set[tuple[str, int]]] = {}
        self._hard: set[str] = set()
        self._rows: Sequence[int] | None = None
        self._start = 0
        self._part = ""

    def of(self, examples: Examples) -> RowFaults:
        """The same collection, for what is noted of these examples from now on."""
        self._rows = examples.rows
        self._start = 0
        self._part = self._part_of(examples)
        return self

    def start(self, place: int) -> RowFaults:
        """The same collection; the places that are noted from now on are counted from this one."""
        self._start = place
        return self

    def add(self, fault: str, place: int, *, hard: bool = False) -> None:
        """Note what is wrong with the example at a place, counted from 0.

        Args:
            hard: it is not the row that is wrong, but how rows are written, so that none may be left out for it.
        """
        place += self._start
        row = place + 1 if self._rows is None else self._rows[place]
        self._found.setdefault(fault, set()).add((self._part, row))
        if hard:
            self._hard.add(fault)

    def __bool__(self) -> bool:
        return bool(self._found)

    def check(self, which: str = "cannot be learned from", do: str = "Correct", faulty: str | None = None) -> None:
        """Raise a ZooError that lists every fault with its rows, if there are any.

        Args:
            which: what the rows are, or cannot.
            do: what is to be done with them.
            faulty: what `data.faulty` says: with `skip` only what no row is left out for is raised; None where
                there is no recipe.
        """
        told = {what: rows for what, rows in self._found.items() if faulty != SKIP or what in self._hard}
        if told:
            written = self._hard.issuperset(told)
            skips = faulty == REFUSE and not written
            raise ZooError(
                f"{repr(self.source) if self.source else 'The input'} has rows that {which}.",
                why=[
                    f"{what}: {_listed([f'{row}{of}' for of, row in sorted(rows)])}." for what, rows in told.items()
                ],
                fix=_WRITTEN if written else f"{do} these rows, or leave them out{_SKIPS if skips else '.'}",
            )

    def check_whole(self, faulty: str | None = None) -> None:
        """Raise a ZooError that lists what the rows of a table lack, if anything."""
        self.check("are not whole", "Complete", faulty)

    def without(self, examples: Examples, notes: list[str]) -> Examples:
        """The examples that have no fault. What is left out, and why, is added to the notes.

        Raises a ZooError where none would be left.
        """
        if not self._found:
            return examples
        part = self._part_of(examples)
        here, told = {*examples.rows}, []
        left_out: set[int] = set()
        for what, found in self._found.items():
            if rows := sorted(here & {row for of, row in found if of == part}):
                told.append(f"{what[0].lower()}{what[1:]} ({_listed(rows)})")
                left_out.update(rows)
        if not left_out:
            return examples
        if left_out == here:
            raise ZooError(f"Nothing can be learned from any row of '{examples.source}'.", why=told)
        notes.append(f"{len(left_out):,} of '{examples.source}' {', '.join(told)}")
        return examples.select(n for n, row in enumerate(examples.rows) if row not in left_out)

    def _part_of(self, examples: Examples) -> str:
        return "" if examples.source == self.source else f" of '{examples.source}'"


def _listed(rows: Sequence[object]) -> str:
    return f"{'row' if len(rows) == 1 else 'rows'} {some(rows)}"
