"""zoo.data.readers: what all formats share, and parquet."""

from __future__ import annotations

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from zoo.data.readers import check_readable, data_format, read_table
from zoo.errors import Faults, ZooError


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", "csv"),
        ("a.CSV", "csv"),
        ("a.b.tsv", "tsv"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a.json", "jsonl"),
        ("a.parquet", "parquet"),
        ("a.txt", "txt"),
    ],
)
def test_the_extension_tells_the_format(name, kind):
    assert data_format(name) == kind


@pytest.mark.parametrize("name", ["a.xlsx", "a", "csv", "a.csv.gz"])
def test_an_unknown_extension_is_an_error_that_lists_the_known(name):
    with pytest.raises(ZooError, match=r"\.csv, \.tsv, \.jsonl"):
        data_format(name)


def _faults(path) -> list[str]:
    faults = Faults()
    check_readable(path, faults, "data.train")
    return faults.found


def test_a_readable_file_has_no_fault(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("text\nfine\n")
    assert _faults(path) == []
    assert _faults(str(path)) == []


def test_a_missing_file_is_told_with_its_nearest_neighbour(tmp_path):
    (tmp_path / "reviews.csv").write_text("text\nfine\n")
    [fault] = _faults(tmp_path / "review.csv")
    assert fault.startswith("data.train: There is no file")
    assert "Did you mean 'reviews.csv'?" in fault


def test_a_missing_folder_is_a_missing_file(tmp_path):
    [fault] = _faults(tmp_path / "nowhere" / "reviews.csv")
    assert "There is no file" in fault


def test_every_other_reason_is_told(tmp_path):
    folder = tmp_path / "reviews.csv"
    folder.mkdir()
    empty = tmp_path / "empty.csv"
    empty.touch()
    odd = tmp_path / "reviews.xlsx"
    odd.write_text("x")
    faults = Faults()
    for path in (folder, empty, odd, tmp_path / ("x" * 300 + ".csv"), "a\0.csv", "/dev/null"):
        check_readable(path, faults, "data.test")
    for fault, reason in zip(
        faults.found,
        ["is a directory", "is empty", "extensions", "cannot be read", "a\0.csv", "not a regular file"],
        strict=True,
    ):
        assert reason in fault


def test_checking_imports_nothing_heavy(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("text\nfine\n")
    code = (
        "import sys; from zoo.errors import Faults; from zoo.data.readers import check_readable\n"
        f"check_readable({str(path)!r}, Faults(), 'data.train')\n"
        "heavy = {'pyarrow', 'numpy', 'keras', 'jax'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["missing.csv", "folder.csv", "empty.jsonl", "reviews.xlsx"])
def test_reading_what_cannot_be_read_is_an_error(tmp_path, name):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "reviews.xlsx").write_text("x")
    with pytest.raises(ZooError, match="The data cannot be read: "):
        read_table(tmp_path / name)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
@pytest.mark.parametrize("at", [1, 2, 40])
def test_the_first_line_that_is_not_utf8_is_named(tmp_path, name, at):
    path = tmp_path / name
    whole = '{"text": "x"}' if name.endswith("jsonl") else "text"
    lines = [whole.encode()] * 50
    lines[at - 1] = lines[44] = whole.encode().replace(b"t", b"\xe9")
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(ZooError, match="is not UTF-8") as caught:
        read_table(path)
    assert f"Line {at} is the first" in str(caught.value)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_utf16_is_an_error(tmp_path, name, codec):
    path = tmp_path / name
    path.write_text('{"text": "caf\xe9"}\n"fine"\n', encoding=codec)
    with pytest.raises(ZooError) as caught:
        read_table(path)
    assert ("UTF-16" in str(caught.value)) == (codec == "utf-16")


def _parquet(path, **columns):
    parquet.write_table(pa.table(columns), path)
    return path


def test_parquet_keeps_types(tmp_path):
    path = _parquet(tmp_path / "a.parquet", text=["NA", None], stars=[1, None], meta=[{"id": 1}, None])
    table = read_table(path)
    assert table.source == str(path)
    assert table.column("text") == ["NA", None]
    assert table.column("stars") == [1, None]
    assert table.column("meta") == [{"id": 1}, None]


def test_a_folder_name_is_not_a_column(tmp_path):
    folder = tmp_path / "lang=en"
    folder.mkdir()
    assert read_table(_parquet(folder / "a.parquet", text=["x"])).columns == ["text"]


def test_damaged_parquet_is_an_error(tmp_path):
    whole = _parquet(tmp_path / "a.parquet", text=[f"text {i}" for i in range(200)]).read_bytes()
    path = tmp_path / "damaged.parquet"
    for damaged in (whole[: len(whole) // 2], whole[:-1], b"text\nfine\n", b"PAR1", whole[4:]):
        path.write_bytes(damaged)
        with pytest.raises(ZooError, match="is damaged, or not a parquet file"):
            read_table(path)


def test_parquet_without_rows_is_an_error(tmp_path):
    with pytest.raises(ZooError, match="has no rows, only its columns 'text'"):
        read_table(_parquet(tmp_path / "a.parquet", text=pa.array([], pa.string())))


def test_parquet_with_doubled_names_is_an_error(tmp_path):
    path = tmp_path / "a.parquet"
    parquet.write_table(pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"])], names=["a", "a"]), path)
    with pytest.raises(ZooError, match="More than once: 'a'"):
        read_table(path)


def test_rows_without_a_column_are_none(tmp_path):
    path = tmp_path / "blank.jsonl"
    path.write_text("\n\n")
    with pytest.raises(ZooError) as caught:
        read_table(path)
    assert str(caught.value) == f"'{path}' has no rows."
