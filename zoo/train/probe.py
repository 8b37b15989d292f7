"""A linear probe on a model's features before it is trained: what the pretraining alone is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from zoo.data.examples import Examples
from zoo.data.problems import SINGLE
from zoo.train.scores import METRICS, scores_of

_STRENGTHS = np.logspace(-4, 4, 17)  # of the regularisation, as parts of the features' mean square


def probe(model: Any, train: Examples, held_out: Examples) -> float:
    """What a ridge regression from the model's features onto the labels reaches on held-out examples.

    The features are the backbone's, averaged over an input's tokens or pixels; the strength is chosen by
    generalised cross-validation (https://doi.org/10.1080/00401706.1979.10489751). The model is not changed.

    Returns the first metric of the problem (`METRICS`).
    """
    known, asked = (features(model, part.inputs) for part in (train, held_out))
    targets = model.targets(train.labels or ())
    wanted = np.eye(len(model.labels))[targets] if train.problem == SINGLE else targets
    outputs = ridge(known, wanted, asked).astype(np.float32)
    found = scores_of(train.problem, outputs, model.targets(held_out.labels or ()))
    return found.metrics[METRICS[train.problem][0]]


def features(model: Any, inputs: Sequence[Any]) -> np.ndarray:
    """The backbone's features of each input, averaged: `(inputs, dim)` float64."""
    raw = model.preprocess.encode(inputs) if model.inputs == "texts" else inputs
    found = np.zeros((len(raw), model.backbone.dim))
    for n, row in model.run(raw, _averaged, model.backbone):
        found[n] = row
    return found


def _averaged(outputs: Any, arrays: dict[str, Any]) -> Any:
    """The mean over an input's tokens, or over a picture's height and width."""
    outputs = ops.cast(outputs, "float32")
    mask = arrays.get("attention_mask")
    if mask is None:
        return ops.mean(outputs, axis=tuple(range(1, len(outputs.shape) - 1)))
    weights = ops.cast(mask, "float32")[:, :, None]
    return ops.sum(outputs * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)


def ridge(known: np.ndarray, wanted: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Predictions for `asked` `(rows, dim)` of the ridge regression from `known` onto `wanted`, with an intercept.

    The strength with the lowest generalised cross-validation error over the rows of `known` is taken.
    """
    centre, level = known.mean(axis=0), wanted.mean(axis=0)
    spread = known.std(axis=0) + 1e-12
    known, asked, wanted = (known - centre) / spread, (asked - centre) / spread, wanted - level
    left, singular, right = np.linalg.svd(known, full_matrices=False)
    rows, projected = len(known), left.T @ wanted

    def error(strength: float) -> float:
        kept = singular**2 / (singular**2 + strength)
        residual = wanted - left @ (kept[:, None] * projected)
        freedom = 1 - (kept.sum() + 1) / rows
        return float(np.square(residual).sum() / max(freedom, 1e-9) ** 2)

    strength = min(_STRENGTHS * max(float((singular**2).mean()), 1e-12), key=error)
    solution = right.T @ ((singular / (singular**2 + strength))[:, None] * projected)
    return asked @ solution + level
