"""A preset catalogue: the TOML file in which a plugin's author names presets, read and checked."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.errors import Faults, did_you_mean
from zoo.registry.manifest import SCHEMA, Manifest, read_toml
from zoo.registry.packages import package_file

_REQUIRED = {"architecture", "task", "description", "license", "source"}
_KNOWN = _REQUIRED | {"layout", "mirrors", "parameters", "metric"}
_METRIC = {"name", "value", "dataset", "source"}
# A name is typed in a shell and stands before or after a colon in `plugin:name`.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Metric:
    """How well a preset does, as its publisher measured it.

    Args:
        name: what was measured, such as `top-1 accuracy`.
        value: the figure, in the publisher's unit.
        dataset: what it was measured on.
        source: where it was published.
        settings: what it depends on besides, such as the size of the images.
    """

    name: str
    value: float
    dataset: str
    source: str
    settings: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.value:g} on {self.dataset}" + (f" ({self.settings})" if self.settings else "")


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
        metric: the published figure, if there is one.
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
    metric: Metric | None = None

    @property
    def qualified(self) -> str:
        return f"{self.plugin}:{self.name}"


def read_catalogue(reference: str, manifest: Manifest) -> list[Preset]:
    """The presets of the catalogue `package:file`. Raises a ZooError that lists every fault."""
    return read_presets(package_file(reference), plugin=manifest.plugin)


def read_presets(path: Path, *, plugin: str) -> list[Preset]:
    """The presets of a catalogue file, as those of `plugin`. Raises a ZooError that lists every fault."""
    raw = read_toml(path)
    faults = Faults()
    if raw.pop("schema", None) != SCHEMA:
        faults.add(f"schema is not {SCHEMA}")
    entries = {name: entry for name, entry in raw.items() if _sound(name, entry, faults)}
    faults.check(f"The preset catalogue of plugin '{plugin}' is not valid: {path}")
    return [
        Preset(
            name=name,
            plugin=plugin,
            architecture=entry["architecture"],
            task=entry["task"],
            description=entry["description"],
            license=entry["license"],
            source=entry["source"],
            mirrors=tuple(entry.get("mirrors", ())),
            layout=entry.get("layout", "transformers"),
            parameters=entry.get("parameters", 0),
            catalogue=path,
            metric=Metric(**entry["metric"]) if "metric" in entry else None,
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
        elif key == "metric":
            _check_metric(f"{name}.metric", value, faults)
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


def _check_metric(where: str, value: Any, faults: Faults) -> None:
    if not isinstance(value, dict):
        faults.add(f"{where} is not a table")
        return
    for key in sorted(_METRIC - value.keys()):
        faults.add(f"{where}.{key} is missing")
    known = _METRIC | {"settings"}
    for key, entry in sorted(value.items()):
        if key not in known:
            faults.add(f"{where}.{key} is not a key of a metric.{did_you_mean(key, known)}")
        elif key == "value":
            if type(entry) not in (int, float) or not math.isfinite(entry):
                faults.add(f"{where}.value is not a number")
        elif not isinstance(entry, str) or not entry:
            faults.add(f"{where}.{key} is not a string, or an empty one")
