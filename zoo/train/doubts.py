"""Rows that a trained model finds hard: those with the worst losses, and those whose label may be wrong."""

from __future__ import annotations

import numpy as np

from zoo.data.problems import LANGUAGE
from zoo.train.scores import ClassificationScores, Scores


def worst(found: Scores, most: int) -> list[int]:
    """The places of the examples with the highest losses among those that the model got wrong, the worst first."""
    wrong = np.flatnonzero(_wrong(found))
    return wrong[np.argsort(-found.losses[wrong], kind="stable")][:most].tolist()


def suspects(found: Scores) -> set[int]:
    """The places of examples whose label is likely wrong, by confident learning.

    An example is one where the model is surer of another class than it is, on average, of that class's own
    examples (https://arxiv.org/abs/1911.00068, section 3.1). Labels other than classes are not judged.
    """
    if not isinstance(found, ClassificationScores):
        return set()
    examples, classes = found.outputs.shape
    usual = np.full(classes, np.inf)
    for k in range(classes):
        if (own := found.targets == k).any():
            usual[k] = found.outputs[own, k].mean()
    called = found.predicted
    sure = found.outputs[np.arange(examples), called] >= usual[called]
    return set(np.flatnonzero(sure & (called != found.targets)).tolist())


def _wrong(found: Scores) -> np.ndarray:
    """Whether each example was got wrong; of numbers, and of texts to be foreseen, all are, more or less."""
    if found.problem == LANGUAGE:
        return np.ones(len(found.targets), bool)
    if found.targets.ndim == 1:
        return found.predicted != found.targets
    if found.predicted.ndim == 1:
        return np.ones(len(found.targets), bool)
    return (found.predicted != (found.targets > 0.5)).any(axis=1)
