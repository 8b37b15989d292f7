"""The data set `docstrings`: which library does this sentence document?

The texts are the first paragraphs of the docstrings of keras-zoo's own dependencies and of the standard
library, read from their source files at run time: real text, many classes, nothing to download. Only
these libraries are read, so that the rows do not depend on what else is installed.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import ZooError, some
from zoo_datasets import sources
from zoo_datasets.sources import SPLITS, documented, first_paragraph, hashed, in_order

if TYPE_CHECKING:
    import pyarrow as pa

# A library with fewer paragraphs than LEAST is left out, of one with more than MOST a part is taken.
LEAST = 350
MOST = 600
# Where to stop reading a library: more than MOST, as a text that another library has too is dropped.
ENOUGH = 700


def load() -> dict[str, pa.Table]:
    """The tables `train`, `validation` and `test` with the columns `text` and `label`, a library's name.

    The standard library's label is `python`. The same environment always gives the same rows.

    Raises:
        ZooError: keras-zoo's dependencies cannot be found, or fewer than two have docstrings to read.
    """
    libraries = sources.libraries()
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
        own = sorted((hashed(key), text, label) for key, text in paragraphs.items() if holders[key] == 1)
        if len(own) >= least:
            rows += own[:most]
    splits: dict[str, list[dict[str, str]]] = {name: [] for name in SPLITS}
    for digest, text, label in sorted(rows):
        # Not the leading bytes, which have already decided which rows are here.
        split = SPLITS[int.from_bytes(digest[-8:], "big") % len(SPLITS)]
        splits[split].append({"text": text, "label": label})
    schema = pa.schema([("text", pa.string()), ("label", pa.string())])
    return {name: pa.Table.from_pylist(rows, schema=schema) for name, rows in splits.items()}


def _paragraphs(files: Iterable[Path], enough: int) -> dict[str, str]:
    """First paragraphs worth having by their comparison key, until there are enough."""
    found: dict[str, str] = {}
    for path in in_order(files):
        for node in documented(path):
            text = first_paragraph(ast.get_docstring(node) or "")
            if len(text) >= 20 and len(text.split()) >= 4:
                found.setdefault(text.casefold(), text)
        if len(found) >= enough:
            break
    return found
