"""Source files of installed libraries: parsed, never imported, and always taken in the same order."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sysconfig
import warnings
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from zoo.errors import ZooError

SPLITS = ("train",) * 8 + ("validation", "test")

_LARGEST_FILE = 300_000
_SKIPPED_FOLDERS = {
    *("test", "tests", "idlelib", "idle_test", "lib2to3"),
    *("site-packages", "dist-packages", "__pycache__"),
}


def libraries(name: str = "keras-zoo") -> dict[str, list[Path]]:
    """The source files of a distribution, of all it requires here, and of the standard library as `python`.

    Only these, so that the rows made of them do not depend on what else is installed. Raises a ZooError where the
    distribution is not installed.
    """
    found = {label: sources(distribution) for label, distribution in dependencies(name).items()}
    return found | {"python": _standard_library()}


def dependencies(name: str) -> dict[str, metadata.Distribution]:
    """The distributions that `name` requires here, and those they require, without any extras."""
    try:
        wanted = list(metadata.distribution(name).requires or ())
    except metadata.PackageNotFoundError as error:
        raise ZooError(
            f"The source files of {name} are asked for, which is not installed.",
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


def sources(distribution: metadata.Distribution) -> list[Path]:
    files = distribution.files or ()
    return [Path(str(file.locate())) for file in files if file.suffix == ".py" and ".." not in file.parts]


def _standard_library() -> list[Path]:
    files: list[Path] = []
    for folder, folders, names in os.walk(sysconfig.get_path("stdlib")):
        folders[:] = [name for name in folders if name not in _SKIPPED_FOLDERS]
        files += [Path(folder, name) for name in names if name.endswith(".py")]
    return files


def in_order(files: Iterable[Path]) -> list[Path]:
    """A library's files but for its tests, in an order that only their names decide."""
    paths = list(files)
    if not paths:
        return []
    root = os.path.commonpath([path.parent for path in paths])
    relative = {path.relative_to(root).as_posix(): path for path in paths}
    return [relative[name] for name in sorted(filter(_is_public, relative), key=hashed)]


def _is_public(name: str) -> bool:
    """Whether a source file, by its path in the library, is part of the library rather than of its tests."""
    *folders, file = name.split("/")
    tests = file.startswith(("test_", "conftest.")) or file.endswith("_test.py")
    return not tests and _SKIPPED_FOLDERS.isdisjoint(folders)


def documented(path: Path) -> list[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """What may have a docstring in a source file: itself, its classes, functions and methods, private names apart.

    Private modules are read too: many libraries define their public names in them. A file that cannot be read as
    Python has nothing.
    """
    try:
        source = path.read_bytes() if path.stat().st_size <= _LARGEST_FILE else b""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what old sources escape wrongly is not the reader's concern
            return list(_documented(ast.parse(source)))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _documented(node: ast.AST) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    if (function or isinstance(node, ast.ClassDef)) and node.name.startswith("_"):
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module | ast.ClassDef):
        yield node
    if not function:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt | ast.excepthandler):
                yield from _documented(child)


def first_paragraph(docstring: str) -> str:
    """The first paragraph in one line; without what UTF-8 cannot hold."""
    first = re.split(r"\n\s*\n", docstring.strip(), maxsplit=1)[0]
    return " ".join(first.encode("utf-8", "ignore").decode().split())


def hashed(text: str) -> bytes:
    """The sha256 of a text: an order, and a choice, that nothing else decides."""
    return hashlib.sha256(text.encode()).digest()
