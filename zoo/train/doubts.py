"""Rows that a trained model finds hard: those with the worst losses, and those whose label is worth a look."""

from __future__ import annotations

import numpy as np

from zoo.data.problems import LANGUAGE
from zoo.train.scores import ClassificationScores, Scores

_FEW = 10  # held-out rows of a class, below which nothing is known of how well it is known
_UNLIKELY = 10
_ODD = 0.05
_FITTED = 2000  # rows that a temperature is fitted on, at most


def worst(found: Scores, most: int) -> list[int]:
    """The places of the examples with the highest losses among those that the model got wrong, the worst first."""
    wrong = np.flatnonzero(_wrong(found))
    return wrong[np.argsort(-found.losses[wrong], kind="stable")][:most].tolist()


def suspects(found: Scores) -> set[int]:
    """The places of examples whose label is worth a look. Labels other than classes are not judged.

    Suspected is a label that the model finds `_UNLIKELY` times less likely than blind guessing would, where it is
    as sure of another class as it usually is of that class's own rows, the threshold of confident learning
    (https://arxiv.org/abs/1911.00068, section 3.1). A model that is surer than it is right is tempered first. Only
    classes that it knows are judged: of `_FEW` rows or more it has most right, both of the class that a label names
    and of the class that it sees in its stead.
    """
    if not isinstance(found, ClassificationScores):
        return set()
    given, called, counts = found.targets, found.predicted, found.confusion
    known = (counts.sum(axis=1) >= _FEW) & (2 * counts.diagonal() > counts.sum(axis=1))
    judged = np.flatnonzero((called != given) & known[given] & known[called])
    if not len(judged):
        return set()
    outputs = _tempered(found)
    usual = np.array([outputs[given == k, k].mean() if known[k] else np.inf for k in range(len(known))])
    given, called = given[judged], called[judged]
    unlikely = outputs[judged, given] * _UNLIKELY * len(known) < 1
    return set(judged[unlikely & (outputs[judged, called] >= usual[called])].tolist())


def _tempered(found: ClassificationScores) -> np.ndarray:
    """The probabilities, flattened where the model is surer than it is right, to where the labels have least loss.

    That is temperature scaling (https://arxiv.org/abs/1706.04599), of all rows but the `_ODD` ones with the
    greatest losses: those are in question, and a few of them would flatten everything.
    """
    logits = np.log(np.maximum(found.outputs, 1e-12)).astype(np.float64)
    some = np.arange(0, len(logits), -(-len(logits) // _FITTED))
    most = len(some) - int(_ODD * len(some))

    def loss(heat: float) -> float:
        losses = -np.log(_flattened(logits[some], heat)[np.arange(len(some)), found.targets[some]])
        return float(np.sort(losses)[:most].mean())

    return _flattened(logits, min(np.geomspace(1, 16, 33), key=loss))


def _flattened(logits: np.ndarray, heat: float) -> np.ndarray:
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / heat)
    return powers / powers.sum(axis=1, keepdims=True)


def _wrong(found: Scores) -> np.ndarray:
    """Whether each example was got wrong; of numbers, and of texts to be foreseen, all are, more or less."""
    if found.problem == LANGUAGE:
        return np.ones(len(found.targets), bool)
    if found.targets.ndim == 1:
        return found.predicted != found.targets
    if found.predicted.ndim == 1:
        return np.ones(len(found.targets), bool)
    return (found.predicted != (found.targets > 0.5)).any(axis=1)
