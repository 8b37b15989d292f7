"""Reading a little ahead: several tensors at once, of one file or of many, while the model takes them in turn."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
_WORKERS = min(4, os.cpu_count() or 1)


class Ahead(Generic[T]):
    """Runs `jobs` in their order on a few threads, never more than a few beyond the one that is asked for.

    Use it in a `with` block. `take(name)` gives a job's result once, or raises what it raised.
    """

    def __init__(self, jobs: Mapping[str, Callable[[], T]]) -> None:
        self._waiting = dict(jobs)
        self._running: dict[str, Future[T]] = {}
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="zoo-read")

    def __enter__(self) -> Ahead[T]:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self, name: str) -> T:
        self._start([name] if name in self._waiting else [])
        result = self._running.pop(name)
        self._start(list(self._waiting)[: _WORKERS - len(self._running)])
        return result.result()

    def _start(self, names: Iterable[str]) -> None:
        for name in names:
            self._running[name] = self._pool.submit(self._waiting.pop(name))
