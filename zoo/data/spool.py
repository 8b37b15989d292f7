"""What is read block by block: held in memory while it is small, beyond that in a file that the kernel maps.

The file lies in zoo's cache and has no name, so that nothing of it is left however the process ends. The kernel
holds in memory what there is room for.
"""

from __future__ import annotations

import contextlib
import mmap
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any

from zoo.backend import data_home
from zoo.errors import ZooError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MEMORY = 128 << 20
"""The bytes of a table, or of the tokens of its texts, that are held in memory."""


def table_of(batches: Iterable[pa.RecordBatch], schema: pa.Schema, memory: int | None = None) -> pa.Table:
    """Record batches of one schema as a table.

    Args:
        memory: how many bytes may be held; `MEMORY` by default.

    Raises a ZooError where the file cannot be written, as on a full disk.
    """
    import pyarrow as pa

    batches = iter(batches)
    held, whole = _first(batches, memory)
    if whole:
        return pa.Table.from_batches(held, schema)
    with _file() as file:
        with _writing():
            writer = pa.ipc.new_stream(file, schema)
        for batch in _let_go(held, batches):
            with _writing():
                writer.write_batch(batch)
        with _writing():
            writer.close()
            file.flush()
        return pa.ipc.open_stream(pa.py_buffer(_mapped(file))).read_all()


def array_of(blocks: Iterable[np.ndarray]) -> np.ndarray:
    """Arrays `(n,)` int32, one behind the other. Raises a ZooError as `table_of` does."""
    import numpy as np

    blocks = iter(blocks)
    held, whole = _first(blocks)
    if whole:
        return np.concatenate([*held, np.zeros(0, np.int32)])
    with _file() as file:
        for block in _let_go(held, blocks):
            with _writing():
                file.write(np.ascontiguousarray(block).data)
        with _writing():
            file.flush()
        return np.frombuffer(_mapped(file), np.int32)


def _first(blocks: Iterator[Any], memory: int | None = None) -> tuple[list[Any], bool]:
    """The blocks up to the first that is too many, and whether there was none."""
    held, left = [], MEMORY if memory is None else memory
    for block in blocks:
        held.append(block)
        left -= block.nbytes
        if left < 0:
            return held, False
    return held, True


def _let_go(held: list[Any], blocks: Iterator[Any]) -> Iterator[Any]:
    while held:
        yield held.pop(0)
    yield from blocks


def _file() -> IO[bytes]:
    folder = data_home()
    with _writing():
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ZooError(
            f"Data that is too large to be held in memory could not be kept in {data_home()}.",
            why=str(error),
            fix="Make room there, or let ZOO_CACHE name a folder with more.",
        ) from error


def _mapped(file: IO[bytes]) -> mmap.mmap:
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
