"""What a finished run tells: gathered here, laid out by the report."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from zoo.data.examples import Examples
from zoo.data.labels import majority
from zoo.train.batches import Batches
from zoo.train.feeds import feed_facts
from zoo.train.image_batches import ImageBatches
from zoo.train.recipe import Recipe
from zoo.train.recipe_file import recipe_text
from zoo.train.report import Mistake, Report, render_report
from zoo.train.scores import Scores
from zoo.train.splits import Splits
from zoo.train.thumbnails import thumbnail

_MISTAKES = 20
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
) -> None:
    """Write `report.html` into the run's folder."""
    split, examples = held_out
    report = Report(
        title=recipe.name,
        preset=recipe.model.preset or f"{recipe.model.architecture}, from random weights",
        task=recipe.model.task,
        metrics=final.metrics,
        score="accuracy",
        evaluated_on=f"{split} ({len(examples):,} rows)",
        baseline=baseline(splits.train, examples),
        history=history,
        labels=list(model.labels),
        confusion=final.confusion.tolist(),
        mistakes=_mistakes(model, examples, final),
        facts={
            "Data": _data_facts(recipe, splits, batches),
            "Training": {
                "weights": f"{sum(int(np.prod(v.shape)) for v in model.weights):,}",
                "steps": f"{len(batches):,}, {batches.per_epoch:,} an epoch",
                "training time": f"{seconds['train']:.0f} s",
                "whole run": f"{seconds['total']:.0f} s",
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


def baseline(train: Examples, held_out: Examples) -> tuple[str, float]:
    """The training data's largest class, and how often guessing it is right on the held-out rows."""
    label, _ = majority(train.labels or [])
    labels = held_out.labels or []
    return label, labels.count(label) / len(labels)


def _data_facts(recipe: Recipe, splits: Splits, batches: Batches | ImageBatches) -> dict[str, str]:
    return {
        "source": recipe.data.train,
        **{f"{name} rows": f"{len(part):,}" for name, part in splits.parts.items()},
        **{f"left out ({n})": note for n, note in enumerate(splits.notes, 1)},
        **{f"warning ({n})": warning for n, warning in enumerate(splits.warnings, 1)},
        **feed_facts(batches),
    }


def _mistakes(model: Any, examples: Examples, final: Scores) -> list[Mistake]:
    labels, pictures = model.labels, model.inputs == "images"
    wrong = np.flatnonzero(final.predicted != final.targets)
    surest = np.argsort(-final.probabilities.max(axis=1)[wrong], kind="stable")
    worst = wrong[surest][:_MISTAKES]
    return [
        Mistake(
            row=examples.rows[n],
            text=_spelled(examples.inputs[n]),
            picture=thumbnail(examples.inputs[n]) if pictures else "",
            label=labels[final.targets[n]],
            predicted=labels[final.predicted[n]],
            probability=float(final.probabilities[n].max()),
        )
        for n in worst.tolist()
    ]


def _spelled(item: Any) -> str:
    """An input in words: a text, a pair of texts, or a picture's path."""
    if isinstance(item, bytes):
        return ""
    return item if isinstance(item, str) else " / ".join(item)


def _device() -> str:
    import jax

    devices = jax.devices()
    return f"{len(devices)} x {devices[0].device_kind}"
