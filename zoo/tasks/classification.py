"""What classifiers of texts and of images share: scores, ranked labels, and the loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from zoo.errors import ZooError
from zoo.tasks.losses import Loss, cross_entropy
from zoo.tasks.model import Model, softmax

_SCORES = {
    "multi_label_classification": lambda logits, arrays: keras.ops.sigmoid(keras.ops.cast(logits, "float32")),
    "regression": lambda logits, arrays: keras.ops.cast(logits, "float32"),
}


class Classifier(Model):
    """Logits `(batch, classes)`; the classes have names."""

    verb = "classify"
    needs_labels = True

    @property
    def problem(self) -> str:
        """What the output means: the config's `problem_type`, else what the reference takes for granted."""
        default = "single_label_classification" if len(self.labels) > 1 else "multi_label_classification"
        return self.config.source.get("problem_type") or default

    @property
    def scoring(self) -> Callable[[Any, dict[str, Any]], Any]:
        """`finish` for `run`: from logits to the scores of every class."""
        return _SCORES.get(self.problem, softmax())

    def ranked(self, scores: np.ndarray, top_k: int | None) -> list[Any]:
        """The best label of each row, or its `top_k` best as a list, with their scores."""
        rows = [
            [{"label": self.labels[n], "score": float(row[n])} for n in np.argsort(-row)[: top_k or 1]]
            for row in scores
        ]
        return [row[0] for row in rows] if top_k is None else rows

    def default_loss(self) -> keras.losses.Loss:
        if self.problem != "single_label_classification":
            raise ZooError(
                f"zoo trains one label an input; the head of {self.preset or 'this model'} is for {self.problem}.",
                fix="Load it with labels=[...] of your own: they start a new head.",
            )
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def objective(self, *, smoothing: float = 0.0, class_weights: Sequence[float] = ()) -> Loss:
        self.default_loss()
        return cross_entropy(smoothing, class_weights)
