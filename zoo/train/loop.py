"""The training loop: steps, evaluations, and the record of both."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jax
import numpy as np

from zoo.errors import RunError
from zoo.train.batches import Batches
from zoo.train.image_batches import ImageBatches
from zoo.train.scores import Scores
from zoo.train.step import State, Trainer

_RECORDS = 100  # training records a run leaves, about: enough for a curve, few enough to read


class Progress(Protocol):
    """What shows a run's progress to people."""

    def __call__(self, step: int, loss: float, examples_per_second: float) -> None: ...


class Journal:
    """`metrics.jsonl`: one record a line, written as it happens."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: list[dict[str, Any]] = []

    def add(self, **record: Any) -> None:
        self.records.append(record)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


@dataclass
class Best:
    """The weights with the highest validation score so far, the earliest on ties; on the host."""

    score: float = float("-inf")
    step: int = 0
    weights: tuple[list[Any], list[Any]] | None = None

    def offer(self, score: float, step: int, weights: tuple[list[Any], list[Any]]) -> None:
        if score > self.score:
            self.score, self.step, self.weights = score, step, jax.device_get(weights)


def train(
    trainer: Trainer,
    batches: Batches | ImageBatches,
    evaluate: Callable[[], Scores] | None,
    journal: Journal,
    rate_at: Callable[[int], Any],
    progress: Progress,
) -> Best:
    """Run every step, evaluate after each epoch, and leave the model with its best weights.

    Args:
        evaluate: scores the model as it is, on the validation examples; None keeps the last weights.
        rate_at: the learning rate of a step, for the record.

    Raises a RunError where the loss is no longer a number.
    """
    state, best = trainer.state(), Best()
    every = max(1, len(batches) // _RECORDS)
    meter = _Meter(batches, journal, every, rate_at, progress)
    pending: tuple[int, Any] | None = None
    for k, (arrays, targets, weights) in enumerate(batches.stream()):
        state, loss = trainer.step(state, arrays, targets, weights)
        # One step late: reading this step's loss now would wait for it, and leave the device idle after.
        if pending:
            meter.note(*pending)
        pending = (k + 1, loss)
        if (k + 1) % batches.per_epoch == 0:
            meter.note(*pending)
            pending = None
            trainer.write_back(trainer.weights(state))
            if evaluate is not None:
                found = evaluate()
                epoch = (k + 1) // batches.per_epoch
                journal.add(step=k + 1, epoch=float(epoch), split="validation", **found.metrics)
                best.offer(found.goal, k + 1, trainer.weights(state))
                meter.restart()
            state = _owned(state)
    if best.weights is not None:
        trainer.write_back(best.weights)
    return best


def _owned(state: State) -> State:
    # The model's variables now hold these buffers, and the next step gives its own away.
    trainable, fixed, slots, average = state
    return [x.copy() for x in trainable], [x.copy() for x in fixed], slots, [x.copy() for x in average]


class _Meter:
    """Reads losses as they become known, and passes them on."""

    def __init__(
        self,
        batches: Batches | ImageBatches,
        journal: Journal,
        every: int,
        rate_at: Callable[[int], Any],
        progress: Progress,
    ) -> None:
        self.batches, self.journal, self.every = batches, journal, every
        self.rate_at, self.progress = rate_at, progress
        self.losses: list[float] = []
        self.restart()

    def restart(self) -> None:
        """Start the clock anew: the time of an evaluation is not the training's."""
        self.since, self.steps = time.perf_counter(), 0

    def note(self, step: int, loss: Any) -> None:
        value = float(np.asarray(loss))
        if not np.isfinite(value):
            raise RunError(
                f"Training diverged: the loss of step {step} is {value}.",
                fix="Lower train.learning_rate, or lengthen train.warmup.",
            )
        self.losses.append(value)
        self.steps += 1
        speed = self.steps * self.batches.size / (time.perf_counter() - self.since)
        self.progress(step, value, speed)
        if step % self.every == 0 or step == len(self.batches):
            self.journal.add(
                step=step,
                epoch=round(step / self.batches.per_epoch, 4),
                loss=round(sum(self.losses) / len(self.losses), 6),
                learning_rate=float(self.rate_at(step - 1)),
                examples_per_second=round(speed, 2),
            )
            self.losses = []
