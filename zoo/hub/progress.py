"""Progress of downloads on stderr: a bar for each file, drawn only once something is really coming."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zoo.hub.fetch import Progress, silent


@contextmanager
def bars() -> Iterator[Progress]:
    """What `fetch_preset` and `fetch_source` tell of their downloads, as bars on a terminal.

    Silent where stderr is no terminal or `HF_HUB_DISABLE_PROGRESS_BARS` is set.
    """
    if not sys.stderr.isatty() or os.environ.get("HF_HUB_DISABLE_PROGRESS_BARS", "0") not in ("", "0"):
        yield silent
        return
    drawn = _Bars()
    try:
        yield drawn.tell
    finally:
        drawn.stop()


class _Bars:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown: Any = None
        self._tasks: dict[str, Any] = {}

    def tell(self, name: str, done: int, total: int) -> None:
        with self._lock:
            if self._shown is None:
                self._shown = _rich()
                self._shown.start()
            if name not in self._tasks:
                self._tasks[name] = self._shown.add_task(name, total=total)
            self._shown.update(self._tasks[name], completed=done)

    def stop(self) -> None:
        if self._shown is not None:
            self._shown.stop()


def _rich() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.progress import TransferSpeedColumn as Speed

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), Speed(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))
