"""Who hears how a run goes on."""

from __future__ import annotations

from typing import Protocol


class Listener(Protocol):
    """Hears how a run goes on; the CLI's shows it on the terminal."""

    def stage(self, what: str) -> None:
        """A new stage has begun, such as `reading data`."""

    def fact(self, name: str, value: str) -> None:
        """Something worth knowing was found out."""

    def training(self, steps: int) -> None:
        """Training begins; it takes this many steps."""

    def step(self, step: int, loss: float, examples_per_second: float) -> None:
        """A step is done."""

    def stopping(self) -> None:
        """A signal asked the run to stop; it will when the step is done and saved. Called from a signal handler."""

    def result(self, label: str, share: float) -> None:
        """The run is done; always saying `label` would have reached this much."""


class Silent:
    """The listener that says nothing."""

    def stage(self, what: str) -> None: ...
    def fact(self, name: str, value: str) -> None: ...
    def training(self, steps: int) -> None: ...
    def step(self, step: int, loss: float, examples_per_second: float) -> None: ...
    def stopping(self) -> None: ...
    def result(self, label: str, share: float) -> None: ...
