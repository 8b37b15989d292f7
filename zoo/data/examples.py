"""Rows into examples: inputs a model preprocesses, and labels as strings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from zoo.data.columns import Columns
from zoo.data.problems import SINGLE, guess_problem, read_labels
from zoo.data.row_faults import RowFaults
from zoo.data.table import Table
from zoo.errors import ZooError


@dataclass(frozen=True)
class Examples:
    """What a task learns from or is measured on.

    Args:
        inputs: texts, pairs of texts, or pictures as paths or bytes.
        labels: one label for each input, or None where there are none: a class, several as a tuple, or a number.
        rows: the row each example comes from, counted from 1.
        source: what the user called the data.
        problem: which of these the labels are, by transformers' name.
    """

    inputs: list[Any]
    labels: list[Any] | None
    rows: list[int]
    source: str
    problem: str = SINGLE

    def __len__(self) -> int:
        return len(self.inputs)

    def select(self, indices: Iterable[int]) -> Examples:
        """The examples at these places, counted from 0, in the order given."""
        places = list(indices)
        return Examples(
            inputs=[self.inputs[place] for place in places],
            labels=None if self.labels is None else [self.labels[place] for place in places],
            rows=[self.rows[place] for place in places],
            source=self.source,
            problem=self.problem,
        )


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
    texts = _texts(table, columns.text, found)
    pairs = None if columns.text_pair is None else _texts(table, columns.text_pair, found)
    labels = None
    if columns.label is not None:
        values = table.column(columns.label)
        problem = problem or guess_problem(values)
        labels = read_labels(values, columns.label, problem, separator, found)
    if faults is None:
        found.check_whole()
    inputs = texts if pairs is None else list(zip(texts, pairs, strict=True))
    return Examples(inputs, labels, list(range(1, len(table) + 1)), table.source, problem or SINGLE)


def check_inputs(examples: Examples) -> None:
    """Raise a ZooError if all inputs are the same, so that no label can follow from them."""
    if len(examples) > 1 and all(item == examples.inputs[0] for item in examples.inputs):
        raise ZooError(
            f"'{examples.source}' has one input only, {len(examples)} times.",
            why=f"Every row holds {examples.inputs[0]!r:.80}",
            fix="Name another column, or look at how the file was made.",
        )


def _texts(table: Table, column: str, faults: RowFaults) -> list[str]:
    texts = [value or "" for value in table.column(column)]
    for n, text in enumerate(texts):
        if not text.strip():
            faults.add(f"Without a text (column '{column}')", n)
    return texts
