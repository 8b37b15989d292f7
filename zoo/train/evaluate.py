"""Scoring a run on data it has not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.data.labels import check_known
from zoo.data.problems import PREFERENCE
from zoo.errors import Faults, ZooError
from zoo.train.readers import reader_for
from zoo.train.recipe import Recipe
from zoo.train.request import check_data
from zoo.train.run import Run


def evaluate(run: str | Path | Run, data: str | Path) -> dict[str, float]:
    """The scores of a run's model on a file, a folder of pictures, or the test rows of a registered data set.

    The columns are those the run was trained on. Raises a ZooError for rows without a label, and for labels
    that training never saw.
    """
    from zoo.train.reference import with_references
    from zoo.train.scores import score

    run = run if isinstance(run, Run) else Run(run)
    recipe = run.recipe
    task = recipe.model.task
    faults = Faults()
    check_data("--data", str(data), task, faults)
    faults.check("The data cannot be read.")
    examples = reader_for(task, recipe.data).read(str(data), "test")
    model = run.model()
    check_known(examples, model.labels, f"the run '{run.path}'")
    if examples.problem == PREFERENCE:
        examples = with_references(_before_training(recipe), examples, trained=model)
    return score(model, examples, beta=recipe.train.dpo_beta).metrics


def _before_training(recipe: Recipe) -> Any:
    """The model that a run started from. Raises a ZooError where its weights were random, and are not kept."""
    from zoo.loading import load

    if recipe.model.architecture or recipe.model.weights == "random":
        raise ZooError(
            "Preferences are measured against the model before training, and this one began with random weights.",
            fix="Train by preferences from a preset or from another run.",
        )
    return load(recipe.model.preset, task=recipe.model.task)
