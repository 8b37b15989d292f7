"""`zoo plugins check`: whether what a plugin says of itself, its presets and their pins is true and complete."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import ZooError, some
from zoo.hub.files import CONFIG, hostile_path, wanted
from zoo.hub.huggingface import is_commit
from zoo.hub.source import Source
from zoo.registry.catalogue import Preset
from zoo.registry.code import qualified_architecture, records_of
from zoo.registry.manifest import Manifest
from zoo.registry.plugins import Plugin
from zoo.registry.presets import Lock, PinnedFile, read_golden, read_lock

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
        verdict.faults += _strangers(catalogue, [p.name for p in row.presets if p.catalogue == catalogue])
    for preset in row.presets:
        verdict.faults += [f"{preset.name}: {fault}" for fault in _preset_faults(preset)]
        verdict.notes += [f"{preset.name}: {note}" for note in _preset_notes(preset)]
    verdict.faults += _code_faults(row.manifest, row.presets)
    return verdict


def _strangers(catalogue: Path, names: list[str]) -> list[str]:
    """Entries of the files beside a catalogue that belong to no preset of it."""
    faults = []
    for kind in ("lock", "golden"):
        path = catalogue.with_suffix(f".{kind}.json")
        try:
            strangers = set(json.loads(path.read_text(encoding="utf-8"))) - set(names)
        except (OSError, ValueError, TypeError):
            continue  # told for each preset that needs it
        faults += [
            f"{path.name} has an entry '{name}', and the catalogue no such preset" for name in sorted(strangers)
        ]
    return faults


def _preset_faults(preset: Preset) -> list[str]:
    faults = []
    for url in (preset.source, *preset.mirrors):
        try:
            source = Source.parse(url)
        except ZooError as error:
            faults.append(error.what)
            continue
        if url == preset.source and source.revision:
            faults.append(f"source names the revision '{source.revision}'; the commit belongs into the lock")
    try:
        lock = read_lock(preset)
    except ZooError as error:
        return [*faults, f"{error.what} {some(error.why)}"]
    faults += _lock_faults(lock)
    try:
        golden = read_golden(preset)
    except ZooError as error:
        return [*faults, f"{error.what} {some(error.why)}"]
    if golden and (len(golden.inputs) != len(golden.outputs) or not golden.inputs or not 0 < golden.tolerance < 1):
        faults.append("its golden needs an output for each input, and a tolerance between 0 and 1")
    return faults


def _lock_faults(lock: Lock) -> list[str]:
    faults = []
    if not is_commit(lock.commit):
        faults.append(f"commit '{lock.commit}' is not forty hexadecimal digits")
    unread = set(lock.files) - set(wanted(lock.files))
    for name, pin in lock.files.items():
        if hostile_path(name):
            faults.append(f"{name!r} is not a plain name inside the repository")
        elif name in unread:
            faults.append(f"'{name}' is not a file that zoo reads")
        faults += [f"{name}: {wrong}" for wrong in _pin_faults(pin)]
    if lock.files and CONFIG not in lock.files:
        faults.append(f"the lock lacks {CONFIG}")
    if lock.files and not any(name.endswith(".safetensors") for name in lock.files):
        faults.append("the lock lacks the weights")
    return faults


def _pin_faults(pin: PinnedFile) -> list[str]:
    faults = []
    if pin.size is not None and (type(pin.size) is not int or pin.size <= 0):
        faults.append(f"size {pin.size!r} is not a count of bytes")
    for kind, value, form in (("sha256", pin.sha256, _SHA256), ("git_oid", pin.git_oid, _GIT_OID)):
        if value is not None and not (isinstance(value, str) and form.fullmatch(value)):
            faults.append(f"{kind} {value!r} is not one")
    return faults


def _preset_notes(preset: Preset) -> list[str]:
    notes = []
    try:
        lock = read_lock(preset)
    except ZooError:
        return []
    loose = [name for name, pin in lock.files.items() if not (pin.sha256 or pin.git_oid)]
    if not lock.files:
        notes.append("the lock names no files: those that the Hub lists at the commit are taken")
    if loose:
        notes.append(f"checked by the Hub's own record: {some(loose)}")
    try:
        qualified_architecture(preset.architecture, preset.plugin)
    except ZooError as error:
        notes.append(error.what)
    return notes


def _code_faults(manifest: Manifest, presets: tuple[Preset, ...]) -> list[str]:
    """Where the code gives something else than the manifest says."""
    if not manifest.module:
        return []
    try:
        given = {
            kind: {r.name: r for r in records_of(manifest, f"zoo_{kind}")} for kind in ("architectures", "datasets")
        }
    except ZooError as error:
        return [error.what, *error.why]
    except AttributeError as error:
        return [f"its hooks return something that is no record: {error}"]
    faults = []
    for kind, promised in (("architectures", manifest.architectures), ("datasets", manifest.datasets)):
        faults += [f"{kind}: '{name}' is promised and not given" for name in promised if name not in given[kind]]
        faults += [f"{kind}: '{name}' is given and not promised" for name in given[kind] if name not in promised]
    for name, entry in manifest.architectures.items():
        if record := given["architectures"].get(name):
            faults += _record_faults(name, record, entry.tasks, [p for p in presets if p.architecture == name])
    return faults


def _record_faults(name: str, record: Any, tasks: tuple[str, ...], presets: list[Preset]) -> list[str]:
    faults = []
    if set(record.heads) != set(tasks):
        heads = some(sorted(record.heads))
        faults.append(f"{name}: the manifest promises {some(sorted(tasks))}, and its heads are {heads}")
    for preset in presets:
        if preset.task not in record.heads:
            faults.append(f"{preset.name}: {name} cannot do '{preset.task}'")
        if preset.layout not in record.layouts:
            faults.append(f"{preset.name}: {name} cannot read the layout '{preset.layout}'")
    return faults
