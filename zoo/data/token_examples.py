"""Rows of words and of their tags, for token classification."""

from __future__ import annotations

from typing import Any

from zoo.data.columns import TokenColumns
from zoo.data.examples import Examples
from zoo.data.problems import TOKENS, spelled
from zoo.data.row_faults import RowFaults
from zoo.data.table import Table


def read_token_examples(table: Table, columns: TokenColumns, faults: RowFaults | None = None) -> Examples:
    """The examples of a table: a tuple of words and a tuple of as many tags for each row.

    Args:
        faults: notes what is wrong, in place of the error.

    Raises a ZooError that names the rows without words, with an empty word, or with another number of tags.
    """
    found = RowFaults(table.source) if faults is None else faults
    words = [_strings(value) for value in table.column(columns.tokens)]
    for n, row in enumerate(words):
        if not row:
            found.add(f"Without words (column '{columns.tokens}')", n)
        if not all(map(str.strip, row)):
            found.add("With an empty word", n)
    tags = None
    if columns.label is not None:
        tags = [_strings(value) for value in table.column(columns.label)]
        for n, (row, own) in enumerate(zip(words, tags, strict=True)):
            if len(row) != len(own):
                found.add(f"With more or fewer tags (column '{columns.label}') than words", n)
            if not all(map(str.strip, own)):
                found.add("With an empty tag", n)
    if faults is None:
        found.check_whole()
    return Examples(list(words), tags, list(range(1, len(table) + 1)), table.source, TOKENS)


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(spelled(item) for item in value or ())
