"""`zoo.finetune`: from a recipe to a run directory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.data.hub_data import is_hub_data, short_name
from zoo.errors import ZooError
from zoo.train.listener import Listener, Silent
from zoo.train.recipe import Recipe
from zoo.train.recipe_file import make_recipe, read_recipe, shipped_recipes, toml_value
from zoo.train.request import complete
from zoo.train.run import Run


def finetune(
    recipe: Recipe | str | Path | None = None,
    *,
    resume: str | Path | Run | None = None,
    data: Any = None,
    task: str | None = None,
    output: str | Path | None = None,
    overrides: Sequence[str] = (),
    listener: Listener | None = None,
    callbacks: Sequence[Any] = (),
) -> Run:
    """Fine-tune a model as a recipe says, and leave a run directory.

    While it trains, the run is saved to `checkpoints/`: at each epoch's end, as `train.checkpoint_steps` and
    `train.checkpoint_minutes` say, and when SIGINT or SIGTERM asks it to stop.

    Args:
        recipe: a `Recipe`, a recipe file, the name of a shipped recipe, or a preset (then `data` is needed).
        resume: in place of all others: a run that was cut off, or its directory. It goes on to the very weights
            it would have reached; one that has no checkpoint yet starts over.
        data: short for `data.train`; or the rows themselves: a data frame, an Arrow table, a dict of columns, or an
            iterable of dicts or tuples (`zoo.data.in_memory`).
        task: short for `model.task`.
        output: short for `output.dir`.
        overrides: `table.key=value`, as on the command line.
        listener: hears the progress.
        callbacks: Keras callbacks, called in order when a step's loss is known, which is one step late but for the
            first. In the hooks of a batch the model holds the weights of the last evaluation, unless a callback has
            `reads_weights = True`: the device waits for it. One with `state_dict()` and `load_state_dict(state)`
            resumes with the run. The rate is that of the recipe's schedule; a callback cannot set it.

    Raises:
        ZooError: recipe, data or files are wrong, all faults of one kind at once; then nothing is written. Or
            what a run was made from has changed since it was cut off.
        RunError: training diverged, or the disk refused; and `StoppedError`, one of its kind, after a signal.
    """
    heard = listener or Silent()
    if resume is not None:
        folder = check_resumable(resume, recipe, {"data": data, "task": task, "output": output, "set": overrides})
        from zoo.train.runner import resume_run

        return resume_run(folder, heard, callbacks)
    if recipe is None:
        raise ZooError("There is nothing to train.", fix="Name a recipe or a preset, or a run to resume.")
    resolved = resolve(recipe, data=data, task=task, output=output, overrides=overrides)
    from zoo.train.runner import start_run

    return start_run(resolved, heard, callbacks)


def check_resumable(run: str | Path | Run, recipe: Any = None, others: Any = None) -> Path:
    """The directory of a run to resume. Raises a ZooError where it has finished, or more was asked for."""
    path = run.path if isinstance(run, Run) else Run(run).path
    given = [name for name, value in {"a recipe": recipe, **(others or {})}.items() if _said(value)]
    if given:
        raise ZooError(
            f"A run is resumed as it was begun, and {', '.join(given)} was given, too.",
            fix=f"Resume it without, or start another: zoo finetune {path}/recipe.toml --output ANOTHER",
        )
    if Run(path).finished:
        raise ZooError(
            f"The run '{path}' has finished; there is nothing to resume.", fix=f"Its model: {path}/model"
        )
    return path


def _said(value: Any) -> bool:
    return value is not None and not (isinstance(value, str | tuple | list) and not value)


def resolve(
    recipe: Recipe | str | Path,
    *,
    data: Any = None,
    task: str | None = None,
    output: str | Path | None = None,
    overrides: Sequence[str] = (),
) -> Recipe:
    """The recipe that a request means, checked as far as that takes no reading of data or weights."""
    if data is not None and not isinstance(data, str | Path):
        from zoo.data.in_memory import as_file

        data = as_file(data)
    short = {"data.train": data, "model.task": task, "output.dir": output}
    overrides = [*overrides, *(f"{key}={toml_value(str(value))}" for key, value in short.items() if value)]
    if isinstance(recipe, Recipe):
        return make_recipe(recipe.written(), overrides, complete, name=recipe.name, origin="in Python")
    if Path(recipe).suffix == ".toml" or str(recipe) in shipped_recipes():
        return read_recipe(recipe, overrides, complete)
    raw: dict[str, Any] = {"model": {"preset": str(recipe)}}
    resolved = make_recipe(raw, overrides, complete, origin=f"for '{recipe}'")
    train = resolved.data.train
    return dataclasses.replace(resolved, name=short_name(train) if is_hub_data(train) else Path(train).stem)
