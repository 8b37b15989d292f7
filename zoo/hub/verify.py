"""Is this file the one that was pinned? Size and content hash decide, nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

from zoo.registry.presets import PinnedFile

_CHUNK = 1 << 20


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, as lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_oid_of(path: Path) -> str:
    """The id git gives a blob with this file's content: sha1 over a header and the bytes."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def difference(path: Path, pinned: PinnedFile) -> str:
    """What sets the file apart from the pinned one, in words; empty where it is that very file."""
    if not path.is_file():
        return "it is not there"
    size = path.stat().st_size
    if pinned.size is not None and size != pinned.size:
        return f"it has {size:,} bytes and the pinned file has {pinned.size:,}"
    if pinned.sha256:
        found = sha256_of(path)
        return "" if found == pinned.sha256 else f"its sha256 is {found}, and {pinned.sha256} is pinned"
    if pinned.git_oid:
        found = git_oid_of(path)
        return "" if found == pinned.git_oid else f"its git id is {found}, and {pinned.git_oid} is pinned"
    return "no hash is pinned to compare it with"
