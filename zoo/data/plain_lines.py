"""Plain text into an Arrow table: a row for every line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa

from zoo.data.spool import table_of

_SCHEMA = pa.schema([("text", pa.string())])
_ROWS = 10_000  # what is held as Python objects at once


def read_plain_lines(path: Path, memory: int | None = None) -> pa.Table:
    """The column `text` of the lines that are not blank.

    Args:
        memory: as in `spool.table_of`.

    Raises a UnicodeDecodeError where the file is not UTF-8.
    """
    with path.open(encoding="utf-8-sig") as lines:
        return table_of(_blocks(plain_lines(lines)), _SCHEMA, memory)


def plain_lines(lines: Iterable[str]) -> Iterator[str]:
    """The lines that are not blank, without their ends."""
    return (line.rstrip("\r\n") for line in lines if line.strip())


def _blocks(lines: Iterator[str]) -> Iterator[pa.RecordBatch]:
    while block := list(islice(lines, _ROWS)):
        yield pa.record_batch([pa.array(block, pa.string())], schema=_SCHEMA)
