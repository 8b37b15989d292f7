"""The data set `functions`: which code does this sentence document?

Pairs of a docstring's first paragraph and the code of its function or method, without the docstring and the name
that would give it away, from the libraries that the data set `docstrings` reads. As in CodeSearchNet
(https://arxiv.org/abs/1909.09436), a model learns to find code by what it does.
"""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_datasets.sources import SPLITS, documented, first_paragraph, hashed, in_order, libraries

if TYPE_CHECKING:
    import pyarrow as pa

MOST = 500  # pairs of a library
SHORTEST, LONGEST = 60, 1_200  # characters of code


def load() -> dict[str, pa.Table]:
    """The tables `train`, `validation` and `test` with the columns `summary` and `code`.

    The same environment always gives the same rows. Raises a ZooError where keras-zoo's dependencies are not found.
    """
    return build(libraries())


def build(sources: Mapping[str, Iterable[Path]], *, most: int = MOST) -> dict[str, pa.Table]:
    """The data set of these libraries' source files, which are parsed and never imported.

    No summary and no code is there twice, and a row's split depends on its summary alone.

    Args:
        most: the rows that a library gives.
    """
    import pyarrow as pa

    codes: dict[str, str] = {}
    for files in sources.values():
        for summary, code in itertools.islice(_pairs(files), most):
            codes.setdefault(summary, code)
    rows = {code: summary for summary, code in codes.items()}
    splits: dict[str, list[dict[str, str]]] = {name: [] for name in SPLITS}
    for digest, summary, code in sorted((hashed(summary), summary, code) for code, summary in rows.items()):
        split = SPLITS[int.from_bytes(digest[-8:], "big") % len(SPLITS)]
        splits[split].append({"summary": summary, "code": code})
    schema = pa.schema([("summary", pa.string()), ("code", pa.string())])
    return {name: pa.Table.from_pylist(rows, schema=schema) for name, rows in splits.items()}


def _pairs(files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Summaries and code of a library's functions and methods."""
    for path in in_order(files):
        for node in documented(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                summary, code = first_paragraph(ast.get_docstring(node) or ""), _code(node)
                if len(summary.split()) >= 4 and SHORTEST <= len(code) <= LONGEST:
                    yield summary, code


def _code(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The code of a function as Python writes it, without its docstring and decorators, and called `f`."""
    bare = copy.copy(node)
    bare.name, bare.body, bare.decorator_list = "f", node.body[1:] or [ast.Pass()], []
    try:
        return ast.unparse(ast.fix_missing_locations(bare))
    except (ValueError, RecursionError):
        return ""
