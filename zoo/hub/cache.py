"""The Hub's cache on this machine, in the layout that huggingface_hub documents, so that all tools share it.

    models--org--name/blobs/<hash>                       the content; a data set's are in datasets--org--name
    models--org--name/snapshots/<commit>/<file>          a link to it
    models--org--name/refs/<branch>                      the commit a branch was last seen at
    .locks/models--org--name/<hash>.lock                 held by who downloads it

It is read and written here because huggingface_hub's own lookup imports for 0.2 s and checks no content.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import ZooError
from zoo.hub.source import Source

PARTIAL = ".zoo-partial"


def root() -> Path:
    """The cache's folder: what `HF_HUB_CACHE` or `HF_HOME` says."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def folder_name(source: Source) -> str:
    return f"{source.kind}s--{source.location.replace('/', '--')}"


def repository(source: Source) -> Path:
    """The folder of a Hub repository; it need not be there."""
    return root() / folder_name(source)


def commit_of(source: Source) -> str:
    """The commit that the source's branch was last seen at, or else its revision as it stands."""
    with contextlib.suppress(OSError):
        return _branch(source).read_text(encoding="utf-8").strip()
    return source.revision


def point(source: Source, commit: str) -> None:
    """Record the commit that the source's branch is at."""
    beside = _branch(source).with_name(f".{os.getpid()}-{time.monotonic_ns()}")
    with contextlib.suppress(OSError):  # without it a branch cannot be used offline, no more
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(commit, encoding="utf-8")
        os.replace(beside, _branch(source))


def _branch(source: Source) -> Path:
    return repository(source) / "refs" / (source.revision or "main")


def snapshot(source: Source) -> Path:
    """The folder of the commit that the source stands for; it need not be there."""
    return repository(source) / "snapshots" / commit_of(source)


def cached(source: Source, name: str) -> Path | None:
    """The file in the cache, unchecked; no request is made."""
    path = snapshot(source) / name
    return path if path.is_file() else None


def partial(source: Source, key: str) -> Path:
    """Where the first bytes of a download wait for the rest; `key` is the hash they are to have."""
    return repository(source) / "blobs" / f"{key}{PARTIAL}"


def admit(source: Source, name: str, downloaded: Path, blob: str) -> Path:
    """Make a checked download the file `name` of the source's commit: two renames, each whole or not at all."""
    content = downloaded.with_name(blob)
    os.replace(downloaded, content)
    pointer = repository(source) / "snapshots" / source.revision / name
    pointer.parent.mkdir(parents=True, exist_ok=True)
    link = Path(tempfile.mkdtemp(prefix=".link-", dir=pointer.parent)) / pointer.name
    try:
        link.symlink_to(os.path.relpath(content, pointer.parent))
        os.replace(link, pointer)
    except OSError:  # a file system without links
        os.replace(content, pointer)
    finally:
        with contextlib.suppress(OSError):
            link.unlink(missing_ok=True)
            link.parent.rmdir()
    return pointer


@contextlib.contextmanager
def lock(source: Source, key: str) -> Iterator[bool]:
    """Wait for the right to download the content `key`; every tool that uses the cache takes the same lock.

    Yields:
        whether it is held. Where the file system knows no locks it is not, and a private file is to be used.

    Raises a ZooError where the cache cannot be written.
    """
    from filelock import FileLock

    path = root() / ".locks" / folder_name(source) / f"{key}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial(source, key).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(error) from error
    held = FileLock(path, mode=0o664)
    try:
        held.acquire()
    except PermissionError as error:
        raise unwritable(error) from error
    except (OSError, NotImplementedError):
        yield False
        return
    try:
        yield True
    finally:
        held.release()


def is_locked(waiting: Path) -> bool:
    """Whether somebody is downloading into this partial file right now."""
    from filelock import FileLock, Timeout

    key = waiting.name.partition(PARTIAL)[0]
    held = FileLock(root() / ".locks" / waiting.parent.parent.name / f"{key}.lock", mode=0o664)
    try:
        with held.acquire(timeout=0):
            return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False


def unwritable(error: OSError) -> ZooError:
    return ZooError(
        "The Hub's cache on this machine cannot be written.",
        why=str(error),
        fix="Free space or mend the rights there, or choose another place: HF_HOME=/path",
    )
