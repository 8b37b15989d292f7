"""What a finished run tells: gathered here, laid out by the report."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.conversations import texts_of
from zoo.data.examples import Examples
from zoo.data.problems import BEGUN, LANGUAGE, MULTI, PREFERENCE, REGRESSION, RETRIEVAL, SINGLE, TOKENS
from zoo.errors import counted
from zoo.train.advice import quicker, time_parts
from zoo.train.answers import Answer, means
from zoo.train.baselines import constant
from zoo.train.batches import Batches
from zoo.train.doubts import suspects, worst
from zoo.train.feeds import feed_facts
from zoo.train.image_batches import ImageBatches
from zoo.train.inspection import data_facts
from zoo.train.intervals import interval
from zoo.train.order import make_plan
from zoo.train.recipe import Recipe
from zoo.train.recipe_file import recipe_text
from zoo.train.report import Mistake, Report, duration, render_report
from zoo.train.run import scores_before
from zoo.train.scores import METRICS, ClassificationScores, MultiLabelScores, Scores
from zoo.train.setup import normalisation_facts, trained_weights, written_facts
from zoo.train.splits import Splits
from zoo.train.thumbnails import thumbnail
from zoo.train.token_scores import TokenScores

_MISTAKES = 20
_ANSWERS = 12
_AROUND = 12  # words shown on either side of one that was tagged wrongly
_PACKAGES = ("keras-zoo", "keras", "jax", "jaxlib", "tokenizers", "pillow", "numpy")


def write_report(
    folder: Path,
    recipe: Recipe,
    model: Any,
    splits: Splits,
    held_out: tuple[str, Examples],
    final: Scores,
    batches: Batches | ImageBatches,
    history: list[dict[str, Any]],
    seconds: dict[str, float],
    probe: float | None = None,
    answers: Sequence[Answer] = (),
) -> None:
    """Write `report.html` into the run's folder.

    Args:
        held_out: the name and the examples of what `final` was measured on.
        seconds: how long each part of the run took, and the run as a whole under `total`.
        probe: what a linear probe on the features before training reaches, if one was fitted.
        answers: what the model answered, if it was asked.
    """
    split, examples = held_out
    plan = make_plan(recipe.train, batches.per_epoch)
    doubtful, shown = suspects(final), min(_ANSWERS, len(answers))
    told = METRICS[final.problem][0]
    report = Report(
        title=recipe.name,
        preset=recipe.model.preset or f"{recipe.model.architecture}, from random weights",
        task=recipe.model.task,
        metrics=final.metrics | means(answers),
        score=told,
        interval=interval(final),
        evaluated_on=f"{split} ({counted(len(examples), 'row')})",
        baselines=_baselines(splits.train, examples, model.labels, probe, history),
        history=history,
        labels=list(model.labels),
        confusion=final.confusion.tolist() if isinstance(final, ClassificationScores) else None,
        decisions=final.decisions.tolist() if isinstance(final, MultiLabelScores) else (),
        before=scores_before(history, split),
        mistakes=[_mistake(model, examples, final, n, n in doubtful) for n in worst(final, _MISTAKES)],
        told=("tokens", "perplexity") if final.problem == LANGUAGE else ("label", "predicted"),
        suspects=len(doubtful),
        answers=[answers[n * len(answers) // shown] for n in range(shown)],
        seconds=time_parts(seconds),
        advice=quicker(recipe, batches, seconds),
        facts={
            "Data": _data_facts(recipe, splits, batches),
            "Training": {
                "trained": trained_weights(model),
                **normalisation_facts(recipe, model),
                **written_facts(model, splits.train),
                "steps": f"{len(plan):,}, {plan.per_epoch:,} an epoch",
                "whole run": duration(seconds["total"]),
            },
            "Environment": {
                "device": _device(),
                "python": platform.python_version(),
                **{package: version(package) for package in _PACKAGES},
            },
        },
        recipe=recipe_text(recipe),
    )
    (folder / "report.html").write_text(render_report(report), encoding="utf-8")


def _baselines(
    train: Examples,
    held_out: Examples,
    labels: Sequence[str],
    probe: float | None,
    history: Sequence[dict[str, Any]],
) -> list[tuple[str, float]]:
    if train.problem == PREFERENCE:
        return [("by chance", 0.5)]
    if train.problem in BEGUN:
        told = METRICS[train.problem][0]
        return [("before training", record[told]) for record in history if not record["step"] and told in record]
    guess, value = constant(train, held_out, labels)
    name = {
        SINGLE: "majority class",
        MULTI: "most frequent label",
        REGRESSION: "mean of training",
        TOKENS: "most frequent tag",
    }[train.problem]
    found = [(f"{name}, “{guess}”", value)]
    return found if probe is None else [*found, ("linear probe on the features before training", probe)]


def _data_facts(recipe: Recipe, splits: Splits, batches: Batches | ImageBatches) -> dict[str, str]:
    return {
        "source": recipe.data.train,
        **data_facts(splits),
        **({"warning": "; ".join(splits.warnings)} if splits.warnings else {}),
        **feed_facts(batches),
    }


def _mistake(model: Any, examples: Examples, final: Scores, n: int, suspect: bool) -> Mistake:
    single = isinstance(final, ClassificationScores)
    labels, truth, answer = model.labels, final.targets[n], final.predicted[n]
    example, text = n, ""
    if final.problem == RETRIEVAL:  # one partner instead of another
        text, labels = examples.inputs[n][0], [partner for _, partner in examples.inputs]
    if final.problem == PREFERENCE:
        labels = ("chosen", "rejected")
    if isinstance(final, TokenScores):
        example, place = map(int, final.places[n])
        text = _marked(examples.inputs[example], place)
    tokens = f"{truth:,.0f}" if final.problem == LANGUAGE else ""
    return Mistake(
        row=examples.rows[example],
        text=text or _spelled(examples.inputs[example]),
        picture=thumbnail(examples.inputs[example]) if model.inputs == "images" else "",
        label=tokens or _answer(truth, labels),
        predicted=_answer(answer, labels),
        probability=float(final.outputs[n].max()) if single else None,
        loss=float(final.losses[n]),
        suspect=suspect,
    )


def _marked(words: Sequence[str], place: int) -> str:
    """A word among its neighbours: `... flew to [Berlin] on Monday ...`."""
    before, after = words[max(0, place - _AROUND) : place], words[place + 1 : place + 1 + _AROUND]
    return " ".join([*before, f"[{words[place]}]", *after])


def _answer(value: Any, labels: Sequence[str]) -> str:
    """A class, several, or a number, in words."""
    if np.ndim(value) == 0:
        return labels[int(value)] if np.issubdtype(np.asarray(value).dtype, np.integer) else f"{value:.4g}"
    if np.asarray(value).dtype == bool or len(value) > 1:
        return ", ".join(name for name, said in zip(labels, value, strict=True) if said > 0.5) or "none"
    return f"{value[0]:.4g}"


def _spelled(item: Any) -> str:
    """An input in words: a text, a pair of texts, or a picture's path."""
    if isinstance(item, bytes):
        return ""
    return item if isinstance(item, str) else " / ".join(item if isinstance(item, tuple) else texts_of(item))


def _device() -> str:
    import jax

    devices = jax.devices()
    return f"{len(devices)} x {devices[0].device_kind}"
