"""`train.batch_size = "auto"` and `train.budget`: what they come to on this device, by the compiled step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.backend import abstractly
from zoo.errors import ZooError
from zoo.train.listener import Listener
from zoo.train.recipe import AUTO_EXAMPLES, Recipe, TrainKeys
from zoo.train.splits import Splits

if TYPE_CHECKING:
    from zoo.train.order import Plan

SPARE = 0.95
"""The share of the device's memory that a step may take; the rest is the runtime's own."""

_BUDGET = re.compile(r"(?:(\d+(?:\.\d+)?) ?h)? ?(?:(\d+(?:\.\d+)?) ?min)? ?(?:(\d+(?:\.\d+)?) ?s)?")


def budget_seconds(text: str) -> float:
    """The seconds of a budget such as `90s`, `20min`, `1.5h` or `1h 30min`; 0 for what is none."""
    match = _BUDGET.fullmatch(text.strip())
    hours, minutes, seconds = (float(x or 0) for x in match.groups()) if match else (0.0, 0.0, 0.0)
    return 3600 * hours + 60 * minutes + seconds


@dataclass(frozen=True)
class Rehearsal:
    """A recipe's step, compiled for its largest batch without a weight: a part of it, where it accumulates.

    Args:
        splits: the examples, without what is left out of them once they are tokens.
        model, batches: built of shapes; good for compiling only.
        batch: the largest batch.
        step: the `Footprint`.
    """

    splits: Splits
    model: Any
    batches: Any
    batch: Any
    step: Any

    @property
    def forward(self) -> float:
        """What evaluating one example costs, in largest batches: with the backward pass it is three times that."""
        return self.batches.work / len(self.batches.targets) / 3

    def per_step(self, keys: TrainKeys, plan: Plan) -> float:
        """What a step costs, with its share of the evaluations that come on the way, in largest batches."""
        often = 1 / plan.per_epoch + (1 / keys.evaluate_steps if keys.evaluate_steps else 0)
        return self.batches.work / plan.per_epoch + len(self.splits.validation or ()) * self.forward * often


def rehearse(recipe: Recipe, splits: Splits) -> Rehearsal:
    """Build model and optimizer of shapes, and compile the step for the largest batch."""
    from zoo.train.feeds import learnable, make_batches
    from zoo.train.footprint import footprint
    from zoo.train.order import make_plan
    from zoo.train.setup import make_model, trainer_for

    def make() -> Any:
        model = make_model(recipe, splits, "random")
        kept = learnable(recipe, model, splits)
        batches = make_batches(recipe, model, kept)
        steps = len(make_plan(recipe.train, batches.per_epoch))
        trainer, _ = trainer_for(recipe, model, steps, kept.train)
        return kept, model, batches, trainer

    (kept, model, batches, trainer), start = abstractly(make, lambda made: made[3].start())
    batch, keys = batches.batch(batches.largest), recipe.train
    step = footprint(trainer, start, batch, accumulates=keys.accumulate > 1, watched=bool(keys.callbacks))
    return Rehearsal(kept, model, batches, batch, step)


def fitted(recipe: Recipe, splits: Splits, listener: Listener) -> Recipe:
    """The recipe with `batch_size` as a number and `budget` as steps.

    `auto` keeps a step's examples, 32 times `accumulate`, and computes them in the largest parts that fit.
    A budget is what training takes, evaluations included; compiling and loading are not in it.

    Raises a ZooError where not even one example fits, or the budget is less than a step takes.
    """
    if recipe.train.batch_size == "auto":
        recipe = _fit_batch(recipe, splits, listener)
    return _fit_budget(recipe, splits, listener) if recipe.train.budget else recipe


def _fit_batch(recipe: Recipe, splits: Splits, listener: Listener) -> Recipe:
    from zoo.train.footprint import device_memory

    listener.stage("finding the batch size")
    keys, step = recipe.train, None
    for parts in (1, 2, 4, 8, 16, 32):
        size = AUTO_EXAMPLES // parts
        tried = recipe.replace("train", batch_size=size, accumulate=parts * keys.accumulate, budget="")
        step = rehearse(tried, splits).step
        if step.peak <= SPARE * device_memory():
            listener.fact("batch size", f"{size}" + (f", {parts} to a step" if parts > 1 else ""))
            return tried.replace("train", budget=keys.budget)
    assert step is not None
    raise ZooError(
        "Not even one example fits in memory.",
        why=f"the step takes {step.peak / 2**20:,.0f} MiB, {step.held / 2**20:,.0f} MiB of it for the weights",
        fix='Choose a smaller model, a shorter data.max_length, or train.freeze = "backbone".',
    )


def _fit_budget(recipe: Recipe, splits: Splits, listener: Listener) -> Recipe:
    from zoo.train.order import make_plan

    listener.stage("timing the step, on zeros")
    keys, rehearsal = recipe.train, rehearse(recipe, splits)
    plan = make_plan(keys, rehearsal.batches.per_epoch)
    per_step = rehearsal.step.seconds(rehearsal.batch) * rehearsal.per_step(keys, plan)
    steps = int(budget_seconds(keys.budget) / per_step)
    if steps < 1:
        raise ZooError(
            f"train.budget = '{keys.budget}' is less than one step takes: {per_step:.1f} s.",
            fix="Give it more time, or a smaller train.batch_size.",
        )
    epochs = steps / plan.per_epoch
    listener.fact("budget", f"{keys.budget}: {steps:,} steps of {per_step:.3g} s, {epochs:.1f} epochs")
    return recipe.replace("train", steps=steps, budget="")
