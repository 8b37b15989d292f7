"""`zoo.check`: what a recipe would do, found out before any weight is fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.train.finetune import resolve
from zoo.train.inspection import class_counts, data_facts
from zoo.train.listener import Listener, Silent
from zoo.train.recipe import Recipe
from zoo.train.splits import Splits, read_splits

if TYPE_CHECKING:
    from zoo.train.shown import Shown


@dataclass(frozen=True)
class Check:
    """What a recipe would do.

    Args:
        data: what was found in the data, as names and values.
        rows: the rows of each split.
        classes: how often each label occurs in training.
        warnings: what speaks against the data.
        parameters: the weights, and how many of them are trained.
        peak_bytes: what a step takes at its highest, of `memory_bytes` that the device has.
        flops_per_step: floating-point operations of a step of the largest batches.
        steps: the optimiser steps of the run.
        seconds_per_step: measured on this device: the compiled step on the largest batch, with zeros for weights;
            where steps accumulate, of one batch.
        seconds: the time that training will take, evaluations included; start-up and compilation are not.
        advice: the one change that would help most; empty where none would.
        examples: the first training examples as tokens, as many as were asked for.
    """

    recipe: Recipe
    data: dict[str, str]
    rows: dict[str, int]
    classes: dict[str, int]
    warnings: list[str]
    parameters: int
    trainable: int
    peak_bytes: int
    memory_bytes: int
    flops_per_step: float
    steps: int
    seconds_per_step: float
    seconds: float
    device: str
    advice: str = field(default="")
    examples: list[Shown] = field(default_factory=list)

    def written(self) -> dict[str, Any]:
        """The check as plain values, for JSON."""
        found = asdict(self)
        found["recipe"] = self.recipe.written()
        return found


def check(
    recipe: Recipe | str | Path,
    *,
    data: Any = None,
    task: str | None = None,
    overrides: Sequence[str] = (),
    show: int = 0,
    listener: Listener | None = None,
) -> Check:
    """Look at a recipe's data, and compile its training step, without fetching or holding a weight.

    The arguments are those of `zoo.finetune`. Nothing is written, but for the compiled program in the cache, where
    `zoo.finetune` finds it again.

    Args:
        show: how many of the training examples to give as tokens.

    Raises:
        ZooError: recipe or data are wrong, nothing can be learned from the labels, or the step does not fit in
            the device's memory.
    """
    from zoo.train.setup import check_prepares

    listener = listener or Silent()
    recipe = resolve(recipe, data=data, task=task, overrides=overrides)
    check_prepares(recipe)
    listener.stage("reading data")
    splits = read_splits(recipe)
    return _check(recipe, splits, show, listener)


def _check(recipe: Recipe, splits: Splits, show: int, listener: Listener) -> Check:
    import jax
    import numpy as np

    from zoo.train.advice import advice
    from zoo.train.feeds import feed_facts
    from zoo.train.fitting import fitted
    from zoo.train.footprint import device_memory
    from zoo.train.order import make_plan
    from zoo.train.preflight import foreseen
    from zoo.train.setup import normalisation_facts, written_facts
    from zoo.train.shown import first_examples

    recipe = fitted(recipe, splits, listener)
    listener.stage("compiling the step on the longest batch")
    rehearsal = foreseen(recipe, splits)
    splits, model, batches = rehearsal.splits, rehearsal.model, rehearsal.batches
    step, batch = rehearsal.step, rehearsal.batch
    plan = make_plan(recipe.train, batches.per_epoch)
    listener.stage("timing the step, on zeros")
    seconds_per_step = step.seconds(batch)
    last = len(splits.held_out[1]) * rehearsal.forward
    seconds = seconds_per_step * (len(plan) * rehearsal.per_step(recipe.train, plan) + last)
    counts = {
        name: sum(int(np.prod(v.shape)) for v in group)
        for name, group in (("all", model.weights), ("trained", model.trainable_variables))
    }
    found = Check(
        recipe=recipe,
        data=data_facts(splits)
        | feed_facts(batches)
        | normalisation_facts(recipe, model)
        | written_facts(model, splits.train),
        rows={name: len(part) for name, part in splits.parts.items()},
        classes=class_counts(splits.train),
        warnings=splits.warnings,
        parameters=counts["all"],
        trainable=counts["trained"],
        peak_bytes=step.peak,
        memory_bytes=device_memory(),
        flops_per_step=step.flops * recipe.train.accumulate,
        steps=len(plan),
        seconds_per_step=seconds_per_step,
        seconds=seconds,
        device=jax.devices()[0].device_kind,
        examples=first_examples(model, batches, splits.train, show) if show else [],
    )
    return Check(**{**vars(found), "advice": advice(found, splits, batches)})
