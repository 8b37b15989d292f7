"""A run from its recipe to its report: made ready, trained, evaluated, written; or taken up where it stood."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.backend import use_jax
from zoo.chat.moment import rendering_from
from zoo.data.problems import BEGUN, PREFERENCE, UNLABELLED
from zoo.errors import ZooError, some
from zoo.loading import Found, is_here
from zoo.train.checkpoints import Checkpoints, saved_steps
from zoo.train.clock import parts_so_far, timed
from zoo.train.directory import Directory, resumable
from zoo.train.fitting import fitted
from zoo.train.inspection import data_facts
from zoo.train.interrupts import Interrupts
from zoo.train.listener import Listener
from zoo.train.readers import called
from zoo.train.recipe import Recipe
from zoo.train.recipe_file import read_recipe
from zoo.train.request import complete
from zoo.train.run import Run
from zoo.train.run_lock import (
    MADE_FROM,
    differences,
    locked_recipe,
    moment_of,
    read_lock,
    rendered_from,
    run_lock,
    told_differences,
)
from zoo.train.splits import Splits, read_splits
from zoo.train.trackers import Trackers


@dataclass(frozen=True)
class Material:
    """What a run is made from: its recipe, its examples, the model's files, and the content of its `run.lock`."""

    recipe: Recipe
    splits: Splits
    found: Found
    lock: dict[str, Any]


@timed
def start_run(recipe: Recipe, listener: Listener, callbacks: Sequence[Any] = ()) -> Run:
    """Run a recipe in a new directory."""
    began = time.perf_counter()
    return _start(_gather(recipe, listener), listener, began, callbacks)


def _start(material: Material, listener: Listener, began: float, callbacks: Sequence[Any] = ()) -> Run:
    with Directory.new(material.recipe) as directory:
        recipe = material.recipe.replace("output", dir=str(directory.folder))
        directory.write(recipe, material.lock)
        return _run(recipe, material, directory, listener, began, callbacks)


@timed
def resume_run(folder: Path, listener: Listener, callbacks: Sequence[Any] = ()) -> Run:
    """Take a run up where it was cut off.

    Raises a ZooError that names what changed, where it was not made from what there is now.
    """
    began = time.perf_counter()
    with Directory.existing(folder) as directory:
        recipe = _recipe_of(directory.folder).replace("output", dir=str(directory.folder))
        then = read_lock(directory.folder) if saved_steps(directory.checkpoints) else {}
        moment = moment_of(then)
        if then:
            _refuse(folder, "resumed", differences(then, {"recipe": locked_recipe(recipe)}, ["recipe"]))
        material = _gather(recipe, listener)
        if then:
            _refuse(folder, "resumed", differences(then, material.lock, MADE_FROM))
            for line in told_differences(then, material.lock):
                listener.fact("changed", line)
        else:
            directory.write(material.recipe, material.lock)
        directory.clear()
        with rendering_from(moment):
            return _run(material.recipe, material, directory, listener, began, callbacks)


@timed
def repeat_run(folder: Path, listener: Listener, output: str) -> tuple[Run, list[str]]:
    """Run the recipe of a run again in a new directory.

    Returns:
        the new run, and what it was made on or measured by that the first was not: versions, device, flags, code.

    Raises a ZooError that names what changed, where what it was made from is not there any more.
    """
    began = time.perf_counter()
    recipe, then = _recipe_of(folder, output), read_lock(folder)
    moment = moment_of(then)
    _refuse(folder, "reproduced", differences(then, {"recipe": locked_recipe(recipe)}, ["recipe"]))
    recipe = dataclasses.replace(recipe, name=f"{folder.absolute().name}-again")
    material = _gather(recipe, listener)
    _refuse(folder, "reproduced", differences(then, material.lock, MADE_FROM))
    changed = told_differences(then, material.lock)
    for line in changed:
        listener.fact("changed", line)
    with rendering_from(moment):
        return _start(material, listener, began), changed


def _recipe_of(folder: Path, output: str = "") -> Recipe:
    """The recipe of a run, checked anew, but for the directory, which may have been moved: it is `output` here."""
    return read_recipe(
        folder / "recipe.toml", check=lambda recipe, faults: complete(recipe.replace("output", dir=output), faults)
    )


def _refuse(folder: Path, what: str, changed: list[str]) -> None:
    if changed:
        raise ZooError(
            f"The run '{folder}' cannot be {what}: what it was made from has changed.",
            why=changed,
            fix=f"Undo the change, or start another run: zoo finetune {folder}/recipe.toml --output ANOTHER",
        )


def _gather(recipe: Recipe, listener: Listener) -> Material:
    use_jax()
    from zoo.train.preflight import foreseen
    from zoo.train.setup import check_prepares, class_weights, labels_for, locate_model

    check_prepares(recipe)
    listener.stage("reading data")
    splits = read_splits(recipe)
    _tell(splits, listener)
    recipe = fitted(recipe.replace("data", **splits.settled), splits, listener)
    if recipe.model.weights == "pretrained" and not is_here(recipe.model.preset):
        listener.stage("checking the step before weights are fetched")
        foreseen(recipe, splits)
    listener.stage("loading the model")
    found = locate_model(recipe)
    labels = labels_for(recipe, found, splits)
    class_weights(recipe, splits.train, labels)  # raises where they are of other labels
    return Material(recipe, splits, found, run_lock(recipe, found, splits, labels))


def _tell(splits: Splits, listener: Listener) -> None:
    for name, value in data_facts(splits).items():
        listener.fact(name, value)
    for warning in splits.warnings:
        listener.fact("warning", warning)


def _run(
    recipe: Recipe,
    material: Material,
    directory: Directory,
    listener: Listener,
    began: float,
    callbacks: Sequence[Any],
) -> Run:
    from zoo.train.answers import Questions
    from zoo.train.batches import Batches
    from zoo.train.callbacks import check_callbacks, named_callbacks
    from zoo.train.feeds import learnable, make_batches
    from zoo.train.order import make_plan
    from zoo.train.preflight import prepared
    from zoo.train.reference import hold_references
    from zoo.train.setup import make_model, normalisation_facts, trained_weights, trainer_for, written_facts

    splits = material.splits
    callbacks = [*callbacks, *named_callbacks(recipe.train.callbacks)]
    check_callbacks(callbacks)
    model = make_model(recipe, splits, found=material.found)
    if model.audit.fresh and recipe.model.preset and recipe.model.weights == "pretrained":
        listener.fact("new", f"{some(model.audit.fresh)}; the rest as in {recipe.model.preset}")
    facts = normalisation_facts(recipe, model) | written_facts(model, splits.train)
    for name, value in {"trained": trained_weights(model), **facts}.items():
        listener.fact(name, value)
    known, splits = len(splits.notes), learnable(recipe, model, splits)
    for note in splits.notes[known:]:
        listener.fact("left out", note)
    questions = Questions(model, splits.held_out[1], recipe.evaluate)
    batches = make_batches(recipe, model, splits)
    for name, value in batches.cut.items() if isinstance(batches, Batches) else ():
        listener.fact(name, value)
    plan = make_plan(recipe.train, batches.per_epoch)
    trainer, schedule = trainer_for(recipe, model, len(plan), splits.train)
    listener.stage("compiling the step")
    trainer = prepared(recipe, trainer, batches, plan, watched=bool(callbacks))
    if model.inputs == "texts":
        recipe = recipe.replace("data", max_length=model.preprocess.max_length)
    if splits.train.problem == PREFERENCE:
        listener.stage("measuring the preferences before training")
        splits, batches = hold_references(model, splits, batches)
    directory.write(recipe, {**material.lock, "recipe": locked_recipe(recipe), **rendered_from(model)})
    warned = functools.partial(listener.fact, "warning")
    with resumable(directory.folder), Trackers(recipe, directory.folder, warned) as trackers:
        directory.begin()
        _train(
            recipe,
            splits,
            batches,
            plan,
            trainer,
            schedule,
            questions,
            directory,
            listener,
            began,
            trackers,
            callbacks,
        )
    return Run(directory.folder)


def _train(
    recipe: Recipe,
    splits: Splits,
    batches: Any,
    plan: Any,
    trainer: Any,
    schedule: Any,
    questions: Any,
    directory: Directory,
    listener: Listener,
    began: float,
    trackers: Trackers,
    callbacks: Sequence[Any],
) -> None:
    from zoo.train.answers import means
    from zoo.train.baselines import constant
    from zoo.train.callbacks import Callbacks
    from zoo.train.feeds import damage
    from zoo.train.journal import Journal
    from zoo.train.loop import Loop
    from zoo.train.probe import probe
    from zoo.train.scoring import score
    from zoo.train.summary import write_report

    keys, folder, model = recipe.train, directory.folder, trainer.model
    journal = Journal(folder / "metrics.jsonl")
    journal.heard_by.append(trackers.record)
    checkpoints = Checkpoints(directory.checkpoints, keys.checkpoint_steps, keys.checkpoint_minutes)
    scored = functools.partial(score, model, beta=keys.dpo_beta)
    evaluate = functools.partial(scored, splits.validation) if splits.validation else None
    split, part = splits.held_out
    probed = None
    if recipe.output.probe and model.problem not in UNLABELLED:
        listener.stage("probing the features")
        probed = probe(model, splits.train, part)
    rate_at = schedule.rates().__getitem__
    listener.stage("training")
    listener.training(len(plan))
    with checkpoints, Interrupts(listener.stopping) as interrupts:
        loop = Loop(
            trainer,
            batches,
            plan,
            evaluate,
            journal,
            rate_at,
            listener.step,
            checkpoints,
            interrupts,
            every=keys.evaluate_steps,
            patience=keys.early_stopping,
            callbacks=Callbacks(callbacks, model, trainer.optimizer, plan),
            name=functools.partial(called, recipe.model.task, splits.train),
        )
        if found := loop.resume():
            for fault in found.damaged:
                listener.fact("damaged", fault)
            listener.fact("resumed", f"from step {found.step} of {len(plan)}")
        else:
            before = {"validation": evaluate().metrics} if evaluate and splits.train.problem in BEGUN else {}
            if questions:
                before[split] = before.get(split, {}) | means(questions())
            for name, scores in before.items():
                journal.add(step=0, epoch=0.0, split=name, **scores)
        standing = loop.run()
    for name, value in damage(batches).items():
        listener.fact(name, value)

    listener.stage("evaluating")
    final, answers = scored(part), questions()
    scores = final.metrics | means(answers)
    if standing.step < len(plan):
        why = f"{standing.waited} evaluations were no better" if loop.gives_up else "a callback asked for it"
        listener.fact("stopped", f"early, at step {standing.step}: {why}")
    step = standing.best.step or standing.step
    record = dict(step=step, epoch=round(step / plan.per_epoch, 4), split=split, final=True, **scores)
    listener.stage("writing the run")
    model.save_pretrained(folder / "model")
    if model.adapters:
        model.adapters.save(folder / "adapter")
    seconds = {**parts_so_far(), "total": time.perf_counter() - began}
    write_report(
        folder,
        recipe,
        model,
        splits,
        (split, part),
        final,
        batches,
        [*journal.records, record],
        seconds,
        probed,
        answers,
    )
    checkpoints.close(keep=1)
    journal.add(**record)  # last, for it says that the run has finished
    trackers.finish(scores, [folder / "report.html"])
    if model.problem not in UNLABELLED:
        listener.result(*constant(splits.train, part, model.labels))
