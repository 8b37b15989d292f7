"""Hashes of files, remembered for as long as the file is not touched, so that a warm load reads no byte twice.

A note holds only while path, inode, size, and the times of change and of modification are the ones it was made
with. A file that changed less than two seconds before it was hashed is not noted: clocks of file systems are
coarse, and a second change could hide in the same tick.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from zoo.backend import cache_home
from zoo.hub.notes import write_note

_COARSE_S = 2.0


def remembered(path: Path, kind: str, hash_of: Callable[[Path], str], *, anew: bool = False) -> str:
    """The hash of a file's content, from its note if there is one that holds; else from its bytes, and noted.

    Args:
        kind: the hash's name, as a key of the note.
        hash_of: reads the file.
        anew: read the bytes whatever the note says.
    """
    path = path.resolve()
    before = _state(path)
    note = _read(path)
    holds = note.get("state") == before
    if holds and not anew and isinstance(note.get(kind), str):
        return note[kind]
    found = hash_of(path)
    changed_s = max(before["mtime_ns"], before["ctime_ns"]) / 1e9
    if before == _state(path) and time.time() - changed_s > _COARSE_S:
        write_note(_note(path), {**(note if holds else {}), "path": str(path), "state": before, kind: found})
    return found


def notes() -> Path:
    """The folder of the notes, one file each."""
    return cache_home() / "hashes"


def _note(path: Path) -> Path:
    return notes() / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.json"


def _state(path: Path) -> dict[str, int]:
    found = path.stat()
    return {
        "device": found.st_dev,
        "inode": found.st_ino,
        "size": found.st_size,
        "mtime_ns": found.st_mtime_ns,
        "ctime_ns": found.st_ctime_ns,
    }


def _read(path: Path) -> dict:
    with contextlib.suppress(OSError, ValueError):
        note = json.loads(_note(path).read_text(encoding="utf-8"))
        return note if isinstance(note, dict) else {}
    return {}
