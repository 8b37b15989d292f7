"""Rows built from source files, without importing them."""

import csv

import pytest

from benchmarks import rows
from benchmarks.rows import docstrings_of, write_rows

LONG = "Says enough to be kept, for it has a good many more than the eighty characters that a row must have."


def library(tmp_path, name, texts):
    package = tmp_path / name
    package.mkdir()
    functions = "".join(f'def f{index}():\n    """{text}"""\n' for index, text in enumerate(texts))
    (package / "__init__.py").write_text(f"raise RuntimeError('never imported')\n{functions}")
    (package / "broken.py").write_text("def (:\n")


@pytest.fixture
def libraries(tmp_path, monkeypatch):
    library(tmp_path, "lib_one", [f"One, number {index}. {LONG}" for index in range(12)])
    library(tmp_path, "lib_two", [f"Two, number {index}.\n\n    {LONG}" for index in range(12)] + ["Short."])
    monkeypatch.syspath_prepend(tmp_path)
    return ("lib_one", "lib_two")


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def test_every_library_has_its_share_and_no_text_stands_in_both_files(tmp_path, libraries):
    written = write_rows(tmp_path, 16, 6, libraries)
    train, test = read(written.train), read(written.test)
    assert [label for _, label in train].count("lib_one") == [label for _, label in train].count("lib_two") == 8
    assert [label for _, label in test].count("lib_one") == [label for _, label in test].count("lib_two") == 3
    assert not {text for text, _ in train} & {text for text, _ in test}
    assert all("\n" not in text and len(text) >= rows.SHORTEST for text, _ in train + test)


def test_the_same_libraries_give_the_same_files(tmp_path, libraries):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    assert write_rows(first, 8, 4, libraries).digest == write_rows(second, 8, 4, libraries).digest


def test_too_few_docstrings_are_an_error(tmp_path, libraries):
    with pytest.raises(ValueError, match="lib_one has 12 docstrings, 20 are needed"):
        write_rows(tmp_path, 30, 10, libraries)


def test_modules_classes_and_methods_give_their_docstrings(tmp_path):
    method = f'    async def m(self):\n        """M. {LONG}"""\n'
    source = f'"""Module. {LONG}"""\nclass C:\n    """Class. {LONG}"""\n{method}'
    (tmp_path / "some.py").write_text(source)
    assert sorted(text.split(".")[0] for text in docstrings_of(tmp_path / "some.py")) == ["Class", "M", "Module"]
