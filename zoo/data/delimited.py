"""CSV and TSV into an Arrow table of text columns."""

from __future__ import annotations

import contextlib
import csv
import threading
import traceback
import weakref
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from zoo.data.spool import table_of
from zoo.errors import ZooError, some

_BLOCKS = (2 << 20, 32 << 20, 1 << 30)
"""The bytes that are parsed at once, of which pyarrow reads 32 times as many ahead. The larger ones are for files
with rows that are longer; 2 GiB cannot be."""
_PATIENCE = 5.0  # seconds; a thread of pyarrow's takes less than a thousandth of one, where it is let run


def read_delimited(path: Path, delimiter: str, memory: int | None = None) -> pa.Table:
    """The rows below the header, every column as text; an empty cell without quotes is missing.

    Args:
        memory: as in `spool.table_of`.

    Raises:
        ZooError: rows with more or fewer cells than the header, or a quote that is never closed.
        ValueError: what the parser cannot read; UnicodeDecodeError or not, it may not be UTF-8.
    """
    header = _header(path, delimiter)
    data = _rows(path, header, delimiter, memory)
    data = data.slice(1).rename_columns(header)
    _check_last_quote(path, data)
    return data


def _rows(path: Path, header: list[str], delimiter: str, memory: int | None) -> pa.Table:
    """The rows, in the smallest blocks that hold one; what the largest cannot be read in is at fault."""
    *blocks, last = sorted({min(path.stat().st_size + 1, block) for block in _BLOCKS})
    for block in blocks:
        with contextlib.suppress(ValueError):
            return _read(path, header, delimiter, block, memory)
    return _read(path, header, delimiter, last, memory)


def _read(path: Path, header: list[str], delimiter: str, block: int, memory: int | None) -> pa.Table:
    """The rows, and the header above them, in columns that are named by their places."""
    ragged: list[tuple[int, int]] = []
    gone = threading.Event()
    try:
        data = _parsed(path, len(header), delimiter, block, memory, ragged, gone)
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # they hold the reader
        raise
    finally:
        # The last to hold what notes the rows, which is Python's, may be a thread of the reader's. It must have let
        # go before the interpreter ends, or the process ends as a crash.
        gone.wait(_PATIENCE)
    if ragged:
        raise ZooError(
            f"'{path}' has rows with more or fewer cells than its header.",
            why=[
                f"The header has {len(header)}: {some(map(repr, header))}.",
                f"Rows: {some(f'{row} (has {cells})' for row, cells in ragged)}.",
            ],
            fix='Put cells that contain the delimiter, a quote or a line break in "quotes".',
        )
    return data


def _parsed(
    path: Path,
    columns: int,
    delimiter: str,
    block: int,
    memory: int | None,
    ragged: list[tuple[int, int]],
    gone: threading.Event,
) -> pa.Table:
    """What `_read` gives, but for rows with more or fewer cells.

    Args:
        ragged: takes their numbers, with how many cells they have.
        gone: is set as soon as no thread of the reader's can take any more.
    """

    def note(row: arrow_csv.InvalidRow) -> str:
        ragged.append((row.number - 1, row.actual_columns))
        return "skip"

    weakref.finalize(note, gone.set)
    # Columns can be declared as text only by name, and names in a header may be doubled, so they go by
    # their place and the header is the first row. One thread, because only then are rows numbered.
    places = [str(place) for place in range(columns)]
    reader = arrow_csv.open_csv(
        path,
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=block, column_names=places),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(places, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    return table_of(reader, reader.schema, memory)


def _header(path: Path, delimiter: str) -> list[str]:
    """The cells of the first row that is not blank."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        try:
            header = next((cells for cells in csv.reader(lines, delimiter=delimiter) if cells), None)
        except csv.Error as error:
            raise ZooError(f"The header of '{path}' cannot be read.", why=str(error)) from error
    if header is None:
        raise ZooError(f"'{path}' is empty: it has only blank lines.")
    return header


def _check_last_quote(path: Path, data: pa.Table) -> None:
    """A quote that is never closed swallows the rest of the file, and the parser says nothing."""
    last = data.column(data.num_columns - 1)[-1].as_py() if data.num_rows else None
    if last is None or not ("\n" in last or "\r" in last):
        return
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        closed = file.read().rstrip(b"\r\n").endswith(b'"')
    if not closed:
        raise ZooError(
            f"'{path}' has a quote that is never closed.",
            why=f"Row {data.num_rows} runs from it to the end of the file.",
            fix='Quote such a cell as a whole and double the quotes in it: """so"" she said".',
        )
