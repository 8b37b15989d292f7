"""`zoo plugins check`: whether what a plugin says of itself, its presets and their pins is true and complete."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo import strict_json
from zoo.errors import ZooError, some
from zoo.hub.files import CONFIG, WEIGHTS, WEIGHTS_INDEX, hostile_path, wanted
from zoo.hub.huggingface import is_commit
from zoo.hub.source import Source
from zoo.registry.catalogue import Preset, read_presets
from zoo.registry.code import find_architecture, qualified_architecture, records_of, tasks_of
from zoo.registry.manifest import Manifest
from zoo.registry.plugins import Plugin, plugins
from zoo.registry.presets import Lock, PinnedFile, read_golden, read_lock
from zoo.registry.records import Architecture, DataSet, Tracker

_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT_OID = re.compile(r"[0-9a-f]{40}")


@dataclass
class Verdict:
    """What was found out about one plugin: faults its author must mend, and notes."""

    plugin: str
    distribution: str
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check(row: Plugin) -> Verdict:
    """Examine a plugin's manifest, catalogues, locks, golden outputs and code. The code is imported."""
    verdict = Verdict(row.name, row.distribution)
    if row.manifest is None:
        verdict.faults += row.error.splitlines()
        return verdict
    for catalogue in sorted({preset.catalogue for preset in row.presets}):
        _examine(catalogue, [preset for preset in row.presets if preset.catalogue == catalogue], verdict)
    verdict.faults += _code_faults(row.manifest)
    return verdict


def check_catalogue(path: Path) -> Verdict:
    """Examine one catalogue and the files beside it; as an installed plugin's where one lists this very file."""
    owners = [row for row in plugins() for preset in row.presets if preset.catalogue.resolve() == path.resolve()]
    verdict = Verdict(owners[0].name if owners else path.stem, str(path))
    try:
        _examine(path, read_presets(path, plugin=verdict.plugin), verdict)
    except ZooError as error:
        verdict.faults += [error.what, *error.why]
    return verdict


def _examine(catalogue: Path, presets: list[Preset], verdict: Verdict) -> None:
    verdict.faults += _strangers(catalogue, [preset.name for preset in presets])
    for preset in presets:
        verdict.faults += [f"{preset.name}: {fault}" for fault in _preset_faults(preset)]
        verdict.notes += [f"{preset.name}: {note}" for note in _preset_notes(preset)]


def _strangers(catalogue: Path, names: list[str]) -> list[str]:
    """Entries of the files beside a catalogue that belong to no preset of it."""
    faults = []
    for kind in ("lock", "golden"):
        path = catalogue.with_suffix(f".{kind}.json")
        try:
            entries = strict_json.loads(path.read_text(encoding="utf-8"))
            strangers = set(entries) - set(names)
        except (OSError, ValueError, RecursionError, TypeError):
            continue  # told for each preset that needs it
        faults += [
            f"{path.name} has an entry '{name}', and the catalogue no such preset" for name in sorted(strangers)
        ]
    return faults


def _preset_faults(preset: Preset) -> list[str]:
    faults = []
    pinned = None
    for url in (preset.source, *preset.mirrors):
        try:
            source = Source.parse(url)
        except ZooError as error:
            faults.append(error.what)
            continue
        if url == preset.source:
            pinned = source
            if source.revision:
                faults.append(f"source names the revision '{source.revision}'; the commit belongs into the lock")
    faults += _fit_faults(preset)
    try:
        faults += _lock_faults(read_lock(preset), on_hub=pinned is None or pinned.scheme == "hf")
    except ZooError as error:
        faults += error.why
    try:
        golden = read_golden(preset)
    except ZooError as error:
        return [*faults, *error.why]
    if golden and (len(golden.inputs) != len(golden.outputs) or not golden.inputs or not 0 < golden.tolerance < 1):
        faults.append("its golden needs an output for each input, and a tolerance between 0 and 1")
    return faults


def _fit_faults(preset: Preset) -> list[str]:
    """Where the architecture, of whichever plugin, cannot do what the preset says."""
    try:
        qualified = qualified_architecture(preset.architecture, preset.plugin)
        tasks = tasks_of(preset)
        layouts = find_architecture(qualified).layouts
    except ZooError:
        return []  # one that is not installed is a note; one whose code fails is its plugin's fault
    if not isinstance(layouts, Mapping):
        return []  # so is a record that is not sound
    faults = []
    if preset.task not in tasks:
        faults.append(f"'{qualified}' cannot do '{preset.task}'; it can do {some(sorted(tasks))}")
    if preset.layout not in layouts:
        faults.append(f"'{qualified}' cannot read the layout '{preset.layout}'; it reads {some(sorted(layouts))}")
    return faults


def _lock_faults(lock: Lock, *, on_hub: bool) -> list[str]:
    faults = _hub_faults(lock) if on_hub else _folder_faults(lock)
    unread = set(lock.files) - set(wanted(lock.files))
    for name, pin in lock.files.items():
        if hostile_path(name):
            faults.append(f"{name!r} is not a plain name inside the repository")
        elif name in unread:
            faults.append(f"'{name}' is not a file that zoo reads")
        faults += [f"{name}: {wrong}" for wrong in _pin_faults(pin)]
    if lock.files and CONFIG not in lock.files:
        faults.append(f"the lock lacks {CONFIG}")
    shards = [name for name in lock.files if name.endswith(".safetensors")]
    if lock.files and not shards:
        faults.append("the lock lacks the weights")
    if shards and WEIGHTS not in lock.files and WEIGHTS_INDEX not in lock.files:
        faults.append(f"the lock lacks {WEIGHTS_INDEX}, which says what the shards hold")
    return faults


def _hub_faults(lock: Lock) -> list[str]:
    return [] if is_commit(lock.commit) else [f"commit '{lock.commit}' is not forty hexadecimal digits"]


def _folder_faults(lock: Lock) -> list[str]:
    """A folder has no commit, and nobody but the lock records what lies in it."""
    faults = [f"commit '{lock.commit}' is of no use: the source is a folder"] if lock.commit else []
    if not lock.files:
        faults.append("the lock names no files, and no Hub lists them")
    return [*faults, *(f"{name}: it has no hash, and no Hub records one" for name in lock.loose)]


def _pin_faults(pin: PinnedFile) -> list[str]:
    """What no reader minds and yet is wrong; `read_lock` has seen to the types."""
    faults = []
    if pin.size is not None and pin.size <= 0:
        faults.append(f"size {pin.size!r} is not a count of bytes")
    for kind, value, form in (("sha256", pin.sha256, _SHA256), ("git_oid", pin.git_oid, _GIT_OID)):
        if value is not None and not form.fullmatch(value):
            faults.append(f"{kind} {value!r} is not one")
    return faults


def _preset_notes(preset: Preset) -> list[str]:
    notes = []
    try:
        lock = read_lock(preset)
    except ZooError:
        return []
    if not lock.files:
        notes.append("the lock names no files: those that the Hub lists at the commit are taken")
    if lock.loose:
        notes.append(f"checked by the Hub's own record: {some(lock.loose)}")
    try:
        qualified_architecture(preset.architecture, preset.plugin)
    except ZooError as error:
        notes.append(error.what)
    return notes


def _code_faults(manifest: Manifest) -> list[str]:
    """Where the code gives something else than the manifest says."""
    if not manifest.module:
        return []
    faults: list[str] = []
    given: dict[str, dict[str, Any]] = {}
    kinds = (
        ("architectures", Architecture, manifest.architectures),
        ("datasets", DataSet, manifest.datasets),
        ("trackers", Tracker, manifest.trackers),
    )
    for hook, kind, promised in kinds:
        try:
            records = list(records_of(manifest, f"zoo_{hook}"))
        except ZooError as error:
            return [*faults, error.what, *error.why]
        sound = [record for record in records if isinstance(record, kind) and _has_mappings(record)]
        if len(sound) < len(records):
            faults.append(f"zoo_{hook} returns what is no sound zoo.{kind.__name__}")
        names = [record.name for record in sound]
        given[hook] = dict(zip(names, sound, strict=True))
        faults += [f"{hook}: '{name}' is promised and not given" for name in promised if name not in names]
        faults += [f"{hook}: '{name}' is given and not promised" for name in given[hook] if name not in promised]
        faults += [f"{hook}: '{name}' is given twice" for name in given[hook] if names.count(name) > 1]
    for name, entry in manifest.architectures.items():
        record = given["architectures"].get(name)
        if record and set(record.heads) != set(entry.tasks):
            heads, tasks = some(sorted(record.heads)), some(sorted(entry.tasks))
            faults.append(f"{name}: the manifest promises {tasks}, and its heads are {heads}")
    return faults


def _has_mappings(record: Any) -> bool:
    fields = (getattr(record, name, {}) for name in ("heads", "layouts", "columns"))
    return all(isinstance(value, Mapping) for value in fields)
