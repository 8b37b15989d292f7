"""What a trained model is to be better than."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.data.examples import Examples
from zoo.data.labels import majority
from zoo.data.problems import MULTI, REGRESSION, TOKENS, classes_of
from zoo.tasks.labelled import targets_of
from zoo.train.scores import METRICS, scores_of
from zoo.train.token_scores import TokenScores


def constant(train: Examples, held_out: Examples, names: Sequence[str]) -> tuple[str, float]:
    """What is best said of every row without looking at it, and how well it does on the held-out rows.

    That is the training rows' largest class, their most frequent label, or their mean. The value is the problem's
    first metric (`METRICS`).
    """
    guess, row = _guess(train, names)
    if train.problem == TOKENS:
        return guess, _constant_tag(held_out, names, row)
    targets = targets_of(held_out.labels or [], names, train.problem)
    outputs = np.tile(np.array(row, np.float32), (len(held_out), 1))
    return guess, scores_of(train.problem, outputs, targets).metrics[METRICS[train.problem][0]]


def _guess(train: Examples, names: Sequence[str]) -> tuple[str, list[float]]:
    labels: Sequence[Any] = train.labels or []
    if train.problem == REGRESSION:
        mean = float(np.mean(labels))
        return f"{mean:.4g}", [mean]
    if train.problem in (MULTI, TOKENS):
        labels = list(classes_of(labels).elements())
    guess, _ = majority(labels)
    return guess, [float(name == guess) for name in names]


def _constant_tag(held_out: Examples, names: Sequence[str], row: list[float]) -> float:
    tags = held_out.labels or []
    places = np.array([(n, k) for n, own in enumerate(tags) for k in range(len(own))])
    targets = np.array([names.index(tag) for own in tags for tag in own], np.int32)
    outputs = np.tile(np.array(row, np.float32), (len(targets), 1))
    return TokenScores(outputs, targets, places, tuple(names)).metrics[METRICS[TOKENS][0]]
