"""What this machine holds for zoo, and how to free it: checkpoints, begun downloads, programs, notes, rows.

The Hub's cache is shared with other tools, so a checkpoint goes only when it is named.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.backend import cache_home, data_home
from zoo.errors import ZooError
from zoo.hub import cache, memo
from zoo.hub.source import Source
from zoo.registry.presets import presets, read_lock

_DAY_S = 86_400
_UNUSED_DAYS = 30


@dataclass(frozen=True)
class Checkpoint:
    """One commit of a Hub repository in the cache.

    Args:
        repository: `org/name`.
        commit: forty hexadecimal digits.
        presets: the presets that are pinned to it.
        size: bytes on disk; what two commits share counts for both.
        last_used: seconds since the epoch.
    """

    repository: str
    commit: str
    presets: tuple[str, ...]
    size: int
    last_used: float

    @property
    def source(self) -> Source:
        return Source("hf", self.repository, self.commit)


@dataclass(frozen=True)
class Leftover:
    """A file that can go at any time: losing it costs work, no more."""

    kind: str
    path: Path
    size: int


def checkpoints() -> list[Checkpoint]:
    """Every model commit in the Hub's cache, the largest first."""
    pinned = _pinned()
    found = [
        Checkpoint(
            repository.repo_id,
            revision.commit_hash,
            tuple(pinned.get((repository.repo_id, revision.commit_hash), ())),
            revision.size_on_disk,
            max((file.blob_last_accessed for file in revision.files), default=revision.last_modified),
        )
        for repository in _scan().repos
        if repository.repo_type == "model"
        for revision in repository.revisions
    ]
    return sorted(found, key=lambda checkpoint: -checkpoint.size)


def named(names: Iterable[str], held: Iterable[Checkpoint]) -> list[Checkpoint]:
    """The checkpoints that presets or `hf://` URLs stand for. Raises a ZooError for a name that holds nothing."""
    held, found = list(held), []
    for name in names:
        matches = [checkpoint for checkpoint in held if _stands_for(name, checkpoint)]
        if not matches:
            raise ZooError(f"Nothing is held for '{name}'.", fix="'zoo cache list' shows what is.")
        found += [checkpoint for checkpoint in matches if checkpoint not in found]
    return found


def free(unwanted: Iterable[Checkpoint]) -> None:
    """Remove checkpoints from the Hub's cache; content that another commit uses stays."""
    if commits := [checkpoint.commit for checkpoint in unwanted]:
        _scan().delete_revisions(*commits).execute()


def leftovers() -> list[Leftover]:
    """What can go without being asked for: begun downloads that nobody goes on with, stale notes, old programs."""
    return [Leftover(kind, path, path.stat().st_size) for kind, path in _left() if path.is_file()]


def rows() -> list[Leftover]:
    """The data that was given from Python: runs that learned from it cannot be resumed or made again without."""
    return [Leftover("rows", path, path.stat().st_size) for path in _rows() if path.is_file()]


def sizes() -> dict[str, int]:
    """Bytes of what zoo keeps besides checkpoints, by kind."""
    kinds = {
        "begun downloads": cache.root().glob(f"*--*/blobs/*{cache.PARTIAL}*"),
        "compiled programs": (cache_home() / "compiled").rglob("*"),
        "notes": (path for kind in ("hashes", "listings") for path in (cache_home() / kind).rglob("*")),
        "rows from Python": _rows(),
    }
    return {kind: sum(path.stat().st_size for path in paths if path.is_file()) for kind, paths in kinds.items()}


def _rows() -> Iterator[Path]:
    return data_home().rglob("*")


def _left() -> Iterator[tuple[str, Path]]:
    for path in cache.root().glob(f"*--*/blobs/*{cache.PARTIAL}*"):
        if not cache.is_locked(path):
            yield "begun download", path
    for path in (cache_home() / "compiled").rglob("*"):
        if time.time() - max(path.stat().st_atime, path.stat().st_mtime) > _UNUSED_DAYS * _DAY_S:
            yield "compiled program", path
    for path in memo.notes().glob("*.json"):
        if not _noted(path).exists():
            yield "note", path


def _noted(note: Path) -> Path:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return Path(json.loads(note.read_text(encoding="utf-8"))["path"])
    return Path("/nowhere")


def _pinned() -> dict[tuple[str, str], list[str]]:
    pinned: dict[tuple[str, str], list[str]] = {}
    for preset in presets():
        with contextlib.suppress(ZooError):  # a broken lock is told by 'zoo plugins check'
            pinned.setdefault((Source.parse(preset.source).location, read_lock(preset).commit), []).append(
                preset.name
            )
    return pinned


def _stands_for(name: str, checkpoint: Checkpoint) -> bool:
    if "://" not in name:
        return name.rpartition(":")[2] in checkpoint.presets
    source = Source.parse(name)
    return source.location == checkpoint.repository and source.revision in ("", checkpoint.commit)


def _scan() -> Any:
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        return scan_cache_dir(cache.root())
    except CacheNotFound:
        return _Nothing()


class _Nothing:
    """The report on a cache that is not there yet."""

    repos: tuple[Any, ...] = ()
