"""zoo.data.in_memory: rows from Python, as a file that a recipe can name."""

from __future__ import annotations

import pyarrow as pa
import pytest

from zoo.data.in_memory import as_file
from zoo.data.readers import read_table
from zoo.errors import ZooError

ROWS = [{"text": "fine", "label": "good"}, {"text": "dull", "label": "bad"}]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "data"


def frame():
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(ROWS, index=[7, 3])


SOURCES = {
    "data frame": frame,
    "arrow table": lambda: pa.Table.from_pylist(ROWS),
    "record batches": lambda: pa.RecordBatchReader.from_batches(
        pa.schema({"text": pa.string(), "label": pa.string()}), pa.Table.from_pylist(ROWS).to_batches()
    ),
    "dict of columns": lambda: {"text": ["fine", "dull"], "label": ["good", "bad"]},
    "dicts": lambda: list(ROWS),
    "a generator": lambda: (row for row in ROWS),
    "tuples": lambda: [("fine", "good"), ("dull", "bad")],
}


@pytest.mark.parametrize("kind", SOURCES)
def test_all_kinds_of_rows_make_the_same_table(kind, cache):
    path = as_file(SOURCES[kind]())
    assert read_table(path).data.to_pylist() == ROWS
    assert [p.name for p in cache.iterdir()] == [path.split("/")[-2]]


def test_the_same_rows_are_kept_once():
    assert as_file(ROWS) == as_file(tuple(ROWS)) != as_file(ROWS[:1])


def test_pairs_lists_and_numbers():
    table = read_table(as_file([("a", "b", 0.5), ("c", "d", 1.5)]))
    assert table.data.to_pylist()[1] == {"text": "c", "text_pair": "d", "label": 1.5}
    assert read_table(as_file([{"text": "x", "tags": ["a"]}])).column("tags") == [["a"]]


def test_more_rows_than_are_held_at_once(monkeypatch):
    monkeypatch.setattr("zoo.data.in_memory._CHUNK", 7)
    path = as_file({"text": f"row {n}", "label": n % 3} for n in range(100))
    assert len(read_table(path)) == 100


@pytest.mark.parametrize("chunk", [1, 10_000])
def test_keys_that_only_some_rows_have(chunk, monkeypatch):
    monkeypatch.setattr("zoo.data.in_memory._CHUNK", chunk)
    rows = [{"text": "a"}, {"text": "b", "label": 1}, {"label": 0.5}]
    table = read_table(as_file(iter(rows)))
    assert table.columns == ["text", "label"]
    assert table.column("text") == ["a", "b", None]
    assert table.column("label") == [None, 1.0, 0.5]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "no rows"),
        ({"text": []}, "no rows"),
        (3, "is not something to learn from"),
        (b"abc", "is not something to learn from"),
        ([("a", "b"), "c"], "Row 2 of the data is not a row: 'c'"),
        ([{"text": "a"}, {"text": 3}], "do not make a table"),
        ({"text": ["a", "b"], "label": ["c"]}, "do not make a table"),
    ],
)
def test_what_is_no_table(data, told, cache):
    with pytest.raises(ZooError, match=told):
        as_file(data)
    assert list(cache.iterdir()) == []


def test_a_disk_that_refuses(tmp_path, monkeypatch):
    (tmp_path / "full").write_text("a file where a folder is needed")
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "full"))
    with pytest.raises(ZooError, match="could not be kept"):
        as_file(ROWS)
