"""Files into tables: CSV, TSV, JSON lines, parquet and plain lines, told apart by their extension."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.data.class_names import names_in_schema, with_class_names
from zoo.data.table import Table
from zoo.errors import Faults, ZooError, did_you_mean, some

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".txt": "txt",
}

# What is read of a parquet file at once: about so many bytes, and rows at most; so many bytes of a column's pages.
_BLOCK, _ROWS, _BUFFER = 16 << 20, 1 << 16, 1 << 20


def data_format(path: str | Path) -> str:
    """`csv`, `tsv`, `jsonl`, `parquet` or `txt`, by the extension; a ZooError for any other."""
    found = FORMATS.get(Path(path).suffix.lower())
    if found is None:
        raise ZooError(_unknown_extension(path), fix="Convert the file, or rename it to what it is.")
    return found


def check_readable(path: str | Path, faults: Faults, what: str) -> None:
    """Add to `faults` why `path` cannot be a data file, if so; opens nothing and imports nothing heavy.

    Args:
        path: the file, as the user wrote it.
        faults: where the fault is noted.
        what: what names the file, such as the recipe key `data.train`.
    """
    fault = _file_fault(path)
    if fault:
        faults.add(f"{what}: {fault}")


def read_table(path: str | Path, memory: int | None = None) -> Table:
    """The rows of a .csv, .tsv, .jsonl (.ndjson, .json), .parquet or .txt file.

    Every CSV and TSV column is text; only an empty, unquoted cell is missing, so `NA`, `null` and `None`
    are words like any other. JSON and parquet values keep their types; numbers of classes become their names,
    where a parquet file tells them, as `datasets` writes it. A .txt file has a column `text`, and a row for every
    line that is not blank. Files are read in blocks, and what is larger than `spool.MEMORY` is not held in memory.

    Args:
        memory: how many bytes of it may be held, in place of that.

    Raises:
        ZooError: the file cannot be read, is not what its extension says, has no rows, or has faulty
            rows, which are named.
    """
    from zoo.data.delimited import read_delimited
    from zoo.data.json_lines import read_json_lines
    from zoo.data.plain_lines import read_plain_lines

    fault = _file_fault(path)
    if fault:
        raise ZooError(f"The data cannot be read: {fault}")
    path = Path(path).expanduser()
    kind = data_format(path)
    try:
        if kind == "parquet":
            data = _read_parquet(path, memory)
        elif kind == "jsonl":
            data = read_json_lines(path, memory)
        elif kind == "txt":
            data = read_plain_lines(path, memory)
        else:
            data = read_delimited(path, "," if kind == "csv" else "\t", memory)
    except OSError as error:
        raise ZooError(f"'{path}' cannot be read.", why=str(error)) from error
    except ValueError as error:  # from pyarrow, and from decoding
        raise _not_utf8(path) or ZooError(f"'{path}' cannot be read as {kind}.", why=str(error)) from error
    _check_names(path, data.column_names)
    if data.num_rows == 0:
        columns = some(map(repr, data.column_names))
        raise ZooError(f"'{path}' has no rows{f', only its columns {columns}' if columns else ''}.")
    return Table(str(path), data)


def _unknown_extension(path: str | Path) -> str:
    return f"'{path}' has none of the known extensions {some(FORMATS)}."


def _file_fault(path: str | Path) -> str:
    """Why `path` cannot be a data file, in one sentence; empty if nothing speaks against it."""
    try:
        file = Path(path).expanduser()
        if file.is_dir():
            return f"'{path}' is a directory, not a file."
        if not file.exists():
            siblings = [p.name for p in file.parent.iterdir() if p.is_file()] if file.parent.is_dir() else []
            return f"There is no file '{path}'.{did_you_mean(file.name, siblings)}"
        if not file.is_file():
            return f"'{path}' is not a regular file."
        if file.suffix.lower() not in FORMATS:
            return _unknown_extension(path)
        if file.stat().st_size == 0:
            return f"'{path}' is empty."
    except (OSError, ValueError) as error:  # a name too long, a folder that may not be entered
        return f"'{path}' cannot be read: {error}."
    return ""


def _read_parquet(path: Path, memory: int | None) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    from zoo.data.spool import table_of

    try:
        # ParquetFile, because read_table makes columns of folder names such as `lang=en`.
        # Without pre_buffer, which reads whole columns of a row group.
        with parquet.ParquetFile(
            path, buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True
        ) as file:
            data = table_of(_valid(file), file.schema_arrow, memory)
    except (pa.ArrowException, OSError) as error:
        raise ZooError(f"'{path}' is damaged, or not a parquet file.", why=str(error)) from error
    return with_class_names(data, names_in_schema(data.schema), str(path))


def _valid(file: ParquetFile) -> Iterator[pa.RecordBatch]:
    """The rows of a parquet file, about `_BLOCK` bytes at a time. Raises pyarrow's error where they are damaged."""
    groups = [file.metadata.row_group(n) for n in range(file.metadata.num_row_groups)]
    rows = file.metadata.num_rows * _BLOCK // max(1, sum(group.total_byte_size for group in groups))
    for batch in file.iter_batches(batch_size=min(max(rows, 1), _ROWS)):
        batch.validate(full=True)
        yield batch


def _check_names(path: Path, names: list[str]) -> None:
    faults = Faults()
    blank = [place for place, name in enumerate(names, 1) if not name.strip()]
    if blank:
        faults.add(f"Without a name: column {some(blank)}, counted from 1.")
    twice = [name for name, count in Counter(names).items() if count > 1 and name.strip()]
    if twice:
        faults.add(f"More than once: {some(map(repr, twice))}.")
    if faults:
        faults.add(f"The names found: {some(map(repr, names))}.")
    faults.check(
        f"'{path}' does not name its columns, or not well.",
        fix="Every column needs a name of its own; in a CSV or TSV file the first row must give them.",
    )


def _not_utf8(path: Path) -> ZooError | None:
    """The error that names the first line that is not UTF-8, or None if all are."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                why = [f"Line {number} is the first that is not."]
                if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                    why.append("The file begins like UTF-16, as some spreadsheets write it.")
                return ZooError(f"'{path}' is not UTF-8.", why=why, fix="Save the file as UTF-8.")
    return None
