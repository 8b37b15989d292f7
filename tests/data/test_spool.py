"""zoo.data.spool: what is held in memory, and what is not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from zoo.data import spool
from zoo.errors import ZooError

TABLE = pa.table({"text": [f"row {n}" for n in range(1000)], "n": list(range(1000))})
ARRAYS = [np.arange(n, n + 100, dtype=np.int32) for n in range(0, 1000, 100)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data"


def batches():
    return iter(TABLE.to_batches(max_chunksize=70))


@pytest.mark.parametrize("memory", [0, 5000, 1 << 20])
def test_a_table_is_the_same_wherever_it_is_held(memory, folder):
    found = spool.table_of(batches(), TABLE.schema, memory)
    assert found.equals(TABLE)
    assert folder.exists() == (memory < 1 << 20)
    assert not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize("memory", [0, 1000, 1 << 20])
def test_an_array_is_the_same_wherever_it_is_held(memory, folder, monkeypatch):
    monkeypatch.setattr(spool, "MEMORY", memory)
    found = spool.array_of(iter(ARRAYS))
    assert found.dtype == np.int32
    assert found.tolist() == list(range(1000))
    assert folder.exists() == (memory < 1 << 20)
    assert not folder.exists() or not list(folder.iterdir())


def test_nothing_is_a_table_and_an_array():
    assert spool.table_of(iter(()), TABLE.schema).equals(TABLE.slice(0, 0))
    assert spool.array_of(iter(())).tolist() == []


def test_a_disk_that_is_full_is_told(folder, monkeypatch):
    folder.parent.mkdir()
    monkeypatch.setattr(spool.tempfile, "TemporaryFile", lambda dir: _full())
    for keep in (lambda: spool.table_of(batches(), TABLE.schema, 0), lambda: spool.array_of(iter(ARRAYS))):
        monkeypatch.setattr(spool, "MEMORY", 0)
        with pytest.raises(ZooError, match="could not be kept in") as caught:
            keep()
        assert "No space left" in caught.value.why[0]
        assert "ZOO_CACHE" in caught.value.fix


def test_a_folder_that_cannot_be_made_is_told(folder):
    folder.parent.write_text("a file where a folder is needed")
    with pytest.raises(ZooError, match="could not be kept in"):
        spool.table_of(batches(), TABLE.schema, 0)


def test_an_error_of_what_is_read_is_its_own():
    def fails():
        yield from TABLE.to_batches()
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        spool.table_of(fails(), TABLE.schema, 0)


def _full():
    """A file on a disk that is full."""
    return open("/dev/full", "wb", buffering=0)
