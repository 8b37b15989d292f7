"""Presets by name: read from the catalogues that manifests point to, locks only when a preset is used."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import Faults, ZooError, did_you_mean
from zoo.registry.manifest import SCHEMA, Manifest, read_toml
from zoo.registry.plugins import manifests, package_file

_REQUIRED = {"architecture", "task", "description", "license", "source"}
_KNOWN = _REQUIRED | {"layout", "mirrors", "parameters"}


@dataclass(frozen=True)
class Preset:
    """A name for one architecture, its pinned files and their licence.

    Args:
        name: the name users type.
        plugin: the plugin whose catalogue lists it.
        architecture: the architecture's name in that plugin, or `plugin:architecture`.
        task: the task it was published for, and loads as when none is asked for.
        description: one line for people.
        license: SPDX identifier, lower case, or `unknown`.
        source: the URL the files are pinned at, without the commit.
        mirrors: other places that carry the very same files.
        layout: the checkpoint format, a key of the architecture's layouts.
        parameters: how many weights there are, or 0 where no source says.
        catalogue: the TOML file that lists it; the lock lies beside it.
    """

    name: str
    plugin: str
    architecture: str
    task: str
    description: str
    license: str
    source: str
    mirrors: tuple[str, ...]
    layout: str
    parameters: int
    catalogue: Path

    @property
    def qualified(self) -> str:
        return f"{self.plugin}:{self.name}"


@dataclass(frozen=True)
class PinnedFile:
    """What a lock knows of one file: bytes, and the sha256 of its content (None where no source records it)."""

    size: int | None
    sha256: str | None
    git_oid: str | None = None


@dataclass(frozen=True)
class Lock:
    """What a preset is pinned to: a commit, and every file that is needed to run it."""

    commit: str
    files: dict[str, PinnedFile]


@functools.cache
def catalogue() -> dict[str, tuple[Preset, ...]]:
    """All presets by plain name. A name that several plugins offer maps to all of them."""
    found: dict[str, list[Preset]] = {}
    for manifest in manifests():
        for preset in _plugin_presets(manifest):
            found.setdefault(preset.name, []).append(preset)
    return {name: tuple(offers) for name, offers in sorted(found.items())}


def presets() -> list[Preset]:
    """Every preset, in the order of names."""
    return [preset for offers in catalogue().values() for preset in offers]


def is_preset(name: str) -> bool:
    return any(name in (preset.name, preset.qualified) for preset in presets())


def find_preset(name: str) -> Preset:
    """The preset called `name`, plain or as `plugin:name`. Raises a ZooError with the nearest name."""
    offers = [preset for preset in presets() if name in (preset.name, preset.qualified)]
    if len(offers) == 1:
        return offers[0]
    if offers:
        raise ZooError(
            f"Several plugins have a preset '{name}'.",
            why=[f"{preset.qualified} from {_distribution(preset)}" for preset in offers],
            fix=f"Say which: {offers[0].qualified}",
        )
    raise ZooError(
        f"There is no preset '{name}'.{did_you_mean(name, catalogue())}",
        fix="'zoo list' shows them all.",
    )


def read_lock(preset: Preset) -> Lock:
    """What `preset` is pinned to, from the lock beside its catalogue."""
    path = preset.catalogue.with_suffix(".lock.json")
    try:
        entries: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        entry = entries[preset.name]
        files = {
            name: PinnedFile(file.get("size"), file.get("sha256"), file.get("git_oid"))
            for name, file in entry["files"].items()
        }
        return Lock(entry["commit"], files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ZooError(
            f"Preset '{preset.name}' is not locked: nothing says which files belong to it.",
            why=f"{path}: {type(error).__name__}: {error}",
            fix=f"This is a fault of plugin '{preset.plugin}' ({_distribution(preset)}); tell its author.",
        ) from error


def _distribution(preset: Preset) -> str:
    return next(m.distribution for m in manifests() if m.plugin == preset.plugin)


def _plugin_presets(manifest: Manifest) -> list[Preset]:
    return [preset for reference in manifest.presets for preset in read_catalogue(reference, manifest)]


def read_catalogue(reference: str, manifest: Manifest) -> list[Preset]:
    """The presets of one catalogue file. Raises a ZooError that lists every fault."""
    path = package_file(reference)
    raw = read_toml(path)
    faults = Faults()
    if raw.pop("schema", None) != SCHEMA:
        faults.add(f"schema is not {SCHEMA}")
    found = []
    for name, entry in raw.items():
        if not isinstance(entry, dict):
            faults.add(f"{name} is not a table")
            continue
        faults.found += [f"{name}.{key} is missing" for key in sorted(_REQUIRED - entry.keys())]
        faults.found += [
            f"{name}.{key} is not a key of a preset.{did_you_mean(key, _KNOWN)}"
            for key in sorted(entry.keys() - _KNOWN)
        ]
        found.append(
            Preset(
                name=name,
                plugin=manifest.plugin,
                architecture=entry.get("architecture", ""),
                task=entry.get("task", ""),
                description=entry.get("description", ""),
                license=entry.get("license", ""),
                source=entry.get("source", ""),
                mirrors=tuple(entry.get("mirrors", ())),
                layout=entry.get("layout", "transformers"),
                parameters=entry.get("parameters", 0),
                catalogue=path,
            )
        )
    faults.check(f"The preset catalogue of plugin '{manifest.plugin}' is not valid: {path}")
    return found
