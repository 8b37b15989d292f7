"""Rows into examples: inputs a model preprocesses, and labels as strings."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from zoo.data.columns import Columns
from zoo.data.table import Table
from zoo.errors import Faults, ZooError, some


@dataclass(frozen=True)
class Examples:
    """What a task learns from or is measured on.

    Args:
        inputs: texts, pairs of texts, or pictures as paths or bytes.
        labels: one label for each input, or None where there are none.
        rows: the row each example comes from, counted from 1.
        source: what the user called the data.
    """

    inputs: list[Any]
    labels: list[str] | None
    rows: list[int]
    source: str

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
        )


def read_examples(table: Table, columns: Columns) -> Examples:
    """The examples of a table.

    Labels become strings as JSON writes them: `1`, `true`, and a whole number without its fraction.

    Raises:
        ZooError: rows without a text or without a label, all of them by number.
    """
    faults = Faults()
    texts = _texts(table, columns.text, faults)
    pairs = None if columns.text_pair is None else _texts(table, columns.text_pair, faults)
    labels = read_labels(table, columns.label, faults)
    faults.check(f"'{table.source}' has rows that are not whole.", fix="Complete these rows, or leave them out.")
    inputs = texts if pairs is None else list(zip(texts, pairs, strict=True))
    return Examples(inputs, labels, list(range(1, len(table) + 1)), table.source)


def read_labels(table: Table, column: str | None, faults: Faults) -> list[str] | None:
    """The labels of a column as strings; rows without one become a fault."""
    if column is None:
        return None
    labels = [_label(value) for value in table.column(column)]
    _check_filled(labels, f"a label (column '{column}')", faults)
    return labels


def check_classes(examples: Examples) -> None:
    """Raise a ZooError if nothing can be learned from the labels: all the same, or none of them twice."""
    labels = examples.labels or []
    classes = set(labels)
    if len(classes) == 1:
        raise ZooError(
            f"'{examples.source}' has one class only: '{classes.pop()}'.",
            why=f"All its {len(examples)} rows have that label; a classifier needs two at least.",
            fix="Add rows of another class, or name another column with data.label.",
        )
    if len(classes) == len(examples) > 2:
        raise ZooError(
            f"'{examples.source}' has a class for every row, so that there is nothing to learn.",
            why=f"None of its {len(examples)} labels occurs twice: {some(map(repr, labels), 4)}.",
            fix="Name the column of the classes with data.label; this one looks like a name of the row.",
        )


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


def _label(value: Any) -> str:
    """The label as a string; empty where it is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
