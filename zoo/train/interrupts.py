"""Ctrl-C and SIGTERM while a run trains: the first asks it to save and stop, the second ends it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from zoo.errors import RunError


class StoppedError(RunError):
    """A run was asked to stop, and saved where it stood. A command exits as shells tell of a signal: 128 + n."""

    def __init__(self, what: str, *, why: Any = (), fix: str = "", signal: int = 0) -> None:
        super().__init__(what, why=why, fix=fix)
        self.exit_code = 128 + signal


class Interrupts:
    """While the block lasts, the first SIGINT or SIGTERM is only remembered; the next does what it always did.

    Signals reach a process's main thread: elsewhere nothing is changed.

    Args:
        told: called once, when the first has come.

    Attributes:
        asked: the signal that came, or 0.
    """

    def __init__(self, told: Callable[[], None]) -> None:
        self.told, self.asked = told, 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = {n: signal.signal(n, self._remember) for n in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.asked = number
        self._restore()
        self.told()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
