"""Where the time of a run goes: named parts that may lie within one another, and compilation wherever it is."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any, cast

from zoo.train.listener import Listener

COMPILING = "compiling"
_EVENTS = "/jax/core/compile/"


class Clock:
    """Adds up seconds by part. A part's time is its own: what lies within it counts for the inner part alone.

    Tracing and compiling are counted under `compiling`, whichever part they happen in.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._within: list[float] = []  # what inner parts have taken so far, for each part that is open
        self._compiled: list[tuple[float, float]] = []  # from when to when, none within another
        self._stage = contextlib.ExitStack()

    @contextlib.contextmanager
    def running(self) -> Iterator[Clock]:
        """Let `part` count for this clock, in this thread."""
        token = _current.set(self)
        _listen()
        try:
            yield self
        finally:
            self._stage.close()
            _current.reset(token)

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        began, compiled = time.perf_counter(), self.compiling
        self._within.append(0.0)
        try:
            yield
        finally:
            took = time.perf_counter() - began
            inner = self._within.pop()
            compiling = self.compiling - compiled
            own = max(0.0, took - inner - compiling)
            self.seconds[name] = self.seconds.get(name, 0.0) + own
            if self._within:
                # Compilation is known to the outer part by itself.
                self._within[-1] += took - compiling

    def stage(self, name: str) -> None:
        """End the stage before, and begin a part that lasts until the next stage or the end of the run."""
        self._stage.close()
        self._stage.enter_context(self.part(name))

    @property
    def compiling(self) -> float:
        return sum(end - start for start, end in self._compiled)

    def compiled(self, seconds: float) -> None:
        """Note that something has just been traced or compiled; what it traced on the way was noted before."""
        end = time.perf_counter()
        while self._compiled and self._compiled[-1][0] >= end - seconds:
            self._compiled.pop()
        self._compiled.append((end - seconds, end))

    @property
    def parts(self) -> dict[str, float]:
        """The seconds of every part, compilation included."""
        return {**self.seconds, COMPILING: self.compiling}


_current: ContextVar[Clock | None] = ContextVar("clock", default=None)
_listening: list[bool] = []


@contextlib.contextmanager
def part(name: str) -> Iterator[None]:
    """Count what happens within for the running clock, if there is one."""
    clock = _current.get()
    if clock is None:
        yield
        return
    with clock.part(name):
        yield


def each(name: str, items: Iterable[Any]) -> Iterator[Any]:
    """The items, with the time it takes to get each of them counted."""
    coming = iter(items)
    while True:
        with part(name):
            try:
                item = next(coming)
            except StopIteration:
                return
        yield item


def timed(run: Callable[..., Any]) -> Callable[..., Any]:
    """Let `run(what, listener, ...)` be timed: the stages that its listener hears of are the clock's, too."""

    @functools.wraps(run)
    def running(what: Any, listener: Listener, *others: Any) -> Any:
        with Clock().running() as clock:
            return run(what, cast("Listener", _Timed(listener, clock)), *others)

    return running


def parts_so_far() -> dict[str, float]:
    """The seconds of every part that the running clock has counted; none where none is running."""
    clock = _current.get()
    return clock.parts if clock else {}


class _Timed:
    """A listener whose stages are counted by the clock, too."""

    def __init__(self, listener: Listener, clock: Clock) -> None:
        self.listener, self.clock = listener, clock

    def stage(self, what: str) -> None:
        self.clock.stage(what)
        self.listener.stage(what)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.listener, name)


def _listen() -> None:
    import jax

    if not _listening:  # jax keeps listeners for good
        jax.monitoring.register_event_duration_secs_listener(_heard)
        _listening.append(True)


def _heard(event: str, duration_secs: float, **kwargs: Any) -> None:
    clock = _current.get()
    if clock is not None and event.startswith(_EVENTS):
        clock.compiled(duration_secs)
