"""Python of the user's own that a recipe names: `file.py:name`, or `package.module:name`."""

from __future__ import annotations

import ast
import importlib
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from zoo.errors import ZooError, did_you_mean


def fault_of(named: str) -> str:
    """Why there is no such code, found out without running any; empty where nothing speaks against it.

    Of `package.module` only the package is looked for: it may make its modules as it runs, and finding one runs it.
    """
    place, colon, name = named.rpartition(":")
    if not (colon and place and name.isidentifier()):
        return "file.py:name or package.module:name is needed"
    if not place.endswith(".py"):
        package = place.partition(".")[0]
        try:
            return "" if find_spec(package) else f"there is no module '{package}'"
        except (ImportError, ValueError) as error:
            return f"there is no module '{package}': {error}"
    try:
        tree = ast.parse(Path(place).expanduser().read_bytes())
    except (OSError, ValueError, SyntaxError) as error:
        return f"'{place}' cannot be read: {error}"
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = {node.name for node in ast.walk(tree) if isinstance(node, defined)}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return "" if name in names else f"'{place}' has no '{name}'.{did_you_mean(name, names)}"


def load_named(named: str) -> Any:
    """What a recipe names; its module is run. Raises a ZooError where it is not there, or fails."""
    if fault := fault_of(named):
        raise ZooError(f"'{named}' cannot be loaded.", why=fault)
    place, _, name = named.rpartition(":")
    try:
        module = _file(Path(place).expanduser()) if place.endswith(".py") else importlib.import_module(place)
        return getattr(module, name)
    except (Exception, SystemExit) as error:  # whatever the user's code raises
        raise ZooError(f"'{named}' cannot be loaded.", why=f"{type(error).__name__}: {error}") from error


def _file(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None  # a name that ends in .py has a loader
    assert spec.loader is not None
    module = module_from_spec(spec)
    before = sys.modules.get(path.stem)
    sys.modules[path.stem] = module  # dataclasses look their module up by name
    try:
        spec.loader.exec_module(module)
    finally:
        if before is not None:
            sys.modules[path.stem] = before
    return module
