"""Plugin code: imported on first use, registered with pluggy, asked for its records one plugin at a time."""

from __future__ import annotations

import contextlib
import fnmatch
import functools
import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pluggy

from zoo.errors import ZooError, did_you_mean
from zoo.registry import hookspecs
from zoo.registry.catalogue import Preset
from zoo.registry.manifest import Manifest
from zoo.registry.plugins import manifests
from zoo.registry.records import Architecture, DataSet, Tracker


@functools.cache
def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager("zoo")
    manager.add_hookspecs(hookspecs)
    return manager


def records_of(manifest: Manifest, hook: str) -> Iterable[Any]:
    """What one plugin's hook returns. Its code runs here for the first time, and its faults end here."""
    manager = _manager()
    with _guarded(manifest):
        module = manager.get_plugin(manifest.plugin)
        if module is None:
            module = importlib.import_module(manifest.module)
            manager.register(module, name=manifest.plugin)
        others = [other for name, other in manager.list_name_plugin() if name != manifest.plugin]
        results = manager.subset_hook_caller(hook, remove_plugins=others)()
        return [record for result in results for record in result]


@contextlib.contextmanager
def _guarded(manifest: Manifest) -> Iterator[None]:
    """Turns whatever a plugin's code raises into a ZooError that names the plugin."""
    try:
        yield
    except (KeyboardInterrupt, ZooError):
        raise
    except BaseException as error:  # a plugin may even call sys.exit
        raise ZooError(
            f"Plugin '{manifest.plugin}' ({manifest.distribution}) cannot be used: its code failed.",
            why=f"{type(error).__name__}: {error}",
            fix=f"Update or uninstall it, or set ZOO_DISABLE_PLUGINS={manifest.plugin}.",
        ) from error


def qualified_architecture(reference: str, plugin: str) -> str:
    """The full name, `plugin:name`, of what `plugin` calls `reference`: its own, else the only one there is.

    No plugin is imported. Raises a ZooError where there is none, or several and no owner is named.
    """
    owner, _, name = reference.rpartition(":")
    offers = {m.plugin: m for m in manifests() if name in m.architectures and owner in ("", m.plugin)}
    if not offers:
        known = [name for m in manifests() for name in m.architectures]
        raise ZooError(
            f"No installed plugin has an architecture '{reference}'.{did_you_mean(name, known)}",
            fix="'zoo plugins' shows what is installed.",
        )
    if plugin not in offers and len(offers) > 1:
        raise ZooError(
            f"Several plugins have an architecture '{name}'.",
            why=[f"{m.plugin}:{name} from {m.distribution}" for m in offers.values()],
            fix=f"Say which: {next(iter(offers))}:{name}",
        )
    return f"{plugin if plugin in offers else next(iter(offers))}:{name}"


def find_architecture(reference: str) -> Architecture:
    """The architecture called `plugin:name`, or `name` where only one plugin has it."""
    owner, _, name = qualified_architecture(reference, "").partition(":")
    return _named([m for m in manifests() if m.plugin == owner], "zoo_architectures", name)


def tasks_of(preset: Preset) -> tuple[str, ...]:
    """The tasks a preset can do, as its architecture's manifest says; none where no plugin has it."""
    try:
        return tasks_of_architecture(qualified_architecture(preset.architecture, preset.plugin))
    except ZooError:
        return ()


def tasks_of_architecture(reference: str) -> tuple[str, ...]:
    """The tasks of an architecture, as its manifest says. Raises a ZooError where no plugin has it."""
    owner, _, name = qualified_architecture(reference, "").partition(":")
    return next(m.architectures[name].tasks for m in manifests() if m.plugin == owner)


def architecture_of(model_type: str) -> str:
    """The qualified name of the architecture that reads a `config.json` with this `model_type`, or timm name.

    A manifest's `model_types` may be patterns: `resnet*` stands for all of timm's names that begin so.
    """
    offers = [
        (f"{manifest.plugin}:{name}", manifest)
        for manifest in manifests()
        for name, entry in manifest.architectures.items()
        if any(fnmatch.fnmatchcase(model_type, pattern) for pattern in entry.model_types)
    ]
    if len(offers) > 1:
        raise ZooError(
            f"Several plugins read checkpoints of model_type '{model_type}'.",
            why=[f"{qualified} from {manifest.distribution}" for qualified, manifest in offers],
            fix=f"Leave one out: ZOO_DISABLE_PLUGINS={offers[-1][1].plugin}",
        )
    if offers:
        return offers[0][0]
    known = sorted({t for m in manifests() for entry in m.architectures.values() for t in entry.model_types})
    raise ZooError(
        f"No installed plugin reads checkpoints of model_type '{model_type}'.{did_you_mean(model_type, known)}",
        why=f"the installed plugins read: {', '.join(known)}",
    )


def dataset_names() -> list[str]:
    """The registered data sets, without importing any plugin."""
    return sorted(name for manifest in manifests() for name in manifest.datasets)


def find_dataset(name: str) -> DataSet:
    """The registered data set `name`. Raises a ZooError with the nearest name."""
    offers = [m for m in manifests() if name in m.datasets]
    if not offers:
        raise ZooError(f"There is no registered data set '{name}'.{did_you_mean(name, dataset_names())}")
    return _named(offers, "zoo_datasets", name)


def load_dataset(name: str) -> Mapping[str, Any]:
    """Build the splits of a registered data set: `train`, `validation` and `test`, each a pyarrow table."""
    record = find_dataset(name)
    owner = next(m for m in manifests() if name in m.datasets)
    with _guarded(owner):
        splits = record.load()
    lacking = {"train", "validation", "test"} - set(splits)
    if lacking:
        raise ZooError(
            f"The data set '{name}' has no split {' and '.join(sorted(lacking))}.",
            fix=f"This is a fault of {owner.distribution}; tell its author.",
        )
    return splits


def tracker_names() -> list[str]:
    """The registered trackers, without importing any plugin."""
    return sorted(name for manifest in manifests() for name in manifest.trackers)


def find_tracker(name: str) -> Tracker:
    """The registered tracker `name`. Raises a ZooError with the nearest name."""
    offers = [m for m in manifests() if name in m.trackers]
    if not offers:
        raise ZooError(f"There is no registered tracker '{name}'.{did_you_mean(name, tracker_names())}")
    return _named(offers, "zoo_trackers", name)


def _named(offers: list[Manifest], hook: str, name: str) -> Any:
    if len(offers) > 1:
        raise ZooError(
            f"Several plugins have '{name}'.",
            why=[f"{m.plugin}:{name} from {m.distribution}" for m in offers],
            fix=f"Leave one out: ZOO_DISABLE_PLUGINS={offers[-1].plugin}",
        )
    for record in records_of(offers[0], hook):
        if getattr(record, "name", None) == name:
            return record
    raise ZooError(
        f"Plugin '{offers[0].plugin}' promises '{name}' in its manifest, and its {hook} does not return it.",
        fix=f"This is a fault of {offers[0].distribution}; tell its author.",
    )
