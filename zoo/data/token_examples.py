"""Rows of words and of their tags, for token classification."""

from __future__ import annotations

from collections.abc import Callable
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
    inputs = table.rows(_reader(columns.tokens), columns.tokens, faults=found)
    tags = None
    if columns.label is not None:
        tags = table.rows(_tags_reader(columns.label), columns.tokens, columns.label, faults=found)
    if faults is None:
        found.check_whole()
    return Examples(inputs, tags, table.numbers, table.source, TOKENS)


def _reader(column: str) -> Callable[..., tuple[str, ...]]:
    """Makes the words of a row, for `Table.rows`."""

    def words(value: Any, note: Callable[[str], None]) -> tuple[str, ...]:
        found = _strings(value)
        if not found:
            note(f"Without words (column '{column}')")
        if not all(map(str.strip, found)):
            note("With an empty word")
        return found

    return words


def _tags_reader(column: str) -> Callable[..., tuple[str, ...]]:
    """Makes the tags of a row, for `Table.rows`."""

    def tags(words: Any, value: Any, note: Callable[[str], None]) -> tuple[str, ...]:
        found = _strings(value)
        if len(words or ()) != len(found):
            note(f"With more or fewer tags (column '{column}') than words")
        if not all(map(str.strip, found)):
            note("With an empty tag")
        return found

    return tags


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(spelled(item) for item in value or ())
