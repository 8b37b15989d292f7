"""A preset catalogue: the TOML file in which a plugin's author names presets, read and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import Faults, did_you_mean
from zoo.registry.manifest import SCHEMA, Manifest, read_toml
from zoo.registry.packages import package_file

_REQUIRED = {"architecture", "task", "description", "license", "source"}
_KNOWN = _REQUIRED | {"layout", "mirrors", "parameters"}
# A name is typed in a shell and stands before or after a colon in `plugin:name`.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


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


def read_catalogue(reference: str, manifest: Manifest) -> list[Preset]:
    """The presets of the catalogue `package:file`. Raises a ZooError that lists every fault."""
    path = package_file(reference)
    raw = read_toml(path)
    faults = Faults()
    if raw.pop("schema", None) != SCHEMA:
        faults.add(f"schema is not {SCHEMA}")
    entries = {name: entry for name, entry in raw.items() if _sound(name, entry, faults)}
    faults.check(f"The preset catalogue of plugin '{manifest.plugin}' is not valid: {path}")
    return [
        Preset(
            name=name,
            plugin=manifest.plugin,
            architecture=entry["architecture"],
            task=entry["task"],
            description=entry["description"],
            license=entry["license"],
            source=entry["source"],
            mirrors=tuple(entry.get("mirrors", ())),
            layout=entry.get("layout", "transformers"),
            parameters=entry.get("parameters", 0),
            catalogue=path,
        )
        for name, entry in entries.items()
    ]


def _sound(name: str, entry: Any, faults: Faults) -> bool:
    if not isinstance(entry, dict):
        faults.add(f"{name} is not a table")
        return False
    if not _NAME.fullmatch(name):
        faults.add(f"'{name}' is not a name: letters, digits, '_', '.' and '-' only")
    for key in sorted(_REQUIRED - entry.keys()):
        faults.add(f"{name}.{key} is missing")
    for key, value in sorted(entry.items()):
        if key not in _KNOWN:
            faults.add(f"{name}.{key} is not a key of a preset.{did_you_mean(key, _KNOWN)}")
        elif wrong := _wrong_type(key, value):
            faults.add(f"{name}.{key} {wrong}")
    return True


def _wrong_type(key: str, value: Any) -> str:
    if key == "mirrors":
        strings = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return "" if strings else "is not a list of strings"
    if key == "parameters":
        return "" if type(value) is int and value >= 0 else "is not a count"
    return "" if isinstance(value, str) and value else "is not a string, or an empty one"
