"""Rows into examples: inputs a model preprocesses, and labels as strings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from zoo.data.columns import Columns
from zoo.data.problems import SINGLE, guess_problem, read_labels
from zoo.data.table import Table
from zoo.errors import Faults, ZooError, some


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


def read_examples(table: Table, columns: Columns, *, problem: str = "", separator: str = "|") -> Examples:
    """The examples of a table.

    Args:
        problem: what the labels mean, by transformers' name of it; guessed where it is left out.
        separator: what parts the labels of a row where they stand in one string.

    Raises:
        ZooError: rows without a text or without a label, all of them by number.
    """
    faults = Faults()
    texts = _texts(table, columns.text, faults)
    pairs = None if columns.text_pair is None else _texts(table, columns.text_pair, faults)
    labels = None
    if columns.label is not None:
        values = table.column(columns.label)
        problem = problem or guess_problem(values)
        labels = read_labels(values, columns.label, problem, separator, faults)
    faults.check(f"'{table.source}' has rows that are not whole.", fix="Complete these rows, or leave them out.")
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


def _texts(table: Table, column: str, faults: Faults) -> list[str]:
    texts = [value or "" for value in table.column(column)]
    _check_filled(texts, f"a text (column '{column}')", faults)
    return texts


def _check_filled(values: list[str], what: str, faults: Faults) -> None:
    rows = [row for row, value in enumerate(values, 1) if not value.strip()]
    if rows:
        faults.add(f"Without {what}: {'row' if len(rows) == 1 else 'rows'} {some(rows)}.")
