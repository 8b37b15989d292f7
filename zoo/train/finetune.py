"""`zoo.finetune`: from a recipe to a run directory."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from zoo.errors import RunError, ZooError, some
from zoo.train.inspection import data_facts
from zoo.train.recipe import Recipe
from zoo.train.recipe_file import make_recipe, read_recipe, recipe_text, shipped_recipes, toml_value
from zoo.train.request import complete
from zoo.train.run import Run, next_free
from zoo.train.splits import Splits, read_splits

RUNS = Path("runs")


class Listener(Protocol):
    """Hears how a run goes on; the CLI's shows it on the terminal."""

    def stage(self, what: str) -> None:
        """A new stage has begun, such as `reading data`."""

    def fact(self, name: str, value: str) -> None:
        """Something worth knowing was found out."""

    def training(self, steps: int) -> None:
        """Training begins; it takes this many steps."""

    def step(self, step: int, loss: float, examples_per_second: float) -> None:
        """A step is done."""

    def result(self, label: str, share: float) -> None:
        """The run is done; always saying `label` would have reached this much."""


class Silent:
    """The listener that says nothing."""

    def stage(self, what: str) -> None: ...
    def fact(self, name: str, value: str) -> None: ...
    def training(self, steps: int) -> None: ...
    def step(self, step: int, loss: float, examples_per_second: float) -> None: ...
    def result(self, label: str, share: float) -> None: ...


def finetune(
    recipe: Recipe | str | Path,
    *,
    data: Any = None,
    task: str | None = None,
    output: str | Path | None = None,
    overrides: Sequence[str] = (),
    listener: Listener | None = None,
) -> Run:
    """Fine-tune a model as a recipe says, and leave a run directory.

    Args:
        recipe: a `Recipe`, a recipe file, the name of a shipped recipe, or a preset (then `data` is needed).
        data: short for `data.train`; or the rows themselves: a data frame, an Arrow table, a dict of columns, or an
            iterable of dicts or tuples (`zoo.data.in_memory`).
        task: short for `model.task`.
        output: short for `output.dir`.
        overrides: `table.key=value`, as on the command line.
        listener: hears the progress.

    Raises:
        ZooError: recipe, data or files are wrong, all faults of one kind at once; then nothing is written.
    """
    return _run(resolve(recipe, data=data, task=task, output=output, overrides=overrides), listener or Silent())


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
    return dataclasses.replace(resolved, name=Path(resolved.data.train).stem)


def _run(recipe: Recipe, listener: Listener) -> Run:
    started = time.perf_counter()
    listener.stage("reading data")
    splits = read_splits(recipe)
    _tell(splits, listener)
    listener.stage("loading the model")
    from zoo.train.feeds import make_batches
    from zoo.train.setup import make_model, trained_weights

    model = make_model(recipe, splits)
    if model.audit.fresh and recipe.model.preset and recipe.model.weights == "pretrained":
        listener.fact("new", f"{some(model.audit.fresh)}; the rest as in {recipe.model.preset}")
    listener.fact("trained", trained_weights(model))
    batches = make_batches(recipe, model, splits.train)
    settled = dict(splits.settled)
    if model.inputs == "texts":
        settled["max_length"] = model.preprocess.max_length
    folder, recipe = _claim(recipe.replace("data", **settled))
    try:
        _train(recipe, model, splits, batches, folder, listener, started)
    except OSError as error:
        raise RunError(f"The run could not be written to {folder}.", why=str(error)) from error
    return Run(folder)


def _tell(splits: Splits, listener: Listener) -> None:
    for name, value in data_facts(splits).items():
        listener.fact(name, value)
    for warning in splits.warnings:
        listener.fact("warning", warning)


def _claim(recipe: Recipe) -> tuple[Path, Recipe]:
    """Make the run's directory and write the recipe into it, unless another run was faster."""
    given = recipe.output.dir
    while True:
        folder = Path(given).expanduser() if given else next_free(RUNS / recipe.name)
        claimed = recipe.replace("output", dir=str(folder))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "recipe.toml").open("x", encoding="utf-8") as file:
                file.write(recipe_text(claimed))
        except FileExistsError as error:
            if given:
                raise ZooError(f"'{folder}' already holds a run.", fix="Choose another output.dir.") from error
        except OSError as error:
            raise RunError(f"The run could not be written to {folder}.", why=str(error)) from error
        else:
            return folder, claimed


def _train(
    recipe: Recipe,
    model: Any,
    splits: Splits,
    batches: Any,
    folder: Path,
    listener: Listener,
    started: float,
) -> None:
    from zoo.train.baselines import constant
    from zoo.train.loop import Journal, train
    from zoo.train.scores import score
    from zoo.train.setup import trainer_for
    from zoo.train.summary import write_report

    trainer, schedule = trainer_for(recipe, model, len(batches))
    journal = Journal(folder / "metrics.jsonl")

    listener.stage("training")
    listener.training(len(batches))
    evaluate = functools.partial(score, model, splits.validation) if splits.validation else None
    train_started = time.perf_counter()
    best = train(trainer, batches, evaluate, journal, schedule, listener.step)
    train_seconds = time.perf_counter() - train_started

    listener.stage("evaluating")
    split, part = next(
        (name, part)
        for name, part in (("test", splits.test), ("validation", splits.validation), ("train", splits.train))
        if part
    )
    final = score(model, part)
    step = best.step or len(batches)
    journal.add(step=step, epoch=step / batches.per_epoch, split=split, final=True, **final.metrics)
    listener.stage("writing the run")
    model.save_pretrained(folder / "model")
    if model.adapters:
        model.adapters.save(folder / "adapter")
    seconds = {"train": train_seconds, "total": time.perf_counter() - started}
    write_report(folder, recipe, model, splits, (split, part), final, batches, journal.records, seconds)
    listener.result(*constant(splits.train, part, model.labels))
