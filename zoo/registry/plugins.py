"""Finding plugins: every installed `zoo.plugins` entry point, its manifest and catalogues read, none of its
code imported.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from zoo.errors import ZooError, some
from zoo.registry.catalogue import Preset, read_catalogue
from zoo.registry.manifest import Manifest, read_manifest
from zoo.registry.packages import package_file

GROUP = "zoo.plugins"


@dataclass(frozen=True)
class Plugin:
    """A row of `zoo plugins`: an entry point with its manifest and presets, or with what is wrong with it."""

    name: str
    distribution: str
    manifest: Manifest | None = None
    presets: tuple[Preset, ...] = ()
    error: str = ""


@functools.cache
def plugins() -> tuple[Plugin, ...]:
    """Every installed plugin, in the order of names; broken ones carry their error instead of a manifest.

    `ZOO_DISABLE_PLUGINS=name,name` leaves plugins out; `ZOO_PLUGIN_ERRORS=raise` raises the first error.
    """
    disabled = set(os.environ.get("ZOO_DISABLE_PLUGINS", "").replace(",", " ").split())
    rows = [_plugin(point) for point in entry_points(group=GROUP) if point.name not in disabled]
    rows = _without_clashes(sorted(rows, key=lambda row: (row.name, row.distribution)))
    if os.environ.get("ZOO_PLUGIN_ERRORS") == "raise":
        for row in rows:
            if row.error:
                raise ZooError(f"Plugin '{row.name}' of {row.distribution} is broken.", why=row.error)
    return tuple(rows)


def manifests() -> list[Manifest]:
    """The manifests of the plugins that work."""
    return [row.manifest for row in plugins() if row.manifest]


def known_tasks() -> set[str]:
    """The tasks that any installed architecture can do."""
    return {task for m in manifests() for entry in m.architectures.values() for task in entry.tasks}


def _plugin(point: EntryPoint) -> Plugin:
    owner = point.dist
    assert owner is not None  # entry points that are found, not made, know their distribution
    distribution = f"{owner.metadata['Name']} {owner.version}"
    try:
        manifest = read_manifest(package_file(point.value), plugin=point.name, distribution=distribution)
        _check_version(manifest)
        presets = [preset for reference in manifest.presets for preset in read_catalogue(reference, manifest)]
        _check_unique(presets)
    except ZooError as error:
        return Plugin(point.name, distribution, error=str(error))
    return Plugin(point.name, distribution, manifest, tuple(presets))


def _check_unique(presets: list[Preset]) -> None:
    names = [preset.name for preset in presets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ZooError("Its catalogues list a preset twice.", why=twice)


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
