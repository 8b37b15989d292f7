"""Rows of words and of their tags, for token classification."""

from __future__ import annotations

from typing import Any

from zoo.data.columns import TokenColumns
from zoo.data.examples import Examples
from zoo.data.problems import TOKENS, spelled
from zoo.data.table import Table
from zoo.errors import Faults, some


def read_token_examples(table: Table, columns: TokenColumns) -> Examples:
    """The examples of a table: a tuple of words and a tuple of as many tags for each row.

    Raises a ZooError that names the rows without words, with an empty word, or with another number of tags.
    """
    faults = Faults()
    words = [_strings(value) for value in table.column(columns.tokens)]
    _note([n for n, row in enumerate(words, 1) if not row], f"Without words (column '{columns.tokens}')", faults)
    _note([n for n, row in enumerate(words, 1) if not all(map(str.strip, row))], "With an empty word", faults)
    tags = None
    if columns.label is not None:
        tags = [_strings(value) for value in table.column(columns.label)]
        pairs = list(enumerate(zip(words, tags, strict=True), 1))
        _note(
            [n for n, (row, own) in pairs if len(row) != len(own)],
            f"With more or fewer tags (column '{columns.label}') than words",
            faults,
        )
        _note([n for n, (_, own) in pairs if not all(map(str.strip, own))], "With an empty tag", faults)
    faults.check(f"'{table.source}' has rows that are not whole.", fix="Complete these rows, or leave them out.")
    return Examples(list(words), tags, list(range(1, len(table) + 1)), table.source, TOKENS)


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(spelled(item) for item in value or ())


def _note(rows: list[int], what: str, faults: Faults) -> None:
    if rows:
        faults.add(f"{what}: {'row' if len(rows) == 1 else 'rows'} {some(rows)}.")
