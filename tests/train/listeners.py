"""Listeners for runs in this process: one that remembers what it was told, one that cuts a run off."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from zoo.train.checkpoints import SAVING, saved_steps
from zoo.train.listener import Silent


class Heard(Silent):
    """Remembers what it was told; of facts, all values under each name, in their order."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.facts: dict[str, list[str]] = {}
        self.steps: list[int] = []
        self.total = 0
        self.baseline = ("", 0.0)

    def stage(self, what: str) -> None:
        self.stages.append(what)

    def fact(self, name: str, value: str) -> None:
        self.facts.setdefault(name, []).append(value)

    def training(self, steps: int) -> None:
        self.total = steps

    def step(self, step: int, loss: float, examples_per_second: float) -> None:
        self.steps.append(step)

    def stopping(self) -> None:
        self.stages.append("stopping")

    def result(self, label: str, share: float) -> None:
        self.baseline = (label, share)


class CutError(Exception):
    """Ends a run as a fault of zoo's own would."""


class Cutting(Silent):
    """Cuts a run off: `Cutting(run, {4: 3, 6: 5})` ends it at step 6, with the checkpoint of step 5.

    At every step that is named the checkpoint beside it is whole before the run goes on.
    """

    def __init__(self, run: Path, saved: Mapping[int, int]) -> None:
        self.run, self.saved = run, saved

    def step(self, step: int, loss: float, examples_per_second: float) -> None:
        if step in self.saved:
            until_all_is_saved()
            assert self.saved[step] in saved_steps(self.run / "checkpoints")
        if step == max(self.saved):
            raise CutError


def until_all_is_saved() -> None:
    """Wait until the last checkpoint is whole, the older ones are gone, and the next can be saved."""
    for thread in threading.enumerate():
        if thread.name == SAVING:
            thread.join()
