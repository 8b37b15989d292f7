"""Is this file the one that was pinned? Size and content hash decide, nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

from zoo.hub import memo
from zoo.registry.presets import PinnedFile

CHUNK = 1 << 20


class Digest:
    """The hash that a pin asks for, of content as it passes by.

    Args:
        pinned: what is expected. Its sha256 decides where it is known, else its git id, which covers the size.
        size: how many bytes are to come.
    """

    def __init__(self, pinned: PinnedFile, size: int) -> None:
        self._pinned = pinned
        self._count = 0
        self._hash = hashlib.sha256() if pinned.sha256 or not pinned.git_oid else _git(size)

    def update(self, chunk: bytes | memoryview) -> None:
        self._count += len(chunk)
        self._hash.update(chunk)

    @property
    def difference(self) -> str:
        """What sets the content apart from the pinned one, in words; empty where it is that very content."""
        return _unlike_size(self._count, self._pinned) or _unlike_hash(self._hash.hexdigest(), self._pinned)


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, as lower-case hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_oid_of(path: Path) -> str:
    """The id git gives a blob with this file's content: sha1 over a header and the bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: _git(path.stat().st_size)).hexdigest()  # type: ignore[arg-type]


def difference(path: Path, pinned: PinnedFile, *, anew: bool = False) -> str:
    """What sets the file apart from the pinned one, in words; empty where it is that very file.

    Args:
        anew: read the content even where its hash is remembered and the file has not changed since.
    """
    if not path.is_file():
        return "it is not there"
    if wrong := _unlike_size(path.stat().st_size, pinned):
        return wrong
    if not pinned.has_hash:
        return _unlike_hash("", pinned)
    kind, hash_of = ("sha256", sha256_of) if pinned.sha256 else ("git_oid", git_oid_of)
    return _unlike_hash(memo.remembered(path, kind, hash_of, anew=anew), pinned)


def _git(size: int):
    return hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)


def _unlike_size(size: int, pinned: PinnedFile) -> str:
    if pinned.size is None or size == pinned.size:
        return ""
    return f"it has {size:,} bytes and the pinned file has {pinned.size:,}"


def _unlike_hash(found: str, pinned: PinnedFile) -> str:
    kind, expected = ("sha256", pinned.sha256) if pinned.sha256 else ("git id", pinned.git_oid)
    if not expected:
        return "no hash is pinned to compare it with"
    return "" if found == expected else f"its {kind} is {found}, and {expected} is pinned"
