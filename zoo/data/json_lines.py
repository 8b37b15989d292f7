"""JSON lines into an Arrow table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from zoo.data.conversations import with_texts
from zoo.errors import ZooError

_KINDS = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
_SHOWN = 5
# What pyarrow raises for mixed kinds, half surrogate pairs and integers beyond 64 bits.
_UNFIT = (pa.ArrowException, ValueError, TypeError, OverflowError)


def read_json_lines(path: Path) -> pa.Table:
    """One object a line; a key that a row lacks is missing there. Blank lines do not count.

    Raises:
        ZooError: lines that are not objects, or a key whose values are of different kinds.
        UnicodeDecodeError: the file is not UTF-8.
    """
    # Not pyarrow's own reader: version 26 crashes the process on a line that says `null`, takes text
    # that looks like a date for one, and numbers rows from the start of a block.
    rows: list[dict[str, Any]] = []
    faults: list[str] = []
    for number, line in enumerate(_lines(path), 1):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            faults.append(f"Row {number}: {error}.")
        else:
            if isinstance(value, dict):
                rows.append(value)
            else:
                faults.append(f"Row {number} is {_KINDS[type(value)]}, not an object.")
    if faults:
        rest = [f"{len(faults) - _SHOWN} more rows."] if len(faults) > _SHOWN else []
        raise ZooError(
            f"'{path}' is not JSON lines.",
            why=faults[:_SHOWN] + rest,
            fix='Every line must be one object, such as {"text": "a fine film", "label": "good"}.',
        )
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: _column(path, name, [row.get(name) for row in rows]) for name in names})


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig") as lines:
        yield from (line for line in lines if line.strip())


def _column(path: Path, name: str, values: list[Any]) -> pa.Array:
    try:
        return pa.array([with_texts(value) for value in values])
    except _UNFIT as error:
        raise ZooError(
            f"Column '{name}' of '{path}' holds values that do not go together.",
            why=_unfit(values) or str(error),
            fix="Write all values of a column alike, all as text for instance.",
        ) from error


def _unfit(values: list[Any]) -> list[str]:
    """The first row of each kind of value if there are several, else the first row that fits nothing."""
    first: dict[str, int] = {}
    for row, value in enumerate(values, 1):
        if value is not None:
            first.setdefault(_KINDS[type(value)], row)
    if len(first) > 1:
        return [f"Row {row} has {kind}." for kind, row in first.items()]
    for row, value in enumerate(values, 1):
        try:
            pa.array([value])
        except _UNFIT as error:
            return [f"Row {row}: {error}."]
    return []
