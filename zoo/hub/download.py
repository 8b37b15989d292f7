"""Downloading one file: hashed as it streams, resumed where it broke off, in the cache only when it is right.

The bytes wait beside the cache's content under the hash they are to have. A later attempt, of this process or
another, hashes what is there and asks for the rest; whatever it was told, the hash of the whole decides.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.hub import cache
from zoo.hub.huggingface import unreachable
from zoo.hub.source import Source
from zoo.hub.verify import CHUNK, Digest, difference
from zoo.registry.presets import PinnedFile

Advance = Callable[[int, int], None]
"""Told of progress as `(bytes there, bytes in all)`; it may raise to stop the download."""

_ATTEMPTS = 4  # that bring less than a step
_A_STEP = 64 << 10
_LONGEST_WAIT_S = 60.0
_MARGIN = 64 << 20


class _BrokenOffError(Exception):
    """The transfer ended early, in a way that another attempt may mend after `wait_s` seconds."""

    def __init__(self, reason: str, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(reason)


class _OtherContentError(Exception):
    """The Hub serves something else than the pinned file."""


def download(source: Source, name: str, pinned: PinnedFile, advance: Advance = lambda done, total: None) -> Path:
    """The file `name` of a Hub repository at the commit `source.revision`, in the cache and as pinned.

    Several processes and threads may ask for it at once: one downloads, the others wait and share.

    Args:
        pinned: size and hash; both are known.

    Raises a ZooError where the Hub refuses, cannot be reached, or serves other bytes.
    """
    assert pinned.size is not None
    key = pinned.git_oid or pinned.sha256  # as the Hub's own etag: large files by sha256, small ones by git's id
    assert key
    with cache.lock(source, key) as held:
        there = cache.cached(source, name)
        if there and not difference(there, pinned):
            return there
        waiting = cache.partial(source, key if held else f"{key}-{os.getpid()}")
        try:
            _fill(waiting, source, name, pinned, pinned.size, advance)
            return cache.admit(source, name, waiting, key)
        except _OtherContentError as wrong:
            waiting.unlink(missing_ok=True)
            raise ZooError(f"{source} could not be read.", why=f"{name}: {wrong}", fix=_OTHER_BYTES) from None
        except _BrokenOffError as broken:
            raise unreachable(source, broken) from None
        except OSError as error:
            raise cache.unwritable(error) from error
        finally:
            if not held:
                waiting.unlink(missing_ok=True)


_OTHER_BYTES = "The server or something on the way altered the file; nothing of it was kept. Try again."


def _fill(path: Path, source: Source, name: str, pinned: PinnedFile, size: int, advance: Advance) -> None:
    """Bring `path` to the pinned content; a start that proves wrong in the end is thrown away once."""
    _check_space(path, size)
    resumed = path.exists()
    while wrong := _attempts(path, source, name, pinned, size, advance):
        if not resumed:
            raise _OtherContentError(wrong)
        resumed = False
        path.unlink()


def _attempts(path: Path, source: Source, name: str, pinned: PinnedFile, size: int, advance: Advance) -> str:
    """Append to `path` until it has `size` bytes; what is wrong with them then."""
    digest = Digest(pinned, size)
    failures = 0
    with path.open("a+b") as file:
        file.seek(0)
        while chunk := file.read(CHUNK):
            digest.update(chunk)
        while (done := file.tell()) < size:
            try:
                for chunk in _body(source, name, done, size):
                    if chunk is None:  # the server starts over
                        file.seek(0)
                        file.truncate()
                        digest, failures = Digest(pinned, size), failures + bool(done)
                        continue
                    file.write(chunk)
                    digest.update(chunk)
                    advance(file.tell(), size)
            except _BrokenOffError as broken:
                file.flush()
                failures = failures + 1 if file.tell() < done + _A_STEP else 0
                if failures >= _ATTEMPTS:
                    raise
                time.sleep(broken.wait_s or min(8.0, 0.25 * 2**failures))
        file.flush()
        os.fsync(file.fileno())
    return digest.difference


def _body(source: Source, name: str, start: int, size: int) -> Iterator[bytes | None]:
    """The bytes from `start` on; None first where the server ignores the range and sends them all.

    Raises:
        _BrokenOffError: it ended early, or the server asks for patience.
        _OtherContentError: the server announces or sends another size.
        ZooError: the server refuses.
    """
    from huggingface_hub import constants, get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    client = get_session()
    headers = build_hf_headers() | {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    url = hf_hub_url(source.location, name, repo_type=source.kind, revision=source.revision)
    timeout = float(constants.HF_HUB_DOWNLOAD_TIMEOUT)
    try:
        with client.stream("GET", url, headers=headers, timeout=timeout) as response:
            if response.status_code == 429 or response.status_code >= 500:
                raise _BrokenOffError(
                    f"{name}: the Hub answers {response.status_code}", _patience(response, source)
                )
            if response.status_code == 416:  # more is there than the server has
                raise _OtherContentError("the server has fewer bytes")
            hf_raise_for_status(response)
            if start and response.status_code != 206:
                start = 0
                yield None
            announced = response.headers.get("Content-Length", "")
            if announced.isdigit() and start + int(announced) != size:
                raise _OtherContentError(
                    f"it has {start + int(announced):,} bytes and the pinned file has {size:,}"
                )
            for chunk in response.iter_raw():
                start += len(chunk)
                if start > size:
                    raise _OtherContentError(f"it has more than the {size:,} bytes of the pinned file")
                yield chunk
            if start < size:
                raise _BrokenOffError(f"{name}: the transfer ended after {start:,} of {size:,} bytes", 0.0)
    except (_BrokenOffError, _OtherContentError, ZooError):
        raise
    except Exception as error:
        if _is_transfer(error):
            raise _BrokenOffError(f"{name}: {str(error) or type(error).__name__}", 0.0) from error
        raise unreachable(source, error) from error


def _is_transfer(error: Exception) -> bool:
    """Whether the connection was there and failed; who never got one is told at once."""
    kinds = [kind.__name__ for kind in type(error).__mro__]
    return "TransportError" in kinds and not {"ConnectError", "ConnectTimeout", "UnsupportedProtocol"} & {*kinds}


def _patience(response: Any, source: Source) -> float:
    """How many seconds the Hub asks to wait, 0 where it does not say; a ZooError where that is too long."""
    asked = response.headers.get("Retry-After", "")
    wait_s = float(asked) if asked.isdigit() else 0.0
    if wait_s > _LONGEST_WAIT_S:
        raise ZooError(
            f"{source} could not be read.",
            why=f"the Hub answers {response.status_code} and asks to wait {wait_s:.0f} seconds",
            fix="Try again then. Logged in ('hf auth login') you may ask more often.",
        )
    return wait_s


def _check_space(path: Path, size: int) -> None:
    with contextlib.suppress(OSError):
        there = path.stat().st_size if path.exists() else 0
        free = shutil.disk_usage(path.parent).free
        if free < size - there + _MARGIN:
            raise ZooError(
                f"The disk is too full: {size - there:,} bytes are to come, and {free:,} are free.",
                why=str(path.parent),
                fix="Free space ('zoo cache list' shows what zoo holds), or choose another place: HF_HOME=/path",
            )
