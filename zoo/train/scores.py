"""How good a classifier is: its probabilities on examples, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.data.examples import Examples
from zoo.errors import RunError
from zoo.tasks.labelled import label_numbers


@dataclass(frozen=True)
class Scores:
    """The outcome on one set of examples.

    Args:
        probabilities: `(examples, classes)` float32.
        targets: `(examples,)` the true classes.
    """

    probabilities: np.ndarray
    targets: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        return self.probabilities.argmax(axis=1)

    @property
    def losses(self) -> np.ndarray:
        """Cross-entropy of each example, in nats."""
        likelihood = self.probabilities[np.arange(len(self.targets)), self.targets]
        return -np.log(np.maximum(likelihood, 1e-12))

    @property
    def confusion(self) -> np.ndarray:
        """`(classes, classes)` counts: true classes down, predicted ones across."""
        classes = self.probabilities.shape[1]
        counts = np.zeros((classes, classes), np.int64)
        np.add.at(counts, (self.targets, self.predicted), 1)
        return counts

    @property
    def metrics(self) -> dict[str, float]:
        """Accuracy, macro F1 over the classes that occur, and mean loss."""
        counts = self.confusion
        hits, true, called = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
        occurs = true + called > 0
        f1 = 2 * hits[occurs] / (true + called)[occurs]
        return {
            "accuracy": float(hits.sum() / counts.sum()),
            "macro_f1": float(f1.mean()),
            "loss": float(self.losses.mean()),
        }


def score(model: Any, examples: Examples) -> Scores:
    """Run a text classifier over labelled examples. Raises a RunError where its outputs are no numbers."""
    targets = np.array(label_numbers(examples.labels or (), model.labels), np.int32)
    probabilities = model.probabilities(examples.inputs)
    if not np.isfinite(probabilities).all():
        raise RunError(
            f"The model's outputs on '{examples.source}' are not numbers.",
            why="its weights grew beyond all bounds in training",
            fix="Train again with a lower train.learning_rate, or a longer train.warmup.",
        )
    return Scores(probabilities, targets)
