"""What can be known of a recipe without opening anything: names, paths and combinations, all faults at once."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.data.readers import check_readable
from zoo.errors import Faults, ZooError, did_you_mean
from zoo.hub.source import Source, is_url
from zoo.registry.code import dataset_names, tasks_of
from zoo.registry.plugins import known_tasks
from zoo.registry.presets import find_preset, is_preset, presets
from zoo.train.recipe import Recipe
from zoo.train.recipe_file import shipped_recipes

TRAINABLE = ("text-classification",)
"""The tasks that a recipe can train; the others train with `model.fit`, where they have a loss."""


def check_request(recipe: Recipe, faults: Faults) -> None:
    """Add to `faults` everything that is wrong with the names and paths of a recipe."""
    _check_model(recipe, faults)
    data = recipe.data
    for name, value in (("data.train", data.train), ("data.test", data.test)):
        if value:
            _check_data(name, value, faults)
    if isinstance(data.validation, str):
        _check_data("data.validation", data.validation, faults)
    elif data.validation is not None and not 0 <= data.validation < 1:
        faults.add(f"data.validation = {data.validation}: a share from 0 up to 1, or a file, is needed")
    if recipe.output.dir:
        _check_output(Path(recipe.output.dir).expanduser(), faults)


def _check_model(recipe: Recipe, faults: Faults) -> None:
    name, task = recipe.model.preset, recipe.model.task
    try:
        if is_url(name):
            Source.parse(name)
        elif is_preset(name):
            can = tasks_of(find_preset(name))
            if task in TRAINABLE and task not in can:
                faults.add(f"model.task: '{name}' cannot do '{task}', only {', '.join(can)}")
        elif name and not Path(name).expanduser().is_dir():
            # A recipe too, because 'zoo finetune quikstart' asks for neither.
            names = [*(preset.name for preset in presets()), *shipped_recipes()]
            faults.add(f"model.preset: there is no preset '{name}'.{did_you_mean(name, names)}")
    except ZooError as error:
        faults.add(f"model.preset: {error.what}")
    if task not in known_tasks():
        faults.add(f"model.task: there is no task '{task}'.{did_you_mean(task, known_tasks())}")
    elif task not in TRAINABLE:
        faults.add(f"model.task: a recipe cannot train '{task}', only {', '.join(TRAINABLE)}")


def _check_data(name: str, value: str, faults: Faults) -> None:
    if value in dataset_names():
        return
    near = did_you_mean(value, dataset_names())
    if near and not Path(value).exists():
        faults.add(f"{name}: there is no file and no data set '{value}'.{near}")
    else:
        check_readable(value, faults, name)


def _check_output(folder: Path, faults: Faults) -> None:
    if (folder / "recipe.toml").exists():
        faults.add(f"output.dir: '{folder}' already holds a run; choose another directory, or remove it")
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        faults.add(f"output.dir: '{folder}' is not an empty directory")
    else:
        there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        if not (there.is_dir() and os.access(there, os.W_OK)):
            faults.add(f"output.dir: '{folder}' cannot be made, because '{there}' cannot be written to")
