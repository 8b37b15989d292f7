"""Python of the user's own that a recipe names: `file.py:name`, or `package.module:name`."""

from __future__ import annotations

import ast
import hashlib
import importlib
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from zoo.errors import ZooError, did_you_mean


def fault_of(named: str) -> str:
    """Why there is no such code, found out without running any; empty where nothing speaks against it.

    A package may make modules as it runs. So one that has no file is no fault, unless it is spelled almost like one
    that has.
    """
    place, colon, name = named.rpartition(":")
    if not (colon and place and name.isidentifier()):
        return "file.py:name or package.module:name is needed"
    if not place.endswith(".py"):
        return _module_fault(place)
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


def code_hash(named: str) -> str:
    """The sha256 of the file that has such code, found without running any; empty where there is no file to see.

    What the file imports is not in it.
    """
    place = named.rpartition(":")[0]
    path = Path(place).expanduser()
    if not place.endswith(".py"):
        spec = _spec(place)
        path = Path(spec.origin) if spec and spec.has_location and spec.origin else None
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path else ""
    except OSError:
        return ""


def _module_fault(place: str) -> str:
    package, *inner = place.split(".")
    try:
        found = find_spec(package)
    except (ImportError, ValueError) as error:
        return f"there is no module '{package}': {error}"
    if found is None:
        return f"there is no module '{package}'"
    for n, name in enumerate(inner, 1):
        outer, found = found, _spec(".".join([package, *inner[:n]]))
        if found is None:
            folders = outer.submodule_search_locations
            near = did_you_mean(name, (module.name for module in iter_modules([*folders]))) if folders else ""
            return f"'{outer.name}' has no module '{name}'.{near}" if near else ""
    return ""


def _spec(place: str) -> ModuleSpec | None:
    """Where a module's code is. The packages around it are not imported; None where only they could tell."""
    package, *inner = place.split(".")
    try:
        found = find_spec(package)
        for n in range(len(inner)):
            if found is None or found.submodule_search_locations is None:
                return None
            name = ".".join([package, *inner[: n + 1]])
            found = PathFinder.find_spec(name, [*found.submodule_search_locations])
    except (ImportError, ValueError):
        return None
    return found


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
