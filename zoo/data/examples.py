"""Rows into examples: inputs a model preprocesses, and labels as strings."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.data.columns import Columns
from zoo.data.conversations import texts_of
from zoo.data.problems import SINGLE, guess_problem, read_labels
from zoo.data.row_faults import RowFaults
from zoo.data.rows import Rows
from zoo.data.table import Table
from zoo.errors import ZooError, some


@dataclass(frozen=True)
class Examples:
    """What a task learns from or is measured on; of a table that is not held in memory, neither are its inputs.

    Args:
        inputs: texts, pairs of texts, or pictures as paths or bytes.
        labels: one label for each input, or None where there are none: a class, several as a tuple, or a number.
        rows: the row each example comes from, counted from 1.
        source: what the user called the data.
        problem: which of these the labels are, by transformers' name.
        named: they are files of a folder, which has no rows: messages name the inputs themselves.
    """

    inputs: Sequence[Any]
    labels: Sequence[Any] | None
    rows: Sequence[int]
    source: str
    problem: str = SINGLE
    named: bool = False

    def __len__(self) -> int:
        return len(self.inputs)

    def select(self, indices: Iterable[int]) -> Examples:
        """The examples at these places, counted from 0, in the order given."""
        places = list(indices)
        return Examples(
            inputs=_chosen(self.inputs, places),
            labels=None if self.labels is None else _chosen(self.labels, places),
            rows=_chosen(self.rows, places),
            source=self.source,
            problem=self.problem,
            named=self.named,
        )

    def where(self, places: Sequence[int]) -> str:
        """What messages call the examples at these places: `row 3`, `rows 3, 9`, or the files' paths."""
        if self.named:
            return some(f"'{self.inputs[n]}'" for n in places)
        return f"{'row' if len(places) == 1 else 'rows'} {some(self.rows[n] for n in places)}"


def read_examples(
    table: Table, columns: Columns, *, problem: str = "", separator: str = "|", faults: RowFaults | None = None
) -> Examples:
    """The examples of a table.

    Args:
        problem: what the labels mean, by transformers' name of it; guessed where it is left out.
        separator: what parts the labels of a row where they stand in one string.
        faults: notes what is wrong with rows, in place of the error.

    Raises:
        ZooError: rows without a text or without a label, all of them by number.
    """
    found = RowFaults(table.source) if faults is None else faults
    text = _reader(columns.text)
    if columns.text_pair is None:
        inputs = table.rows(text, columns.text, faults=found)
    else:
        pair = _pair(text, _reader(columns.text_pair))
        inputs = table.rows(pair, columns.text, columns.text_pair, faults=found)
    labels = None
    if columns.label is not None:
        values = table.column(columns.label)
        problem = problem or guess_problem(values)
        labels = read_labels(values, columns.label, problem, separator, found)
    if faults is None:
        found.check_whole()
    return Examples(inputs, labels, table.numbers, table.source, problem or SINGLE)


def check_inputs(examples: Examples) -> None:
    """Raise a ZooError if all inputs are the same, so that no label can follow from them."""
    if len(examples) < 2:
        return
    first = examples.inputs[0]
    if all(item == first for item in examples.inputs):
        raise ZooError(
            f"'{examples.source}' has one input only, {len(examples)} times.",
            why=f"Every row holds {', '.join(f'{text!r:.80}' for text in texts_of(first))}",
            fix="Name another column, or look at how the file was made.",
        )


def _reader(column: str) -> Callable[..., str]:
    """Makes the text of a row, for `Table.rows`."""

    def text(value: str | None, note: Callable[[str], None]) -> str:
        if not value or not value.strip():
            note(f"Without a text (column '{column}')")
        return value or ""

    return text


def _pair(first: Callable[..., str], second: Callable[..., str]) -> Callable[..., tuple[str, str]]:
    return lambda one, other, note: (first(one, note), second(other, note))


def _chosen(values: Sequence[Any], places: Sequence[int]) -> Sequence[Any]:
    """The values at these places. The numbers of rows that are not in a list are not put into one."""
    if isinstance(values, Rows):
        return values.select(places)
    chosen = (values[place] for place in places)
    return array("q", chosen) if isinstance(values, range | array) else list(chosen)
