"""The one change of a recipe that would help most."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.train.batches import Batches
from zoo.train.clock import COMPILING
from zoo.train.footprint import Footprint
from zoo.train.recipe import Recipe
from zoo.train.splits import Splits

_MUCH_CUT = 0.1  # the share of texts that lose their end from which on it is worth a word
_MUCH_PADDING = 0.25
_IMBALANCE = 10


_LEANER = {
    "nothing": 'train.remat = "elementwise" needs less for each example.',
    "elementwise": 'train.remat = "layers" needs less for each example, and takes a fifth more time.',
}


def fitting(recipe: Recipe, step: Footprint, memory: float) -> str:
    """What makes a step fit into `memory` bytes; what a batch needs grows with its examples."""
    size = int(recipe.train.examples * (memory - step.held) / max(1, step.working))
    leaner = "" if recipe.train.freeze == "backbone" else _LEANER.get(recipe.train.remat, "")
    if size >= 1:
        return f"train.batch_size = {min(size, recipe.train.examples - 1) or 1} would fit. {leaner}".rstrip()
    if leaner and step.held < memory:
        return f"No batch fits beside these weights. {leaner} Else choose a smaller model."
    if recipe.train.freeze != "backbone" and not (recipe.model.lora or recipe.model.adapter):
        return 'No batch fits beside these weights: train.freeze = "backbone", or a smaller model.'
    return "No batch fits beside these weights: choose a smaller model."


_SMALL = 0.02  # parts of less than this share of the time are told together
_SHOWN = 5  # beside the rest: as many as the report has colours for
_PARTS = {
    "feeding": "waiting for batches",
    "training": "between steps",
    "compiling the step": COMPILING,
}
"""What people are told of the parts of a run's time that bear other names in it."""


def time_parts(seconds: dict[str, float]) -> dict[str, float]:
    """The parts of a run's time under the names that people are told, the longest first; small ones together."""
    named: dict[str, float] = {}
    for name, took in seconds.items():
        if name != "total":
            told = _PARTS.get(name, name)
            named[told] = named.get(told, 0.0) + took
    longest = sorted(named, key=lambda name: -named[name])
    shown = [name for name in longest[:_SHOWN] if named[name] >= _SMALL * sum(named.values())]
    rest = {"the rest": sum(named[name] for name in named if name not in shown)} if len(shown) < len(named) else {}
    return {name: named[name] for name in shown} | rest


def quicker(recipe: Recipe, batches: Any, seconds: dict[str, float]) -> str:
    """The change that would save a finished run's time most; empty where none would."""
    whole = sum(took for name, took in seconds.items() if name != "total") or 1.0
    share = {name: took / whole for name, took in seconds.items()}
    if share.get("feeding", 0) > 0.2 and recipe.model.task.startswith("image-"):
        return f"data.workers = {recipe.data.workers + 2}: the device waited {share['feeding']:.0%} of the time"
    if share.get("evaluating", 0) > 0.4:
        return f"fewer held-out rows: looking at them took {share['evaluating']:.0%} of the time"
    if isinstance(batches, Batches) and (told := _texts(recipe, batches)):
        return told
    if share.get("compiling", 0) > 0.3:
        return "another run: compiled programs are kept, and runs of the same shapes start with them"
    return ""


def advice(check: Any, splits: Splits, batches: Any) -> str:
    """The change that would help most, the gravest matter first; empty where nothing is to be said."""
    recipe, counts = check.recipe, check.classes
    if any("data.dedupe" in warning for warning in splits.warnings):
        return "data.dedupe = true: scores on rows that were trained on say nothing"
    if isinstance(batches, Batches) and (told := _texts(recipe, batches)):
        return told
    if counts and max(counts.values()) >= _IMBALANCE * min(counts.values()):
        rarest = min(counts, key=lambda label: counts[label])
        return f"more rows of '{rarest}': it has {counts[rarest]}, the largest class {max(counts.values())}"
    if check.device.lower() != "cpu" and recipe.train.precision == "float32":
        return 'train.precision = "bfloat16": about half the time and memory on this device'
    return ""


def _texts(recipe: Recipe, batches: Batches) -> str:
    lengths = batches.lengths
    cut = np.mean([item.truncated for item in batches.encoded])
    if cut > _MUCH_CUT and lengths.max() < batches.positions:
        return f"data.max_length = {batches.positions}: {cut:.0%} of the texts lose their end at {lengths.max()}"
    padding = 1 - batches.tokens / sum(batches.cells)
    if padding > _MUCH_PADDING and not recipe.data.packing:
        saved = 1 - sum(batches.repacked(True).cells) / sum(batches.cells)
        if saved > 0:
            return f"data.packing = true: {saved:.0%} less to compute"
    usual = int(np.quantile(lengths, 0.98)) + 1
    if usual < lengths.max() / 2:
        return f"data.max_length = {max(8, usual)}: 98% of the texts are that short, and rows need not be longer"
    return ""
