"""A directory that appears whole or not at all: written beside, brought to the disk, renamed.

What a killed writer leaves beside it is hidden, and the next writer of the same directory removes it. A lock on
the hidden directory tells that its writer is alive.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import ZooError

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, and nothing that was left is removed
    fcntl = None


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """An empty directory to write into, which becomes `folder` when the block ends well.

    Raises a ZooError where `folder` is there and not empty, or the disk refuses.
    """
    _check_free(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        with _held(folder) as staging:
            try:
                yield staging
                _sync(staging)
                staging.chmod(0o755)
                _check_free(folder)
                os.replace(staging, folder)
                _sync_one(folder.parent)
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        _check_free(folder)  # another writer may have been first
        raise ZooError(f"The model could not be written to {folder}.", why=str(error)) from error


def _check_free(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ZooError(
            f"{folder} is already there.", fix="Choose another directory, or remove it if you do not need it."
        )


def _prefix(folder: Path) -> str:
    return f".{folder.name}-writing-"


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[Path]:
    """A new hidden directory, locked for as long as the block lasts."""
    while True:
        staging = Path(tempfile.mkdtemp(prefix=_prefix(folder), dir=folder.parent))
        with contextlib.ExitStack() as stack:
            # Another writer's sweep may have been quicker than the lock.
            if fcntl is None or _lock(staging, stack):
                yield staging
                return


def _lock(directory: Path, stack: contextlib.ExitStack) -> bool:
    """Lock a directory until the stack closes; False where another process has it, or it is gone."""
    assert fcntl is not None
    try:
        descriptor = os.open(directory, os.O_RDONLY)
        stack.callback(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(descriptor).st_nlink > 0
    except OSError:
        return False


def _sweep(folder: Path) -> None:
    """Remove what writers of `folder` left that live no more."""
    for left in folder.parent.glob(f"{_prefix(folder).replace('[', '[[]')}*") if fcntl else ():
        with contextlib.ExitStack() as stack:
            if _lock(left, stack):
                shutil.rmtree(left, ignore_errors=True)


def _sync(directory: Path) -> None:
    for path in (*directory.rglob("*"), directory):
        _sync_one(path)


def _sync_one(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
