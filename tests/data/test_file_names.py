"""What is taken for the name of a file, and what for a text."""

from __future__ import annotations

import pytest

from zoo.data.file_names import names_a_file


@pytest.mark.parametrize(
    "text",
    [
        *("gone.xlsx", "gone.csv", "GONE.JSON", "cat.png", "notes.md", "a.tar.gz", "nowhere/rows.parquet"),
        *("data/gone", "./gone", "../gone", "~/gone", "/tmp/gone"),
    ],
)
def test_names_of_files(tmp_path, monkeypatch, text):
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    assert names_a_file(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "fine", "and/or", "he/she", "9/10", "3.5", "e.g.", "Node.js", "...", ".", "x" * 5000, "\0.x/\0"),
        *("/s", "/r/python", "//x", "~5", "great!.txt", "www.example.org/index.html", "mailto:me@example.pdf"),
        "我读了notes.md",
        *("I read it in notes.md", "gone\n.csv", "https://example.org/rows.csv"),
    ],
)
def test_texts(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    assert not names_a_file(text)
