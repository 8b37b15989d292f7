"""Rows that a trained model finds hard: those with the worst losses, and those whose label is worth a look."""

from __future__ import annotations

import numpy as np

from zoo.data.problems import LANGUAGE
from zoo.train.scores import ClassificationScores, Scores

_FEW = 10  # held-out rows of a class, below which nothing is known of how well it is known
_BY_CHANCE = 0.5  # the share of suspects that may be there by chance
_ODD = 0.05
_FITTED = 2000  # rows that a temperature is fitted on, at most


def worst(found: Scores, most: int) -> list[int]:
    """The places of the examples with the highest losses among those that the model got wrong, the worst first."""
    wrong = np.flatnonzero(_wrong(found))
    return wrong[np.argsort(-found.losses[wrong], kind="stable")][:most].tolist()


def suspects(found: Scores) -> set[int]:
    """The places of examples whose label is worth a look. Labels other than classes are not judged.

    If all labels were right, and the model as right as it is sure, a label as improbable as a row's, or more so,
    would be met there with a probability `p`. Rows whose `p` is too small for as many of them to be met by chance
    are suspected, by Benjamini and Hochberg's rule (https://doi.org/10.1111/j.2517-6161.1995.tb02031.x): about half
    of them, at most, would be chance. Only classes that the model knows are judged: of `_FEW` rows or more it has
    most right, both of the class that a label names and of the class that it sees in its stead.
    """
    if not isinstance(found, ClassificationScores):
        return set()
    rows, called, given = np.arange(len(found.targets)), found.predicted, found.targets
    counts = found.confusion
    known = (counts.sum(axis=1) >= _FEW) & (2 * counts.diagonal() > counts.sum(axis=1))
    judged = (called != given) & known[given] & known[called]
    if not judged.any():
        return set()
    outputs = _tempered(found)
    chance = np.where(outputs <= outputs[rows, given][:, None], outputs, 0).sum(axis=1)
    order = np.argsort(chance, kind="stable")
    within = np.flatnonzero(chance[order] <= _BY_CHANCE * (rows + 1) / len(rows))
    return {int(n) for n in order[: within[-1] + 1] if judged[n]} if len(within) else set()


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
