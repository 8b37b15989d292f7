"""Finding plugins: every installed `zoo.plugins` entry point, its manifest read, none of its code imported."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from importlib.util import find_spec
from pathlib import Path

from zoo.errors import ZooError, some
from zoo.registry.manifest import Manifest, read_manifest

GROUP = "zoo.plugins"


@dataclass(frozen=True)
class Plugin:
    """A row of `zoo plugins`: an entry point with its manifest, or with what is wrong with it."""

    name: str
    distribution: str
    manifest: Manifest | None = None
    error: str = ""


@functools.cache
def plugins() -> tuple[Plugin, ...]:
    """Every installed plugin, in the order of names; broken ones carry their error instead of a manifest.

    `ZOO_DISABLE_PLUGINS=name,name` leaves plugins out; `ZOO_PLUGIN_ERRORS=raise` raises the first error.
    """
    disabled = set(os.environ.get("ZOO_DISABLE_PLUGINS", "").replace(",", " ").split())
    rows = [_plugin(point, owner) for point, owner in _entry_points() if point.name not in disabled]
    rows = _without_clashes(sorted(rows, key=lambda row: row.name))
    if os.environ.get("ZOO_PLUGIN_ERRORS") == "raise":
        for row in rows:
            if row.error:
                raise ZooError(f"Plugin '{row.name}' of {row.distribution} is broken.", why=row.error)
    return tuple(rows)


def manifests() -> list[Manifest]:
    """The manifests of the plugins that work."""
    return [row.manifest for row in plugins() if row.manifest]


def _entry_points() -> list[tuple[EntryPoint, Distribution]]:
    # The first distribution of a name on sys.path is the one that imports would find.
    seen: set[str] = set()
    found = []
    for owner in distributions():
        name = (owner.metadata["Name"] or "").lower()
        if name in seen:
            continue
        seen.add(name)
        found += [(point, owner) for point in owner.entry_points if point.group == GROUP]
    return found


def _plugin(point: EntryPoint, owner: Distribution) -> Plugin:
    distribution = f"{owner.metadata['Name']} {owner.version}"
    try:
        path = package_file(point.value)
        manifest = read_manifest(path, plugin=point.name, distribution=distribution)
        _check_version(manifest)
    except ZooError as error:
        return Plugin(point.name, distribution, error=str(error))
    return Plugin(point.name, distribution, manifest)


def package_file(reference: str) -> Path:
    """The file that `package:name` means, found without importing the package.

    Only a top-level package will do: looking for a nested one would import its parent.
    """
    package, _, name = reference.partition(":")
    if not package.isidentifier() or not name or Path(name).name != name:
        raise ZooError(
            f"'{reference}' does not name a file of a package.",
            why="it must read 'package:file', with a top-level package and a file directly in it",
        )
    try:
        spec = find_spec(package)
    except (ImportError, ValueError) as error:
        raise ZooError(f"Package '{package}' cannot be found.", why=str(error)) from error
    if spec is None or not spec.origin:
        raise ZooError(f"Package '{package}' is not installed, or has no __init__.py.")
    path = Path(spec.origin).parent / name
    if not path.is_file():
        raise ZooError(f"Package '{package}' has no file '{name}'.", why=f"{path} is not there")
    return path


def _check_version(manifest: Manifest) -> None:
    if not manifest.requires_zoo:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    from zoo import __version__

    try:
        suits = SpecifierSet(manifest.requires_zoo).contains(__version__, prereleases=True)
    except InvalidSpecifier as error:
        raise ZooError(f"requires-zoo = '{manifest.requires_zoo}' is not a version specifier.") from error
    if not suits:
        raise ZooError(f"It needs zoo {manifest.requires_zoo}, and this is {__version__}.")


def _without_clashes(rows: list[Plugin]) -> list[Plugin]:
    owners: dict[str, list[str]] = {}
    for row in rows:
        owners.setdefault(row.name, []).append(row.distribution)
    return [
        Plugin(row.name, row.distribution, error=f"The name is claimed twice: {some(owners[row.name])}.")
        if len(owners[row.name]) > 1
        else row
        for row in rows
    ]
