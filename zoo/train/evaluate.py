"""Scoring a run on data it has not seen."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.data.labels import check_known
from zoo.data.problems import PREFERENCE
from zoo.errors import Faults, ZooError
from zoo.registry.code import dataset_names
from zoo.train.listener import Listener, Silent
from zoo.train.readers import reader_for
from zoo.train.recipe import DataKeys, Recipe
from zoo.train.request import check_data
from zoo.train.run import Run
from zoo.train.splits import Splits, check_answerable
from zoo.train.text_metrics import check_metrics

_OF_TRAINING = {field.name for field in dataclasses.fields(DataKeys) if field.metadata.get("of_training")}
"""The keys of `[data]` that an evaluation does not ask."""


def evaluate(
    run: str | Path | Run,
    data: str | Path,
    *,
    answers: Sequence[str] = (),
    max_new_tokens: int | None = None,
    limit: int | None = None,
    overrides: Sequence[str] = (),
    listener: Listener | None = None,
) -> dict[str, float]:
    """The scores of a run's model on a file, a folder of pictures, or the test rows of a registered data set.

    The columns are those the run was trained on, where nothing else is said.

    Args:
        answers, max_new_tokens, limit: of a language model, what its own answers to the rows' questions are
            measured by, as in a recipe's `[evaluate]`; what is left out is as the run's recipe has it.
        overrides: `data.key=value`, such as `data.text="body"`, what is read otherwise than in training.
        listener: hears what is left out of the data, where the run's recipe skips what is faulty, what is cut off
            of texts that are too long, and where the run has learned from these very rows.

    Raises a ZooError for rows without a label, and for labels that training never saw.
    """
    from zoo.train.answers import Questions, means
    from zoo.train.feeds import cut_off, learnable
    from zoo.train.reference import with_references
    from zoo.train.scoring import score

    listener = listener or Silent()
    run = run if isinstance(run, Run) else Run(run)
    faults = Faults()
    reading = [override for override in overrides if override.startswith("data.")]
    for override in overrides:
        table, _, key = override.partition("=")[0].strip().partition(".")
        if table != "data":
            faults.add(f"--set {override}: the model is trained; only keys of data can be changed")
        elif key.partition(".")[0] in _OF_TRAINING:
            faults.add(f"--set {override}: that is about training, and changes nothing here")
    try:
        recipe = run.changed_recipe(reading)
    except ZooError as error:
        recipe = run.recipe  # where that is at fault itself, it is told
        faults.found += error.why
    task = recipe.model.task
    check_data("--data", str(data), task, faults)
    if answers and task != "text-generation":
        faults.add(f"answers: {task} answers nothing; that is for text-generation")
    check_metrics("answers", answers, faults)
    faults.check("That cannot be evaluated.")
    asked = {"answers": tuple(answers), "max_new_tokens": max_new_tokens, "limit": limit}
    keys = dataclasses.replace(recipe.evaluate, **{key: value for key, value in asked.items() if value})
    reader = reader_for(task, recipe.data)
    examples = reader.held_out(reader.read(str(data), "test"))
    if keys.answers:
        check_answerable(examples)
    model = run.model()
    splits = learnable(recipe, model, Splits(examples, None, None, notes=reader.notes))
    examples = splits.train
    if _is_same(str(data), recipe.data.train):
        listener.fact("seen", f"the run learned from '{data}': these are no scores on new data")
    for note in splits.notes:
        listener.fact("left out", note)
    for name, value in cut_off(model, splits).items():
        listener.fact(name, value)
    check_known(examples, model.labels, f"the run '{run.path}'")
    if examples.problem == PREFERENCE:
        examples = with_references(_before_training(recipe, splits), examples, trained=model)
    questions = Questions(model, examples, keys)
    return score(model, examples, beta=recipe.train.dpo_beta).metrics | means(questions())


def _is_same(data: str, train: str) -> bool:
    """Whether both are one file or folder; of a data set, the test rows are measured."""
    try:
        return data not in dataset_names() and os.path.samefile(data, Path(train).expanduser())
    except (OSError, ValueError, RuntimeError):
        return False


def _before_training(recipe: Recipe, splits: Splits) -> Any:
    """The model that a run started from. Raises a ZooError where its weights were random, and are not kept."""
    from zoo.train.setup import make_base

    if recipe.model.architecture or recipe.model.weights == "random":
        raise ZooError(
            "Preferences are measured against the model before training, and this one began with random weights.",
            fix="Train by preferences from a preset or from another run.",
        )
    return make_base(recipe, splits, dtype="float32")  # as the trained model computes
