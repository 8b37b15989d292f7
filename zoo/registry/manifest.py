"""`zoo.toml`: what a plugin says about itself, read and checked without importing the plugin."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import Faults, ZooError, did_you_mean

SCHEMA = 1
_TOP = {"schema", "requires-zoo", "module", "presets", "architectures", "provides"}
_ARCHITECTURE = {"model_types", "tasks"}
_PROVIDES = {"datasets", "trackers"}


@dataclass(frozen=True)
class ArchitectureEntry:
    """One `[architectures.NAME]` table: enough to choose the architecture without its code."""

    model_types: tuple[str, ...]
    tasks: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """A plugin's manifest.

    Args:
        plugin: the entry point's name, such as `bert`.
        distribution: the installed distribution it comes from, and its version: `keras-zoo 0.1.0`.
        path: where the manifest lies.
        module: the module to import when something of the plugin is used; empty where it only lists presets.
        requires_zoo: the versions of zoo it works with, as a PEP 440 specifier.
        presets: preset catalogues as `package:file.toml`.
        architectures: the architectures it gives, by name.
        datasets: the names of the data sets it gives.
        trackers: the names of the trackers it gives.
    """

    plugin: str
    distribution: str
    path: Path
    module: str = ""
    requires_zoo: str = ""
    presets: tuple[str, ...] = ()
    architectures: Mapping[str, ArchitectureEntry] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()
    trackers: tuple[str, ...] = ()


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file; a ZooError names the file and the line of a mistake."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ZooError(f"{path} cannot be read.", why=str(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ZooError(f"{path} is not valid TOML.", why=str(error)) from error


def read_manifest(path: Path, *, plugin: str, distribution: str) -> Manifest:
    """Read and check one manifest. Raises a ZooError that lists every fault."""
    raw = read_toml(path)
    faults = Faults()
    _unknown_keys(raw, _TOP, "", faults)
    if raw.get("schema") != SCHEMA:
        faults.add(f"schema is {raw.get('schema')!r}; this zoo reads schema {SCHEMA}")
    module = raw.get("module", "")
    if not isinstance(module, str):
        faults.add("module is not a string")
    elif not module and (raw.get("architectures") or raw.get("provides")):
        faults.add("module is missing: the module to import when the plugin is used")
    requires = raw.get("requires-zoo", "")
    if not isinstance(requires, str):
        faults.add("requires-zoo is not a string")
    architectures = {}
    for name, entry in _table(raw, "architectures", faults).items():
        where = f"architectures.{name}."
        if not isinstance(entry, dict):
            faults.add(f"architectures.{name} is not a table")
            continue
        _unknown_keys(entry, _ARCHITECTURE, where, faults)
        architectures[name] = ArchitectureEntry(
            _strings(entry, "model_types", where, faults), _strings(entry, "tasks", where, faults)
        )
    provides = _table(raw, "provides", faults)
    _unknown_keys(provides, _PROVIDES, "provides.", faults)
    manifest = Manifest(
        plugin=plugin,
        distribution=distribution,
        path=path,
        module=str(module),
        requires_zoo=str(requires),
        presets=_strings(raw, "presets", "", faults),
        architectures=architectures,
        datasets=_strings(provides, "datasets", "provides.", faults),
        trackers=_strings(provides, "trackers", "provides.", faults),
    )
    faults.check(f"The manifest of plugin '{plugin}' ({distribution}) is not valid: {path}")
    return manifest


def _unknown_keys(table: Mapping[str, Any], known: set[str], where: str, faults: Faults) -> None:
    for key in sorted(table.keys() - known):
        faults.add(f"{where}{key} is not a key of a manifest.{did_you_mean(key, known)}")


def _table(raw: Mapping[str, Any], key: str, faults: Faults) -> dict[str, Any]:
    value = raw.get(key, {})
    if isinstance(value, dict):
        return value
    faults.add(f"{key} is not a table")
    return {}


def _strings(raw: Mapping[str, Any], key: str, where: str, faults: Faults) -> tuple[str, ...]:
    value = raw.get(key, [])
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    faults.add(f"{where}{key} is not a list of strings")
    return ()
