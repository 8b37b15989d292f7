"""What classifiers of texts and of images share: scores, ranked labels, and the loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from zoo.data.problems import MULTI, REGRESSION, SINGLE
from zoo.errors import ZooError
from zoo.tasks.labelled import targets_of
from zoo.tasks.losses import Loss, binary_cross_entropy, cross_entropy, squared_error
from zoo.tasks.model import Model, softmax

_SAID = 0.5  # of several labels, what a probability is above where the label is given
_SCORES = {
    MULTI: lambda logits, arrays: keras.ops.sigmoid(keras.ops.cast(logits, "float32")),
    REGRESSION: lambda logits, arrays: keras.ops.cast(logits, "float32"),
}


class Classifier(Model):
    """Logits `(batch, classes)`; the classes have names."""

    verb = "classify"
    needs_labels = True

    @property
    def problem(self) -> str:
        """What the output means: the config's `problem_type`, else what the reference takes for granted."""
        default = SINGLE if len(self.labels) > 1 else MULTI
        return self.config.source.get("problem_type") or default

    @property
    def scoring(self) -> Callable[[Any, dict[str, Any]], Any]:
        """`finish` for `run`: from logits to the scores of every class."""
        return _SCORES.get(self.problem, softmax())

    def ranked(self, scores: np.ndarray, top_k: int | None) -> list[Any]:
        """The best label of each row with its score, as a dict; as a list the `top_k` best, or, where an input may
        have several labels, those that are more probable than not, which may be none."""
        if top_k is not None and top_k < 1:
            raise ZooError(f"top_k = {top_k}: there is no such number of labels.", fix="Ask for 1 or more.")
        several = self.problem == MULTI and len(self.labels) > 1
        most = top_k or (len(self.labels) if several else 1)
        rows = [
            [{"label": self.labels[n], "score": float(row[n])} for n in np.argsort(-row)[:most]] for row in scores
        ]
        if top_k is not None:
            return rows
        return (
            [[one for one in row if one["score"] > _SAID] for row in rows] if several else [row[0] for row in rows]
        )

    def targets(self, labels: Sequence[Any]) -> np.ndarray:
        """Labels as what the model is trained on: class numbers, or floats `(inputs, labels)`."""
        return targets_of(labels, self.labels, self.problem)

    def default_loss(self) -> keras.losses.Loss:
        return {
            SINGLE: lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            MULTI: lambda: keras.losses.BinaryCrossentropy(from_logits=True),
            REGRESSION: keras.losses.MeanSquaredError,
        }[self.problem]()

    def compile(self, optimizer: Any = None, loss: Any = None, metrics: Any = None, **kwargs: Any) -> None:
        if metrics is None:
            metrics = {SINGLE: ["accuracy"], MULTI: [_binary_accuracy()], REGRESSION: ["mae"]}[self.problem]
        super().compile(optimizer, loss, metrics, **kwargs)

    def objective(self, *, smoothing: float = 0.0, class_weights: Sequence[float] = ()) -> Loss:
        if self.problem == SINGLE:
            return cross_entropy(smoothing, class_weights)
        if smoothing or class_weights:
            raise ZooError(
                f"Label smoothing and class weights are for one class an input, not for {self.problem}.",
                fix="Leave out train.label_smoothing and train.class_weights.",
            )
        return binary_cross_entropy() if self.problem == MULTI else squared_error()


def _binary_accuracy() -> keras.metrics.Metric:
    return keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)  # of logits
