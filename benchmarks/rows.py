"""Rows for the fine-tuning benchmark: whole docstrings, labelled by the library they come from.

Source files are parsed and never imported, so the rows depend only on the installed versions; no text
is kept in the repository. Every contender reads the same two CSV files.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import importlib.util
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = ("jax", "keras", "numpy", "scipy", "stdlib")
SHORTEST, LONGEST = 80, 800  # characters: about 100 tokens on average, a twentieth of the rows beyond 256
PASSED_OVER = {"tests", "test", "idlelib", "lib2to3", "site-packages"}


@dataclass(frozen=True)
class Rows:
    """The two files, the labels in them, and a digest that tells whether two results used the same rows."""

    train: Path
    test: Path
    labels: tuple[str, ...]
    digest: str


def write_rows(directory: Path, train: int, test: int, libraries: tuple[str, ...] = LIBRARIES) -> Rows:
    """Write `train.csv` and `test.csv` (columns `text`, `label`) with the same share of every library.

    Raises:
        ValueError: a library has fewer docstrings than its share.
    """
    share_train, share_test = train // len(libraries), test // len(libraries)
    train_rows, test_rows = [], []
    taken: set[str] = set()
    for library in libraries:
        texts = sorted(set(docstrings(library)) - taken, key=_shuffled)
        if len(texts) < share_train + share_test:
            raise ValueError(f"{library} has {len(texts)} docstrings, {share_train + share_test} are needed")
        texts = texts[: share_train + share_test]
        taken.update(texts)
        train_rows += [(text, library) for text in texts[:share_train]]
        test_rows += [(text, library) for text in texts[share_train:]]
    digest = hashlib.sha256()
    for name, rows in (("train.csv", train_rows), ("test.csv", test_rows)):
        rows.sort(key=lambda row: _shuffled(row[0]))
        with (directory / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
        digest.update((directory / name).read_bytes())
    return Rows(directory / "train.csv", directory / "test.csv", libraries, digest.hexdigest())


def docstrings(library: str) -> Iterator[str]:
    """Every docstring of an installed library (or of `stdlib`) of fitting length, each on one line."""
    root = _root(library)
    for path in sorted(root.rglob("*.py")):
        if PASSED_OVER.isdisjoint(path.relative_to(root).parts):
            yield from docstrings_of(path)


def docstrings_of(path: Path) -> Iterator[str]:
    """The docstrings of one source file; none where it is not valid Python."""
    try:
        with warnings.catch_warnings(action="ignore"):  # the file's own, about its escapes
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = " ".join((ast.get_docstring(node, clean=False) or "").split())
            if SHORTEST <= len(text) <= LONGEST:
                yield text


def _root(library: str) -> Path:
    if library == "stdlib":
        return Path(sysconfig.get_path("stdlib"))
    spec = importlib.util.find_spec(library)
    if spec is None or spec.origin is None:
        raise ValueError(f"{library} is not installed here, and its docstrings are part of the rows")
    return Path(spec.origin).parent


def _shuffled(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
