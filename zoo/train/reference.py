"""What a model is held against when it is trained by preferences: the log-probabilities that it began with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from zoo.data.examples import Examples
from zoo.data.row_faults import RowFaults
from zoo.tasks.preferences import log_probabilities
from zoo.train.batches import Batches
from zoo.train.splits import Splits


def with_references(model: Any, examples: Examples, trained: Any = None) -> Examples:
    """Preferences with the log-probabilities of their answers under the model as labels, `(chosen, rejected)`.

    An adapter is put off for it: the reference is the base alone.

    Args:
        trained: the model that is to be held against it, where that is another; it says how answers are written.
    """
    faults = RowFaults(examples.source)
    encoded = (trained or model).encode_preferences(examples.inputs, faults.of(examples))
    faults.check()
    adapter = model.adapters.active
    if adapter is not None:
        model.adapters.use(None)
    try:
        found = log_probabilities(model, encoded)
    finally:
        if adapter is not None:
            model.adapters.use(adapter)
    return replace(examples, labels=[(float(chosen), float(rejected)) for chosen, rejected in found])


def hold_references(model: Any, splits: Splits, batches: Any) -> tuple[Splits, Batches]:
    """Splits and batches of preferences, with what the model says of them before it is trained."""
    held = replace(splits, **{name: with_references(model, part) for name, part in splits.parts.items()})
    return held, replace(batches, targets=references(held.train))


def references(examples: Examples) -> np.ndarray:
    """The labels as an array `(preferences, 2)` float32; zeros where they are not known yet."""
    return np.array(examples.labels or [(0.0, 0.0)] * len(examples), np.float32)
