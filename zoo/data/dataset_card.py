"""What a Hub data set's README says in the YAML at its head: which files are which, and how classes are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo.data.class_names import ClassNames, names_of
from zoo.errors import Faults, ZooError

_HEAD = re.compile(r"\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(\r?\n|$)", re.DOTALL)
_LARGEST = 16 << 20
# What else a config says is about how files are to be read, and would change what is in them.
_UNDERSTOOD = {"config_name", "data_files", "data_dir", "default", "version", "description", "features"}


@dataclass(frozen=True)
class Config:
    """One way to read a data set.

    Args:
        patterns: `{split: patterns of its files}`; where it is empty, the files' names tell.
        folder: where the files are; empty for the whole repository.
        default: whether it is meant where none is named.
        unknown: what it says besides, by key.
    """

    name: str
    patterns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    folder: str = ""
    default: bool = False
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Card:
    """What is known of a data set before its rows are read.

    Args:
        classes: the names of classes, by config; under the empty name, for one that has no name.
    """

    configs: tuple[Config, ...] = ()
    classes: Mapping[str, ClassNames] = field(default_factory=dict)

    def classes_of(self, config: str) -> ClassNames:
        """The class names of a config, or the only ones there are."""
        only = next(iter(self.classes.values())) if len(self.classes) == 1 else {}
        return self.classes.get(config, only)


def read_card(text: str, origin: str) -> Card:
    """The card of a README. Raises a ZooError that lists what is wrong with its configs."""
    found = _head(text, origin)
    faults = Faults()
    configs = tuple(_configs(found.get("configs"), faults))
    faults.check(
        f"The README of {origin} does not say which files its configs have.", fix="Name the files instead."
    )
    infos = found.get("dataset_info")
    classes = {}
    for info in infos if isinstance(infos, list) else [infos]:
        if isinstance(info, dict):
            classes[str(info.get("config_name", ""))] = _classes(info.get("features"))
    return Card(configs, classes)


def _head(text: str, origin: str) -> dict[str, Any]:
    import yaml

    head = _HEAD.match(text.removeprefix("\ufeff"))
    if not head:
        return {}
    try:
        if len(text) > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST:,} characters")
        found = yaml.load(head[1], getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        _check_unfolded(found)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ZooError(f"The head of the README of {origin} is not valid YAML.", why=str(error)) from error
    return found if isinstance(found, dict) else {}


def _check_unfolded(found: Any) -> None:
    """Raise a ValueError where a few aliases of aliases stand for more than anyone would write down.

    Every value is looked into once, however many aliases name it.
    """
    sizes: dict[int, float] = {}
    within: set[int] = set()  # what is being looked into
    waiting = [(found, False)]
    while waiting:
        value, parts_counted = waiting.pop()
        parts = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
        if parts_counted:
            size = len(value) + 1 if isinstance(value, str | list | dict) else 1
            size += sum(sizes[id(part)] for part in parts)
        elif id(value) in within:  # it is a part of itself
            size = float("inf")
        else:
            if id(value) not in sizes:
                within.add(id(value))
                waiting += [(value, True), *((part, False) for part in parts)]
            continue
        if size > _LARGEST:
            raise ValueError(f"its aliases unfold to more than {_LARGEST:,} characters")
        sizes[id(value)] = size
        within.discard(id(value))


def _configs(listed: Any, faults: Faults) -> Iterator[Config]:
    for n, entry in enumerate(listed if isinstance(listed, list) else [], 1):
        if not isinstance(entry, dict):
            faults.add(f"config {n} is {entry!r:.60}, no mapping")
            continue
        name = str(entry.get("config_name", "default"))
        patterns = _patterns(entry.get("data_files"))
        if patterns is None:
            faults.add(f"config '{name}': data_files = {entry['data_files']!r:.120}")
            continue
        folder = str(entry.get("data_dir") or "").strip("/").removeprefix("./")
        unknown = tuple(sorted(str(key) for key in entry if key not in _UNDERSTOOD))
        yield Config(name, patterns, "" if folder == "." else folder, entry.get("default") is True, unknown)


def _patterns(told: Any) -> dict[str, tuple[str, ...]] | None:
    """`{split: patterns}` of a config's `data_files`; None where it has none of the known forms."""
    if told is None:
        return {}
    entries = told if isinstance(told, list) else [told]
    if all(isinstance(entry, str) for entry in entries):
        return {"train": tuple(entries)}
    found = {}
    for entry in entries:
        paths = entry.get("path") if isinstance(entry, dict) and "split" in entry else None
        paths = [paths] if isinstance(paths, str) else paths
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            return None
        found[str(entry["split"])] = tuple(paths)
    return found


def _classes(features: Any) -> ClassNames:
    named = {}
    for feature in features if isinstance(features, list) else []:
        if isinstance(feature, dict) and (names := names_of(feature)):
            named[str(feature.get("name"))] = names
    return named
