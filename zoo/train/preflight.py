"""Whether a run's step fits in memory, by the program that then computes it: before any weight is fetched, and last
before the first step."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax

from zoo.errors import ZooError
from zoo.train.advice import fitting
from zoo.train.fitting import SPARE, Rehearsal, rehearse
from zoo.train.footprint import Footprint, device_memory, footprint
from zoo.train.order import Plan
from zoo.train.recipe import Recipe
from zoo.train.splits import Splits
from zoo.train.step import Trainer, shapes_of


def prepared(recipe: Recipe, trainer: Trainer, batches: Any, plan: Plan, *, watched: bool = False) -> Trainer:
    """The trainer with its step compiled for the largest batch. Nothing is computed, and nothing compiled twice.

    Args:
        watched: there are callbacks.

    Raises a ZooError where the step does not fit in memory.
    """
    accumulates = plan.accumulate > 1
    batch, start = batches.batch(batches.largest), jax.eval_shape(trainer.start)
    step = footprint(trainer, start, batch, accumulates=accumulates, watched=watched)
    check_fits(recipe, step, batches.size, device_memory(step.held - step.copied))
    return dataclasses.replace(
        trainer, ready={("add" if accumulates else "step", *shapes_of(batch)): step.compiled}
    )


def foreseen(recipe: Recipe, splits: Splits) -> Rehearsal:
    """What `prepared` looks at, before any weight is fetched. Raises a ZooError where the step does not fit."""
    rehearsal = rehearse(recipe, splits)
    check_fits(recipe, rehearsal.step, rehearsal.batches.size, device_memory())
    return rehearsal


def check_fits(recipe: Recipe, step: Footprint, examples: int, memory: int) -> None:
    """Raise a ZooError where a step of so many examples takes more than these bytes."""
    if step.peak > SPARE * memory:
        raise ZooError(
            f"The training step does not fit in memory: it takes {size(step.peak)}, and {size(memory)} are free.",
            why=[
                f"weights and optimizer: {size(step.held)}, a batch of {examples}: {size(step.working)}",
                f"the device is {jax.devices()[0].device_kind}",
            ],
            fix=fitting(recipe, step, SPARE * memory),
        )


def size(count: float) -> str:
    """Bytes for people: `1.6 GiB`."""
    return f"{count / 2**30:,.1f} GiB" if count >= 2**29 else f"{count / 2**20:,.0f} MiB"
