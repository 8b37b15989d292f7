"""The training loop: steps, evaluations, checkpoints, and the record of it all."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from zoo.errors import some
from zoo.train.batches import Batches
from zoo.train.callbacks import Callbacks
from zoo.train.checkpoints import Checkpoint, Checkpoints, last_good, saved_steps
from zoo.train.clock import each, part
from zoo.train.image_batches import ImageBatches
from zoo.train.interrupts import Interrupts, StoppedError
from zoo.train.journal import Journal, Meter, Progress
from zoo.train.order import Plan
from zoo.train.scores import DivergedError, Scores
from zoo.train.standing import Standing
from zoo.train.step import State, Trainer, all_finite
from zoo.train.watch import LASTING


class Loop:
    """Every step of a run, from where it stands to its end.

    Args:
        plan: which batches make up each step.
        evaluate: scores the model as it is, on the validation examples; None keeps the last weights.
        rate_at: the learning rate of a step, for the record.
        progress: hears of every step.
        checkpoints: where the run is saved; None saves nothing.
        interrupts: what may ask it to stop.
        every: evaluate after so many steps, too; 0 for each epoch's end only.
        patience: stop after so many evaluations without a better score; 0 for never.
        callbacks: Keras callbacks.
        name: says what a step was made of, for messages; it takes the numbers of the step's examples.
    """

    def __init__(
        self,
        trainer: Trainer,
        batches: Batches | ImageBatches,
        plan: Plan,
        evaluate: Callable[[], Scores] | None,
        journal: Journal,
        rate_at: Callable[[int], Any],
        progress: Progress,
        checkpoints: Checkpoints | None = None,
        interrupts: Interrupts | None = None,
        *,
        every: int = 0,
        patience: int = 0,
        callbacks: Callbacks | None = None,
        name: Callable[[Sequence[int]], str] = lambda members: f"examples {some(members)}",
    ) -> None:
        self.trainer, self.batches, self.plan = trainer, batches, plan
        self.evaluate, self.journal = evaluate, journal
        self.checkpoints, self.interrupts = checkpoints, interrupts
        self.every, self.patience, self.name = every, patience, name
        self.callbacks = callbacks or Callbacks((), trainer.model, trainer.optimizer, plan)
        self.meter = Meter(plan, batches.size * plan.accumulate, journal, rate_at, progress, trainer.told)
        self.standing = Standing()
        self.state: State | None = None
        self.owed = False

    def resume(self) -> Checkpoint | None:
        """Stand where the newest sound checkpoint does, and give it; None where there is none, at the start."""
        state = self.trainer.state()
        templates = {"state": state, "best": jax.device_get(self.trainer.weights(state))}
        found = self.checkpoints.restore(templates) if self.checkpoints else None
        self.journal.begin(found.facts["records"] if found else [])
        if found:
            self.standing, self.state = Standing.restored(found), found.arrays["state"]
            self.callbacks.restore(found.facts["callbacks"])
            self.batches.skipped.update(found.facts.get("skipped", ()))
        return found

    def run(self) -> Standing:
        """Train to the end, evaluate after each epoch, and leave the model with its best weights.

        Raises a RunError where the loss is no longer a number, or a checkpoint cannot be saved; a StoppedError
        where it was asked to stop, once it is saved.
        """
        trainer, standing = self.trainer, self.standing
        state, first = self.state or trainer.state(), standing.step + 1
        self._show(state)
        self.callbacks.begin()
        began = time.perf_counter() - standing.seconds
        self.meter.restart(standing.losses)
        pending: Any = None
        for parts in each("feeding", self._steps()):
            with part("computing"):
                state, means = trainer.advance(state, parts)
            # One step late: reading this step's loss now would wait for it, and leave the device idle after.
            if pending is not None:
                self._note(pending)
            standing.step, pending = standing.step + 1, means
            if self.callbacks.reads_weights:
                self._show(state)
            # The first is read at once: whether it learns at all should not take a second step to know.
            if self.callbacks.reads_weights or standing.step == first:
                self._note(pending)
                pending = None
            if not (self._evaluates() or self._saves()):
                continue
            if pending is not None:
                self._note(pending)
                pending = None
            if not all_finite(state[0]):  # the loss was, before this step
                raise self._diverged(f"the weights after step {standing.step} are not numbers")
            if self._evaluates() and (self.evaluate or self.callbacks):
                self._look_at(state)
            standing.seconds = time.perf_counter() - began
            if self._saves():
                with part("saving"):
                    self._save(state)
        trainer.write_back(standing.best.weights or trainer.weights(state))
        self.callbacks.end()
        return standing

    def _steps(self) -> Iterator[list[Any]]:
        """The batches of each step, from where the run stands; it may come to stand at its end before."""
        if self._ends():
            return
        with contextlib.closing(self.batches.stream(self.plan.members(self.standing.step).start)) as stream:
            while not self._ends():
                yield list(itertools.islice(stream, len(self.plan.members(self.standing.step))))

    @property
    def gives_up(self) -> bool:
        """Whether it waited for a better score as long as it is to."""
        return bool(self.patience) and self.standing.waited >= self.patience

    def _ends(self) -> bool:
        step = self.standing.step
        return self.gives_up or self.callbacks.stopped(step) or step >= len(self.plan)

    def _ends_epoch(self) -> bool:
        return self.standing.step % self.plan.per_epoch == 0 or self._ends()

    def _evaluates(self) -> bool:
        return self._ends_epoch() or (bool(self.every) and self.standing.step % self.every == 0)

    def _note(self, means: Any) -> None:
        """Read the loss of the last step that was noted as done, and what else is told of it."""
        step = self.standing.step
        with part("computing"):
            told = np.asarray(means)
        value = float(told.flat[0])
        if not np.isfinite(value):
            raise self._diverged(f"the loss of step {step} or its gradient is not a number")
        self.meter.note(step, value, told.tolist())
        if self.standing.watch.exploded(step, value):
            since = step - LASTING + 1
            what = f"each loss since step {since} is more than ten times any of the first, up to {value:.4g}"
            # The weights that it is the loss of are what the step before it left.
            raise self._diverged(what, since - 1)
        self.callbacks.step(step, value)

    def _diverged(self, what: str, step: int = 0) -> DivergedError:
        """The error, which tells of the step that did it; without one, of that which was done last."""
        which, step = f"step {step}" if step else "the step", step or self.standing.step
        members = self._members(step - 1)
        return DivergedError(
            f"Training diverged: {what}.",
            why=[f"{which} saw {self.name(members)}", *self._last_good(step)],
            fix="Lower train.learning_rate, or lengthen train.warmup; look at these examples if neither helps.",
        )

    def _members(self, step: int) -> list[int]:
        """The numbers of the examples that a step saw."""
        return [int(n) for k in self.plan.members(step) for n in self.batches.members(k)]

    def _last_good(self, step: int) -> list[str]:
        """What there is to say of the checkpoints from before a step was done."""
        if not self.checkpoints:
            return []
        return [last_good([saved for saved in saved_steps(self.checkpoints.folder) if saved < step])]

    def _look_at(self, state: State) -> None:
        """Evaluate the model as it stands, and let the callbacks look at it."""
        self._show(state)
        scores = self._evaluated(self.trainer.weights(state), self.evaluate) if self.evaluate else {}
        if self._ends_epoch():
            self.callbacks.end_of_epoch(self.standing.step, scores)

    def _show(self, state: State) -> None:
        """Let the model and the optimizer hold the state's values.

        The next step gives these away. Callbacks, which may look at any time, are given copies; all others have
        looked by then, and memory need not hold the weights twice.
        """
        self.trainer.write_back((*self.trainer.weights(state), state[2]), copied=bool(self.callbacks))

    def _evaluated(self, weights: Any, evaluate: Callable[[], Scores]) -> dict[str, float]:
        standing = self.standing
        self.callbacks.evaluating()
        try:
            with part("evaluating"):
                found = evaluate()
        except DivergedError as error:
            raise self._diverged(f"the outputs after step {standing.step} are not numbers") from error
        epoch = round(standing.step / self.plan.per_epoch, 4)
        self.journal.add(step=standing.step, epoch=epoch, split="validation", **found.metrics)
        better = standing.best.offer(found.goal, standing.step, weights)
        standing.waited = 0 if better else standing.waited + 1
        self.meter.restart(standing.losses)
        self.callbacks.evaluated(standing.step, found.metrics)
        return found.metrics

    def _saved(self, state: State) -> tuple[dict[str, Any], dict[str, Any]]:
        """The arrays and facts of a checkpoint."""
        arrays: dict[str, Any] = {"state": state}
        if self.standing.best.weights is not None:
            arrays["best"] = self.standing.best.weights
        facts = {"records": self.journal.records, "callbacks": self.callbacks.saved()}
        return arrays, {**self.standing.facts(), **facts, "skipped": sorted(self.batches.skipped)}

    def _saves(self) -> bool:
        asked = self.interrupts is not None and self.interrupts.asked
        kept = self.checkpoints
        due = kept is not None and (kept.due(self.standing.step) or (self.owed and not kept.busy))
        return bool(asked) or due or self._ends_epoch()

    def _save(self, state: State) -> None:
        asked, last = self.interrupts and self.interrupts.asked, self._ends()
        if self.checkpoints is not None:
            if asked or last:
                self.checkpoints.wait()
            # While the loss is above all measure, what is saved would push out the last good checkpoints.
            may = asked or last or not self.standing.watch.above
            self.owed = not (may and self.checkpoints.save(self.standing.step, *self._saved(state)))
        if asked and not last:
            where = ""
            if self.checkpoints is not None:
                self.checkpoints.wait()
                where = f"Go on with: zoo finetune --resume {self.checkpoints.folder.parent}"
            raise StoppedError(
                f"Stopped at step {self.standing.step} of {len(self.plan)}.", fix=where, signal=asked
            )
