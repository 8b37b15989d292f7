"""Rows of two texts that belong together, for feature extraction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from zoo.data.columns import Columns, choose_columns
from zoo.data.duplicates import digest
from zoo.data.examples import Examples, read_examples
from zoo.data.problems import RETRIEVAL
from zoo.data.row_faults import RowFaults
from zoo.data.table import Table
from zoo.errors import ZooError, some

_USUAL = (
    *(("anchor", "positive"), ("text", "text_pair"), ("sentence1", "sentence2"), ("question", "answer")),
    *(("query", "positive"), ("query", "passage"), ("query", "document"), ("query", "answer")),
)


def choose_pair_columns(table: Table, *, text: str | None = None, text_pair: str | None = None) -> Columns:
    """The columns of the two texts: given names are checked, missing ones are guessed.

    Guessed are two columns with usual names (`anchor` and `positive`, `query` and `passage`, ...), else the only
    two there are. Raises a ZooError that names the keys to set.
    """
    if text is None and text_pair is None:
        there = {name.casefold(): name for name in table.columns}
        likely = [(there[one], there[other]) for one, other in _USUAL if one in there and other in there]
        if not likely and len(table.columns) == 2:
            likely = [(table.columns[0], table.columns[1])]
        if len(likely) == 1:
            text, text_pair = likely[0]
    if text is None or text_pair is None:
        raise ZooError(
            f"Which columns of '{table.source}' hold the two texts of a pair is not clear.",
            why=f"the columns are {some(map(repr, table.columns))}",
            fix='Name both, such as --set data.text="query" --set data.text_pair="passage".',
        )
    return choose_columns(table, text=text, text_pair=text_pair, need_label=False)


def read_pairs(table: Table, columns: Columns, faults: RowFaults | None = None) -> Examples:
    """The pairs of a table. Raises a ZooError for rows without a text, and where all partners are the same.

    Args:
        faults: notes what is wrong with rows, in place of the error.
    """
    found = read_examples(table, columns, problem=RETRIEVAL, faults=faults)
    first = found.inputs[0][1] if len(found) else None
    if len(found) > 1 and all(partner == first for _, partner in found.inputs):
        raise ZooError(
            f"'{table.source}' pairs every text with the same one, so that there is nothing to find.",
            why=f"column '{columns.text_pair}' holds {first!r:.80} in all its {len(found)} rows",
            fix="Name another column with data.text_pair.",
        )
    return found


def text_numbers(pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """`(pairs, 2)` int32: a number for each text, the same for equal ones of a column."""
    numbers = np.zeros((len(pairs), 2), np.int32)
    for side in range(2):
        known: dict[bytes, int] = {}
        numbers[:, side] = [known.setdefault(digest(pair[side]), n) for n, pair in enumerate(pairs)]
    return numbers
