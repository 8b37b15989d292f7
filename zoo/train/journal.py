"""The record of a run: `metrics.jsonl`, and the meter that reads off speed and mean losses for it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from zoo.train.directory import replace_text
from zoo.train.order import Plan

_RECORDS = 100  # training records a run leaves, about: enough for a curve, few enough to read


class Progress(Protocol):
    """What shows a run's progress to people."""

    def __call__(self, step: int, loss: float, examples_per_second: float) -> None: ...


class Journal:
    """`metrics.jsonl`: one record a line, written as it happens."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: list[dict[str, Any]] = []
        self.heard_by: list[Callable[[dict[str, Any]], None]] = []

    def add(self, **record: Any) -> None:
        self.records.append(record)
        for hear in self.heard_by:
            hear(record)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def begin(self, records: list[dict[str, Any]]) -> None:
        """Hold these records and no others, whatever stood there: what came after them is done again."""
        self.records = list(records)
        replace_text(self.path, "".join(json.dumps(record) + "\n" for record in records))


class Meter:
    """Reads losses as they become known, and passes them on."""

    def __init__(
        self,
        plan: Plan,
        size: int,
        journal: Journal,
        rate_at: Callable[[int], Any],
        progress: Progress,
        told: Sequence[str],
    ) -> None:
        self.plan, self.size, self.journal, self.told = plan, size, journal, told
        self.every = max(1, len(plan) // _RECORDS)
        self.rate_at, self.progress = rate_at, progress

    def restart(self, losses: list[Any]) -> None:
        """Start the clock anew: the time of an evaluation is not the training's.

        Args:
            losses: as `Standing.losses`; they are added to, and emptied.
        """
        self.losses = losses
        self.since, self.steps = time.perf_counter(), 0

    def note(self, step: int, loss: float, told: Any) -> None:
        """Hear of a step.

        Args:
            told: its loss, or a list of that and what else is told of it.
        """
        self.losses.append(told)
        self.steps += 1
        speed = self.steps * self.size / (time.perf_counter() - self.since)
        self.progress(step, loss, speed)
        if step % self.every == 0 or step == len(self.plan):
            means = np.atleast_1d(np.mean(self.losses, axis=0))
            self.journal.add(
                step=step,
                epoch=round(step / self.plan.per_epoch, 4),
                **{name: round(float(mean), 6) for name, mean in zip(("loss", *self.told), means, strict=True)},
                learning_rate=float(self.rate_at(step - 1)),
                examples_per_second=round(speed, 2),
            )
            self.losses.clear()
