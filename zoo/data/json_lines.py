"""JSON lines, or one list of objects, into an Arrow table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from zoo.data.conversations import with_texts
from zoo.data.records import UNFIT, UnfitError, table_of_rows
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
_ITEM = "[]"  # stands for the items of a list among the keys on the way to a value
_SPACE = re.compile(r"\s*")
_ROWS, _CHARACTERS = 10_000, 4 << 20  # what is held as Python objects at once, whichever is reached first


def read_json_lines(path: Path, memory: int | None = None) -> pa.Table:
    """One object a line; a key that a row lacks is missing there. Blank lines do not count.

    A file that begins with a bracket is one list of objects, which is held whole while it is read.

    Args:
        memory: as in `spool.table_of`.

    Raises:
        ZooError: lines that are not objects, or a key whose values are of different kinds.
        UnicodeDecodeError: the file is not UTF-8.
    """
    # Not pyarrow's own reader: version 26 crashes the process on a line that says `null`, takes text
    # that looks like a date for one, and numbers rows from the start of a block.
    try:
        return table_of_rows(_blocks(path), memory)
    except UnfitError as error:
        name, cause = error.column, error.__cause__
        raise ZooError(
            f"Column '{name}' of '{path}' holds values that do not go together.",
            why=_unfit(path, name) or str(cause),
            fix="Write all values of a column alike, all as text for instance.",
        ) from cause


def _blocks(path: Path) -> Iterator[list[dict[str, Any]]]:
    """The objects, some at a time. Raises a ZooError for what is none, when all lines have been read."""
    rows: list[dict[str, Any]] = []
    faults: list[str] = []
    faulty = characters = 0
    for number, line in enumerate(_lines(path), 1):
        fault = ""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            fault = f"Row {number}: {error}."
        else:
            if isinstance(value, dict):
                rows.append(value)
            else:
                fault = f"Row {number} is {_KINDS[type(value)]}, not an object."
        if fault:
            faulty += 1
            faults += [fault] if faulty <= _SHOWN else []
        characters += len(line)
        if len(rows) >= _ROWS or characters >= _CHARACTERS:
            yield rows
            rows, characters = [], 0
    if faulty:
        rest = [f"{faulty - _SHOWN} more rows."] if faulty > _SHOWN else []
        raise ZooError(
            f"'{path}' is not JSON lines.",
            why=faults + rest,
            fix='Every line must be an object, such as {"text": "fine film", "label": "good"}; or the file a list.',
        )
    if rows:
        yield rows


def _lines(path: Path) -> Iterator[str]:
    """What each row is written as."""
    with path.open(encoding="utf-8-sig") as lines:
        rows = (line for line in lines if line.strip())
        first = next(rows, "")
        if first.lstrip().startswith("["):
            yield from _items(first + "".join(rows))
        elif first:
            yield first
            yield from rows


def _items(text: str) -> Iterator[str]:
    """What each value of a list is written as; where the list is broken, all the rest as the last."""
    decode, start = json.JSONDecoder().raw_decode, _past_space(text, text.index("[") + 1)
    more = not text.startswith("]", start)
    while more:
        try:
            _, end = decode(text, start)
        except (ValueError, RecursionError):
            yield text[start:]
            return
        yield text[start:end]
        start = _past_space(text, end)
        if more := text.startswith(",", start):
            start = _past_space(text, start + 1)
    closed = text.startswith("]", start)
    rest = text[start + closed :].strip()
    if rest or not closed:
        yield rest


def _past_space(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _unfit(path: Path, name: str) -> list[str]:
    """The first row of each kind of value if some key has several, else the first row that fits nothing."""
    first: dict[tuple[str, ...], dict[str, int]] = {}
    for row, value in _values(path, name):
        for keys, kind in _kinds(with_texts(value)):
            first.setdefault(keys, {}).setdefault(kind, row)
    for keys, rows in first.items():
        if len(rows) > 1:
            return [f"Row {row} has {kind}{_within(keys)}." for kind, row in rows.items()]
    for row, value in _values(path, name):
        try:
            pa.array([value])
        except UNFIT as error:
            return [f"Row {row}: {error}."]
    return []


def _kinds(value: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """The kinds of a value and of all within it, each with the keys on the way. Missing values have none."""
    left: list[tuple[tuple[str, ...], Any]] = [((), value)]
    while left:  # no recursion: values may be as deep as json allows
        keys, value = left.pop()
        if value is None:
            continue
        yield keys, _KINDS[type(value)]
        if isinstance(value, list):
            left += [((*keys, _ITEM), item) for item in reversed(value)]
        elif isinstance(value, dict):
            left += [((*keys, key), value[key]) for key in reversed(value)]


def _within(keys: tuple[str, ...]) -> str:
    named = [key for key in keys if key != _ITEM]
    return f" as '{'.'.join(named)}'" if named else " in a list" if keys else ""


def _values(path: Path, name: str) -> Iterator[tuple[int, Any]]:
    """A column once more, for its rows are not held."""
    return enumerate((json.loads(line).get(name) for line in _lines(path)), 1)
