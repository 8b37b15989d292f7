"""Files inside installed packages, found without importing the package."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from zoo.errors import ZooError


def package_folder(package: str) -> Path | None:
    """Where a top-level package keeps its files; None where it is not installed, or is no package.

    Only a top-level package will do: looking for a nested one would import its parent.
    """
    try:
        spec = find_spec(package) if package.isidentifier() else None
    except (ImportError, ValueError):  # a module without a spec, such as __main__
        return None
    # What has no place for submodules is a single module, and has no folder of its own.
    return Path(spec.origin).parent if spec and spec.origin and spec.submodule_search_locations else None


def package_file(reference: str) -> Path:
    """The file that `package:name` means. Raises a ZooError where it is not there."""
    package, _, name = reference.partition(":")
    if not package.isidentifier() or not name or Path(name).name != name:
        raise ZooError(
            f"'{reference}' does not name a file of a package.",
            why="it must read 'package:file', with a top-level package and a file directly in it",
        )
    folder = package_folder(package)
    if folder is None:
        raise ZooError(f"Package '{package}' is not installed, or has no __init__.py.")
    path = folder / name
    if not path.is_file():
        raise ZooError(f"Package '{package}' has no file '{name}'.", why=f"{path} is not there")
    return path
