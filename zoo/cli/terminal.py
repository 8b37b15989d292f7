"""How a run is shown while it goes on."""

from __future__ import annotations

import signal
from types import TracebackType
from typing import Any


class Terminal:
    """Shows a run on stderr: what was found, then a bar with step, loss, examples/s and the time left.

    Where that is no terminal, there is no bar, of which nothing could be wiped away again.
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeRemainingColumn,
        )

        self.console = Console(stderr=True, highlight=False)
        self.baseline = ("", 0.0)
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task: Any = None

    def __enter__(self) -> Terminal:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def stage(self, what: str) -> None:
        if self.task is not None:
            self.progress.remove_task(self.task)
        self.task = self.progress.add_task(what, total=None, status="")

    def fact(self, name: str, value: str) -> None:
        from rich.markup import escape

        self.progress.print(f"[dim]{name:<10}[/dim] {escape(value)}", soft_wrap=True)

    def training(self, steps: int) -> None:
        self.progress.update(self.task, total=steps)

    def step(self, step: int, loss: float, examples_per_second: float) -> None:
        self.progress.update(
            self.task, completed=step, status=f"loss {loss:.3f}  {examples_per_second:.0f} examples/s"
        )

    def stopping(self) -> None:
        # The next ends even a step that computes for long, and nothing is told after it: the cursor is shown now.
        self.progress.stop()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self.progress.print("[dim]stopping[/dim]   as soon as this step is saved; Ctrl-C again stops at once")

    def result(self, label: str, share: float) -> None:
        self.baseline = (label, share)
