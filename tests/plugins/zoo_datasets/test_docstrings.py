"""zoo_datasets.docstrings"""

from __future__ import annotations

import importlib.metadata
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zoo_datasets import docstrings
from zoo_datasets.docstrings import build, load
from zoo_datasets.sources import dependencies
from zoo_datasets.sources import sources as files_of

from tests.suite.properties import examples
from zoo.errors import ZooError

MODULE = '''\
"""The module tells what it is for.

This second paragraph is not taken.
"""


class Public:
    """A class that says  what
    it stands for.\t

    Args: none.
    """

    def method(self):
        """The method does one thing well."""

        def inner():
            """A function within is not public at all."""

    def _hidden(self):
        """A hidden method is left out here."""

    def __call__(self):
        """A double underscore is left out too."""

    class Nested:
        """A class within a class is taken."""


class _Private:
    """A private class is left out here."""

    def method(self):
        """With all that is in it, methods too."""


try:
    import nothing_of_this_name
except ImportError:

    async def fallback():
        """A function defined under a condition counts."""


def short():
    """Too few words here-and-there-and-everywhere."""


def shorter():
    """a b c d e f g"""
'''
TAKEN = [
    "The module tells what it is for.",
    "A class that says what it stands for.",
    "The method does one thing well.",
    "A class within a class is taken.",
    "A function defined under a condition counts.",
    "Too few words here-and-there-and-everywhere.",
]


def _write(folder: Path, **files: str | bytes) -> list[Path]:
    """Source files by their path, `__` standing for `/`."""
    paths = []
    for name, content in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(path)
    return paths


def _module(*texts: str) -> str:
    return "".join(f"def function_{place}():\n    {text!r}\n" for place, text in enumerate(texts))


def _sentences(word: str, count: int) -> list[str]:
    return [f"This is the {word} sentence with number {place}." for place in range(count)]


def _rows(tables, label: str | None = None) -> list[str]:
    rows = [row for table in tables.values() for row in table.to_pylist()]
    return [row["text"] for row in rows if label in (None, row["label"])]


def test_first_paragraphs_of_public_names_are_taken(tmp_path):
    tables = build({"lib": _write(tmp_path, module=MODULE)}, least=1)
    assert list(tables) == ["train", "validation", "test"]
    assert all(table.column_names == ["text", "label"] for table in tables.values())
    assert sorted(_rows(tables, "lib")) == sorted(TAKEN)


def test_files_that_cannot_be_read_are_skipped_and_none_is_run(tmp_path, recwarn):
    files = _write(
        tmp_path,
        explodes=_module("This one would stop the process.") + "raise SystemExit(3)\n",
        broken=_module("A syntax error hides this text.") + "def (:\n",
        latin='# coding: latin-1\n"""Des accents dans un caf\xe9 fran\xe7ais."""\n'.encode("latin-1"),
        undecodable='"""Des accents dans un caf\xe9 fran\xe7ais encore."""\n'.encode("latin-1"),
        nul=b'"""A source file with a NUL in it."""\n\0',
        escapes='"""An escape that is not valid: \\d."""\nx = "\\d"\n',
        surrogate='"""Half a pair \\ud83d of an emoji here."""\n',
        huge=_module("A generated file is far too large.") + "x = 1\n" * 60_000,
        deep='"""A file nested too deeply is skipped."""\nx = ' + "-" * 100_000 + "1\n",
        empty="",
    )
    files.append(tmp_path / "gone.py")
    assert sorted(_rows(build({"lib": files}, least=1))) == [
        "An escape that is not valid: \\d.",
        "Des accents dans un caf\xe9 fran\xe7ais.",
        "Half a pair of an emoji here.",
        "This one would stop the process.",
    ]
    assert not recwarn.list
    assert "explodes" not in sys.modules


def test_tests_are_left_out_and_private_modules_are_not(tmp_path):
    names = [
        "lib__api", "lib___src__api", "lib__contest", "lib__tests__api", "lib__test__deep__api",
        "lib__test_api", "lib__api_test", "lib__conftest",
    ]  # fmt: skip
    files = {name: _module(f"This text stands in {name} alone.") for name in names}
    texts = _rows(build({"lib": _write(tmp_path, **files)}, least=1))
    assert sorted(text.split()[4] for text in texts) == ["lib___src__api", "lib__api", "lib__contest"]


def test_a_text_counts_once_in_a_library_and_not_at_all_in_two(tmp_path):
    vendored = _module("A vendored helper stands in two libraries.")
    tables = build(
        {
            "one": _write(
                tmp_path / "one",
                a=_module("The same text stands here twice.", "Only the first library has it."),
                b=_module("the  same TEXT stands here twice."),
                c=vendored,
            ),
            "two": _write(
                tmp_path / "two", _vendor__c=vendored.upper().replace("DEF", "def"), d=_module("x " * 20)
            ),
        },
        least=1,
    )
    one = _rows(tables, "one")
    assert len(one) == 2
    assert sorted(text.casefold() for text in one)[1] == "the same text stands here twice."
    assert _rows(tables, "two") == [("x " * 20).strip()]


def test_small_libraries_are_left_out_and_large_ones_cut(tmp_path):
    libraries = {
        "small": _write(tmp_path / "small", a=_module(*_sentences("small", 29))),
        "middle": _write(tmp_path / "middle", a=_module(*_sentences("middle", 30))),
        "large": _write(tmp_path / "large", a=_module(*_sentences("large", 200))),
        "none": [],
    }
    tables = build(libraries, least=30, most=50)
    labels = Counter(label for table in tables.values() for label in table.column("label").to_pylist())
    assert labels == {"middle": 30, "large": 50}


def test_reading_stops_at_enough(tmp_path):
    files = {f"file_{place}": _module(f"The only text of file number {place}.") for place in range(40)}
    paths = _write(tmp_path / "a", **files)
    some = _rows(build({"lib": paths}, least=1, enough=10))
    assert len(some) == 10
    assert set(_rows(build({"lib": paths[::-1]}, least=1, enough=10))) == set(some)
    elsewhere = _write(tmp_path / "elsewhere" / "b", **files)
    assert _rows(build({"lib": elsewhere}, least=1, enough=10)) == some


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sources")
    return _write(
        folder,
        **{f"file_{part}": _module(*_sentences(f"part {part}", 60)) for part in range(8)},
    )


@settings(deadline=None, max_examples=examples(10))
@given(st.permutations(range(8)), st.sets(st.integers(0, 7)))
def test_splits_depend_on_the_text_alone(sources, order, others):
    def split_of(tables):
        return {text: name for name, table in tables.items() for text in table.column("text").to_pylist()}

    alone = {f"lib_{part}": [sources[part]] for part in range(8)}
    whole = split_of(build(alone, least=1))
    assert len(whole) == 8 * 60
    shuffled = build({f"lib_{part}": [sources[part]] for part in order}, least=1)
    assert {name: table.to_pylist() for name, table in shuffled.items()} == {
        name: table.to_pylist() for name, table in build(alone, least=1).items()
    }
    fewer = split_of(build({f"other_{part}": [sources[part]] for part in others}, least=1))
    assert fewer == {text: whole[text] for text in fewer}


def test_splits_are_eight_to_one_to_one_in_every_class(sources):
    tables = build({"lib": sources}, least=1, most=10_000, enough=10_000)
    sizes = {name: len(table) for name, table in tables.items()}
    assert sum(sizes.values()) == 480
    assert 0.72 < sizes["train"] / 480 < 0.88
    assert 0.05 < sizes["validation"] / 480 < 0.15
    # Cutting a library to a part of its rows must not starve any split.
    part = build({"lib": sources}, least=1, most=100, enough=10_000)
    assert 60 < len(part["train"]) < 95
    assert len(part["validation"]) > 2
    assert len(part["test"]) > 2


def _install(folder: Path, name: str, *requires: str) -> None:
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        "Version: 1.0",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    package = folder / name.replace("-", "_")
    package.mkdir()
    (package / "__init__.py").write_text("")
    (info / "RECORD").write_text(f"{package.name}/__init__.py,,\n../../bin/tool.py,,\n{package.name}/data.txt,,\n")


def test_only_required_distributions_are_read(tmp_path, monkeypatch):
    site = tmp_path / "site"
    _install(site, "house-of-cards", "ace>=1", "King; python_version >= '3'", "queen; extra == 'dev'")
    _install(site, "ace", "jack", "ten; python_version < '3'", "house-of-cards", "not-installed")
    _install(site, "king", "jack[big]")
    _install(site, "jack", "nine; extra == 'big'")
    for name in ("queen", "ten", "nine", "unrelated"):
        _install(site, name)
    monkeypatch.syspath_prepend(str(site))
    found = dependencies("house-of-cards")
    assert sorted(found) == ["ace", "house-of-cards", "jack", "king"]
    assert files_of(found["king"]) == [site / "king" / "__init__.py"]


def test_without_its_metadata_the_data_set_cannot_be_made():
    with pytest.raises(ZooError, match="which is not installed"):
        dependencies("a-distribution-that-is-not-installed")


@pytest.fixture(scope="module")
def loaded():
    return load()


def test_the_real_data_set_has_many_classes_and_enough_rows(loaded):
    classes = Counter(label for table in loaded.values() for label in table.column("label").to_pylist())
    assert {"python", "keras", "jax"} <= set(classes)
    assert 5 <= len(classes) <= 16
    assert all(docstrings.LEAST <= count <= docstrings.MOST for count in classes.values())
    assert len(loaded["train"]) > 5 * len(loaded["test"]) > 500


def test_the_real_data_set_has_no_text_twice(loaded):
    texts = [" ".join(text.casefold().split()) for text in _rows(loaded)]
    assert len(set(texts)) == len(texts)


def test_the_real_data_set_has_only_dependencies_and_python(loaded):
    labels = {label for table in loaded.values() for label in table.column("label").to_pylist()}
    assert labels - {"python"} <= set(dependencies("keras-zoo"))
    assert labels.isdisjoint({"torch", "transformers", "hypothesis", "pytest", "keras-zoo"})
    assert importlib.metadata.version("keras-zoo")
