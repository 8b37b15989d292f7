"""What a local Hub holds: repositories with commits, and what a Hub records of their files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.testing.faults import Fault

Content = bytes | Path


@dataclass(frozen=True)
class Request:
    """One request that the Hub got: its first line, the range it asked for, and the token it carried."""

    method: str
    path: str
    range: str = ""
    token: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Repository:
    """The files of one repository: every commit it had, of which the newest is `main`.

    Args:
        files: the files at the newest commit; bytes, or a path whose content is streamed.
        gated: only who has one of the Hub's `tokens` gets a file.
        faults: how it misbehaves, by file; under the empty name, for all of it.
        branches: the files of branches beside `main`.
    """

    files: dict[str, Content]
    gated: bool = False
    faults: dict[str, Fault] = field(default_factory=dict)
    older: dict[str, dict[str, Content]] = field(default_factory=dict)
    branches: dict[str, dict[str, Content]] = field(default_factory=dict)

    @property
    def commit(self) -> str:
        return commit_of(self.files)

    def at(self, revision: str) -> dict[str, Content] | None:
        """The files of a revision; None where there is no such revision."""
        if revision in ("main", self.commit):
            return self.files
        of_branches = {commit_of(files): files for files in self.branches.values()}
        return {**of_branches, **self.branches, **self.older}.get(revision)


def size_of(content: Content) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def record(name: str, content: Content) -> dict[str, Any]:
    """What the Hub says of a file: large ones by sha256, small ones by the id git gives them."""
    size = size_of(content)
    entry: dict[str, Any] = {
        "rfilename": name,
        "size": size,
        "blobId": _hash(content, hashlib.sha1(b"blob %d\0" % size)),
    }
    if name.endswith((".safetensors", ".parquet")):
        sha256 = _hash(content, hashlib.sha256())
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
        entry["blobId"] = _hash(pointer, hashlib.sha1(b"blob %d\0" % len(pointer)))
        entry["lfs"] = {"sha256": sha256, "size": size, "pointerSize": len(pointer)}
    return entry


def etag_of(name: str, content: Content) -> str:
    about = record(name, content)
    return about["lfs"]["sha256"] if "lfs" in about else about["blobId"]


def commit_of(files: Mapping[str, Content]) -> str:
    """A commit's id: it follows from names and content, as git's does."""
    listed = "".join(f"{name} {_hash(content, hashlib.sha256())}\n" for name, content in sorted(files.items()))
    return hashlib.sha1(listed.encode()).hexdigest()


# A large file is hashed once.
_hashes: dict[tuple[str, int, str], str] = {}


def _hash(content: Content, digest: Any) -> str:
    if isinstance(content, bytes):
        digest.update(content)
        return digest.hexdigest()
    key = (str(content), content.stat().st_mtime_ns, digest.hexdigest())
    if key not in _hashes:
        with content.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        _hashes[key] = digest.hexdigest()
    return _hashes[key]
