"""`zoo plugins lock`: writing what a catalogue's presets are pinned to, from what the Hub says of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zoo import strict_json
from zoo.errors import Faults, ZooError
from zoo.hub import huggingface
from zoo.hub.fetch import Progress, fetch_files, fetch_source, silent
from zoo.hub.files import CONFIG, Files, wanted
from zoo.hub.source import Source
from zoo.hub.verify import sha256_of
from zoo.registry.catalogue import Preset
from zoo.registry.check import lock_faults


def lock_path(catalogue: Path) -> Path:
    return catalogue.with_suffix(".lock.json")


def read_entries(catalogue: Path) -> dict[str, Any]:
    """The lock as it stands, by preset; empty where there is none.

    Raises a ZooError that lists what is damaged.
    """
    path = lock_path(catalogue)
    try:
        entries = strict_json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ZooError(f"{path} cannot be read.", why=str(error)) from error
    if not isinstance(entries, dict):
        raise ZooError(f"{path} is not a lock.", why="it is no JSON object")
    faults = Faults()
    faults.found += [f"{name}: {fault}" for name, entry in entries.items() for fault in lock_faults(entry)]
    faults.check(f"{path} is damaged.", fix="Remove the entries with faults; those presets are then locked anew.")
    return entries


def new_entries(
    presets: Iterable[Preset], entries: dict[str, Any], revision: str = "", progress: Progress = silent
) -> dict[str, Any]:
    """What the Hub says today of each preset: `{preset: {"commit", "files": {name: {"size", "sha256", ...}}}}`.

    A preset stays at the commit it is locked to, or takes the newest where it is not; small files, of which the
    Hub records no sha256, are downloaded, checked by their git id, and hashed.

    Args:
        revision: the commit, branch or tag to pin instead.

    Raises one ZooError for all presets of which the Hub does not tell.
    """
    faults = Faults()
    found = {}
    for preset in presets:
        locked = entries.get(preset.name, {}).get("commit", "")
        try:
            found[preset.name] = _entry(Source.parse(preset.source), revision or locked, progress)
        except ZooError as error:
            faults.found += [f"{preset.name}: {error.what}", *(f"{preset.name}: {why}" for why in error.why)]
    faults.check("The lock was left as it is.", fix="Check the sources, the network, and 'hf auth login'.")
    return found


def differences(name: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What a new lock entry changes, one line each."""
    lines = []
    if before.get("commit") != after["commit"]:
        lines.append(f"{name}: commit {before.get('commit', 'none')} -> {after['commit']}")
    old, new = before.get("files", {}), after["files"]
    for file in [*new, *(file for file in old if file not in new)]:
        if file not in old:
            lines.append(f"{name}: {file}: new")
        elif file not in new:
            lines.append(f"{name}: {file}: gone")
        else:
            keys = sorted(old[file].keys() | new[file].keys())
            lines += [
                f"{name}: {file}: {key} {old[file].get(key, 'unknown')} -> {new[file].get(key, 'unknown')}"
                for key in keys
                if old[file].get(key) != new[file].get(key)
            ]
    return lines


def write_entries(catalogue: Path, entries: dict[str, Any]) -> None:
    """Replace the lock beside a catalogue, whole or not at all."""
    path = lock_path(catalogue)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise ZooError(f"{path} cannot be written.", why=str(error)) from error
    finally:
        beside.unlink(missing_ok=True)


def _entry(named: Source, revision: str, progress: Progress) -> dict[str, Any]:
    if named.scheme != "hf":
        return _folder_entry(fetch_source(named)[0])
    if named.revision:
        raise ZooError(f"{named} names a revision; the commit belongs into the lock.")
    source = Source(named.scheme, named.location, revision)
    listing = huggingface.listing(source)
    names = wanted(listing.files)
    if CONFIG not in names:
        raise ZooError(f"{source} has no checkpoint that zoo can read.", why=f"there is no {CONFIG}")
    small = {name: pin for name in names if not (pin := listing.files[name]).sha256}
    paths = fetch_files(source.at(listing.commit), small, progress)
    files = {}
    for name in names:
        pin = listing.files[name]
        entry = {"size": pin.size, "sha256": pin.sha256 or sha256_of(paths[name]), "git_oid": pin.git_oid}
        files[name] = {key: value for key, value in entry.items() if value is not None}
    return {"commit": listing.commit, "files": files}


def _folder_entry(files: Files) -> dict[str, Any]:
    """Sizes and hashes of a folder's files, of which nobody else keeps a record."""
    names = wanted(files.paths)
    if CONFIG not in names:
        raise ZooError(f"{files.origin} has no checkpoint that zoo can read.", why=f"there is no {CONFIG}")
    paths = {name: files.path(name) for name in names}
    return {
        "commit": "",
        "files": {name: {"size": path.stat().st_size, "sha256": sha256_of(path)} for name, path in paths.items()},
    }
