"""The data set `docstrings`: which library does this sentence document?

The texts are the first paragraphs of the docstrings of keras-zoo's own dependencies and of the standard
library, read from their source files at run time: real text, many classes, nothing to download. Only
these libraries are read, so that the rows do not depend on what else is installed.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sysconfig
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from zoo.errors import ZooError, some

if TYPE_CHECKING:
    import pyarrow as pa

# A library with fewer paragraphs than LEAST is left out, of one with more than MOST a part is taken.
LEAST = 350
MOST = 600
# Where to stop reading a library: more than MOST, as a text that another library has too is dropped.
ENOUGH = 700

_LARGEST_FILE = 300_000
_SKIPPED_FOLDERS = {
    *("test", "tests", "idlelib", "idle_test", "lib2to3"),
    *("site-packages", "dist-packages", "__pycache__"),
}
_SPLITS = ("train",) * 8 + ("validation", "test")


def load() -> dict[str, pa.Table]:
    """The tables `train`, `validation` and `test` with the columns `text` and `label`, a library's name.

    The standard library's label is `python`. The same environment always gives the same rows.

    Raises:
        ZooError: keras-zoo's dependencies cannot be found, or fewer than two have docstrings to read.
    """
    libraries = {name: _sources(found) for name, found in _dependencies("keras-zoo").items()}
    libraries["python"] = _standard_library()
    tables = build(libraries)
    if len(tables["train"].column("label").unique()) < 2:
        raise ZooError(
            "The data set 'docstrings' finds too little to read.",
            why=f"Two libraries with source files and {LEAST} docstrings are needed among "
            f"{some(sorted(libraries))}.",
            fix="Install keras-zoo and its dependencies with pip, which brings their sources.",
        )
    return tables


def build(
    libraries: Mapping[str, Iterable[Path]], *, least: int = LEAST, most: int = MOST, enough: int = ENOUGH
) -> dict[str, pa.Table]:
    """The data set of these libraries' source files, which are parsed and never imported.

    A row's split depends on nothing but its text, so no text is in two splits, and another library
    never moves a row from one split to another.

    Args:
        libraries: the source files of each library, by its label.
        least: the paragraphs a library needs to become a class.
        most: the rows it gets; which ones, the hash of their text decides.
        enough: the paragraphs after which no more of its files are read.
    """
    import pyarrow as pa

    found = {label: _paragraphs(files, enough) for label, files in libraries.items()}
    holders = Counter(key for paragraphs in found.values() for key in paragraphs)
    rows: list[tuple[bytes, str, str]] = []
    for label, paragraphs in found.items():
        own = sorted((_hash(key), text, label) for key, text in paragraphs.items() if holders[key] == 1)
        if len(own) >= least:
            rows += own[:most]
    splits: dict[str, list[dict[str, str]]] = {name: [] for name in _SPLITS}
    for digest, text, label in sorted(rows):
        # Not the leading bytes, which have already decided which rows are here.
        split = _SPLITS[int.from_bytes(digest[-8:], "big") % len(_SPLITS)]
        splits[split].append({"text": text, "label": label})
    schema = pa.schema([("text", pa.string()), ("label", pa.string())])
    return {name: pa.Table.from_pylist(rows, schema=schema) for name, rows in splits.items()}


def _dependencies(name: str) -> dict[str, metadata.Distribution]:
    """The distributions that `name` requires here, and those they require, without any extras."""
    try:
        wanted = list(metadata.distribution(name).requires or ())
    except metadata.PackageNotFoundError as error:
        raise ZooError(
            f"The data set 'docstrings' is made from the dependencies of {name}, which is not installed.",
            fix=f"Install it: pip install {name}",
        ) from error
    found: dict[str, metadata.Distribution] = {}
    while wanted:
        requirement = Requirement(wanted.pop())
        label = canonicalize_name(requirement.name)
        if label in found or not (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            continue
        try:
            found[label] = metadata.distribution(label)
        except metadata.PackageNotFoundError:
            continue
        wanted += found[label].requires or ()
    return found


def _sources(distribution: metadata.Distribution) -> list[Path]:
    files = distribution.files or ()
    return [Path(str(file.locate())) for file in files if file.suffix == ".py" and ".." not in file.parts]


def _standard_library() -> list[Path]:
    files: list[Path] = []
    for folder, folders, names in os.walk(sysconfig.get_path("stdlib")):
        folders[:] = [name for name in folders if name not in _SKIPPED_FOLDERS]
        files += [Path(folder, name) for name in names if name.endswith(".py")]
    return files


def _paragraphs(files: Iterable[Path], enough: int) -> dict[str, str]:
    """First paragraphs by their comparison key, from files taken in an order that only their names decide."""
    paths = list(files)
    if not paths:
        return {}
    root = os.path.commonpath([path.parent for path in paths])
    relative = {path.relative_to(root).as_posix(): path for path in paths}
    found: dict[str, str] = {}
    for name in sorted(filter(_is_public, relative), key=_hash):
        for text in _read(relative[name]):
            found.setdefault(text.casefold(), text)
        if len(found) >= enough:
            break
    return found


def _is_public(name: str) -> bool:
    """Whether a source file, by its path in the library, is part of the library rather than of its tests."""
    *folders, file = name.split("/")
    tests = file.startswith(("test_", "conftest.")) or file.endswith("_test.py")
    return not tests and _SKIPPED_FOLDERS.isdisjoint(folders)


def _read(path: Path) -> list[str]:
    """The first paragraphs in one source file worth having; none if it cannot be read as Python."""
    try:
        source = path.read_bytes() if path.stat().st_size <= _LARGEST_FILE else b""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what old sources escape wrongly is not the reader's concern
            docstrings = list(_docstrings(ast.parse(source)))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    texts = (_first_paragraph(docstring) for docstring in docstrings)
    return [text for text in texts if len(text) >= 20 and len(text.split()) >= 4]


def _docstrings(node: ast.AST) -> Iterator[str]:
    """Of a module, its classes, functions and methods, private names apart.

    Private modules are read too: many libraries define their public names in them.
    """
    function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    if (function or isinstance(node, ast.ClassDef)) and node.name.startswith("_"):
        return
    if function or isinstance(node, ast.Module | ast.ClassDef):
        yield ast.get_docstring(node) or ""
    if not function:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt | ast.excepthandler):
                yield from _docstrings(child)


def _first_paragraph(docstring: str) -> str:
    first = re.split(r"\n\s*\n", docstring.strip(), maxsplit=1)[0]
    return " ".join(first.encode("utf-8", "ignore").decode().split())


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
