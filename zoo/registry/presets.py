"""Presets by name, from the catalogues of all plugins; a lock is read only when its preset is used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo import strict_json
from zoo.errors import ZooError, did_you_mean
from zoo.registry.catalogue import Preset
from zoo.registry.check import golden_faults, lock_faults
from zoo.registry.plugins import plugins


@dataclass(frozen=True)
class PinnedFile:
    """What a lock knows of one file: bytes, and the sha256 of its content (None where no source records it)."""

    size: int | None
    sha256: str | None
    git_oid: str | None = None

    @property
    def has_hash(self) -> bool:
        """Whether the lock alone says what the content must be."""
        return bool(self.sha256 or self.git_oid)


@dataclass(frozen=True)
class Lock:
    """What a preset is pinned to: a commit, and every file that is needed to run it."""

    commit: str
    files: dict[str, PinnedFile]

    @property
    def loose(self) -> list[str]:
        """The files without a hash; the Hub's own record of the commit says what they must be."""
        return [name for name, file in self.files.items() if not file.has_hash]


@dataclass(frozen=True)
class Golden:
    """What the reference implementation answers for a preset.

    Args:
        inputs: raw inputs of the preset's task.
        outputs: the reference's outputs for them, as nested lists of numbers.
        tolerance: the largest difference of a number that still counts as equal, in float32 on any device.
        reference: what computed them.
    """

    inputs: list[Any]
    outputs: list[Any]
    tolerance: float
    reference: str


def presets() -> list[Preset]:
    """Every preset, in the order of names. A name that several plugins offer is there once for each."""
    offers = [preset for row in plugins() for preset in row.presets]
    return sorted(offers, key=lambda preset: (preset.name, preset.plugin))


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
        f"There is no preset '{name}'.{did_you_mean(name, [preset.name for preset in presets()])}",
        fix="'zoo list' shows them all.",
    )


def read_lock(preset: Preset) -> Lock:
    """What `preset` is pinned to, from the lock beside its catalogue. Raises a ZooError that lists every fault."""
    path = preset.catalogue.with_suffix(".lock.json")
    what = f"Preset '{preset.name}' is not locked: nothing says which files belong to it."
    entry: Any = _entries(path, preset, what).get(preset.name)
    _check(lock_faults(entry), path, preset, what)
    files = {
        name: PinnedFile(file.get("size"), file.get("sha256"), file.get("git_oid"))
        for name, file in entry["files"].items()
    }
    return Lock(entry["commit"], files)


def read_golden(preset: Preset) -> Golden | None:
    """The golden outputs of `preset`, from the file beside its catalogue; None where it has none.

    Raises a ZooError that lists every fault.
    """
    path = preset.catalogue.with_suffix(".golden.json")
    what = f"The golden outputs of preset '{preset.name}' cannot be read."
    entries = _entries(path, preset, what) if path.is_file() else {}
    if preset.name not in entries:
        return None
    _check(golden_faults(entries[preset.name]), path, preset, what)
    return Golden(**entries[preset.name])


def _entries(path: Path, preset: Preset, what: str) -> dict[str, Any]:
    """A JSON file of entries by preset."""
    entries, faults = {}, []
    try:
        entries = strict_json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        faults = [f"it is not there; its author writes it: zoo plugins lock {preset.catalogue.name}"]
    except (OSError, ValueError, RecursionError) as error:
        faults = [f"{type(error).__name__}: {error}"]
    if not isinstance(entries, dict):
        faults = ["it is not a JSON object"]
    _check(faults, path, preset, what)
    return entries


def _check(faults: list[str], path: Path, preset: Preset, what: str) -> None:
    if faults:
        raise ZooError(
            what,
            why=[f"{path}: {fault}" for fault in faults],
            fix=f"This is a fault of plugin '{preset.plugin}' ({_distribution(preset)}); tell its author.",
        )


def _distribution(preset: Preset) -> str:
    return next((row.distribution for row in plugins() if row.name == preset.plugin), "not installed")
