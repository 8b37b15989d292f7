"""The training loop: steps, evaluations, checkpoints, and the record of it all."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import jax
import numpy as np

from zoo.errors import RunError
from zoo.train.batches import Batches
from zoo.train.checkpoints import Checkpoint, Checkpoints
from zoo.train.clock import each, part
from zoo.train.directory import replace_text
from zoo.train.image_batches import ImageBatches
from zoo.train.interrupts import Interrupts, StoppedError
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


@dataclass
class Best:
    """The weights with the highest validation score so far, the earliest on ties; on the host."""

    score: float = float("-inf")
    step: int = 0
    weights: tuple[list[Any], list[Any]] | None = None

    def offer(self, score: float, step: int, weights: tuple[list[Any], list[Any]]) -> None:
        if score > self.score:
            self.score, self.step, self.weights = score, step, jax.device_get(weights)


@dataclass
class Standing:
    """Where a run stands, beside the values of its variables.

    Args:
        step: how many steps are done.
        best: the best weights so far.
        losses: those that no record holds yet.
        seconds: how long it has trained, in all its processes.
    """

    step: int = 0
    best: Best = field(default_factory=Best)
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def saved(self, state: State, journal: Journal) -> tuple[dict[str, Any], dict[str, Any]]:
        """The arrays and facts of a checkpoint."""
        arrays: dict[str, Any] = {"state": state}
        if self.best.weights is not None:
            arrays["best"] = self.best.weights
        facts = {
            "best": {"score": self.best.score, "step": self.best.step},
            "losses": self.losses,
            "seconds": self.seconds,
            "records": journal.records,
        }
        return arrays, facts

    @classmethod
    def restored(cls, found: Checkpoint) -> Standing:
        """Where the run stood when a checkpoint was saved."""
        best = Best(**found.facts["best"], weights=found.arrays.get("best"))
        return cls(found.step, best, found.facts["losses"], found.facts["seconds"])


class Loop:
    """Every step of a run, from where it stands to its end.

    Args:
        evaluate: scores the model as it is, on the validation examples; None keeps the last weights.
        rate_at: the learning rate of a step, for the record.
        progress: hears of every step.
        checkpoints: where the run is saved; None saves nothing.
        interrupts: what may ask it to stop.
    """

    def __init__(
        self,
        trainer: Trainer,
        batches: Batches | ImageBatches,
        evaluate: Callable[[], Scores] | None,
        journal: Journal,
        rate_at: Callable[[int], Any],
        progress: Progress,
        checkpoints: Checkpoints | None = None,
        interrupts: Interrupts | None = None,
    ) -> None:
        self.trainer, self.batches, self.evaluate, self.journal = trainer, batches, evaluate, journal
        self.checkpoints, self.interrupts = checkpoints, interrupts
        self.meter = _Meter(batches, journal, rate_at, progress)
        self.standing = Standing()
        self.state: State | None = None

    def resume(self) -> Checkpoint | None:
        """Stand where the newest sound checkpoint does, and give it; None where there is none, at the start."""
        state = self.trainer.state()
        templates = {"state": state, "best": jax.device_get(self.trainer.weights(state))}
        found = self.checkpoints.restore(templates) if self.checkpoints else None
        self.journal.begin(found.facts["records"] if found else [])
        if found:
            self.standing, self.state = Standing.restored(found), found.arrays["state"]
        return found

    def run(self) -> Standing:
        """Train to the end, evaluate after each epoch, and leave the model with its best weights.

        Raises a RunError where the loss is no longer a number, or a checkpoint cannot be saved; a StoppedError
        where it was asked to stop, once it is saved.
        """
        trainer, standing = self.trainer, self.standing
        state = self.state or trainer.state()
        began = time.perf_counter() - standing.seconds
        self.meter.restart(standing.losses)
        pending: Any = None
        for arrays, targets, weights in each("feeding", self.batches.stream(standing.step)):
            with part("computing"):
                state, loss = trainer.step(state, arrays, targets, weights)
            # One step late: reading this step's loss now would wait for it, and leave the device idle after.
            if pending is not None:
                self.meter.note(standing.step, pending)
            standing.step, pending = standing.step + 1, loss
            ends_epoch = standing.step % self.batches.per_epoch == 0
            if not (ends_epoch or self._saves()):
                continue
            self.meter.note(standing.step, pending)
            pending = None
            if ends_epoch and self.evaluate is not None:
                state = self._evaluated(state, self.evaluate)
            standing.seconds = time.perf_counter() - began
            with part("saving"):
                self._save(state)
        trainer.write_back(standing.best.weights or trainer.weights(state))
        return standing

    def _evaluated(self, state: State, evaluate: Callable[[], Scores]) -> State:
        weights, standing = self.trainer.weights(state), self.standing
        self.trainer.write_back(weights)
        with part("evaluating"):
            found = evaluate()
        epoch = standing.step / self.batches.per_epoch
        self.journal.add(step=standing.step, epoch=epoch, split="validation", **found.metrics)
        standing.best.offer(found.goal, standing.step, weights)
        self.meter.restart(standing.losses)
        return _owned(state)

    def _saves(self) -> bool:
        asked = self.interrupts is not None and self.interrupts.asked
        return bool(asked) or (self.checkpoints is not None and self.checkpoints.due(self.standing.step))

    def _save(self, state: State) -> None:
        asked, last = self.interrupts and self.interrupts.asked, self.standing.step == len(self.batches)
        if self.checkpoints is not None:
            if asked or last:
                self.checkpoints.wait()
            self.checkpoints.save(self.standing.step, *self.standing.saved(state, self.journal))
        if asked and not last:
            where = ""
            if self.checkpoints is not None:
                self.checkpoints.wait()
                where = f"Go on with: zoo finetune --resume {self.checkpoints.folder.parent}"
            raise StoppedError(
                f"Stopped at step {self.standing.step} of {len(self.batches)}.", fix=where, signal=asked
            )


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
        rate_at: Callable[[int], Any],
        progress: Progress,
    ) -> None:
        self.batches, self.journal = batches, journal
        self.every = max(1, len(batches) // _RECORDS)
        self.rate_at, self.progress = rate_at, progress

    def restart(self, losses: list[float]) -> None:
        """Start the clock anew: the time of an evaluation is not the training's.

        Args:
            losses: those that no record holds yet; they are added to, and emptied.
        """
        self.losses = losses
        self.since, self.steps = time.perf_counter(), 0

    def note(self, step: int, loss: Any) -> None:
        with part("computing"):
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
            self.losses.clear()
