"""Text classification: one label for a text or a pair of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from zoo.data.text import as_list
from zoo.errors import ZooError
from zoo.tasks.labelled import LabelledTexts, label_numbers
from zoo.tasks.model import Model, softmax

_SCORES = {
    "multi_label_classification": lambda logits, arrays: keras.ops.sigmoid(keras.ops.cast(logits, "float32")),
    "regression": lambda logits, arrays: keras.ops.cast(logits, "float32"),
}


@keras.saving.register_keras_serializable("zoo")
class TextClassifier(Model):
    """Logits `(batch, classes)`; `classify` names the classes."""

    task = "text-classification"
    verb = "classify"
    needs_labels = True

    def call(self, arrays: dict[str, Any], training: bool = False) -> Any:
        features = self.backbone(arrays, training=training)
        return self.head(features, example_index=arrays.get("example_index"), training=training)

    def classify(self, texts: Any, *, top_k: int | None = None, max_length: int | None = None) -> list[Any]:
        """The most probable label of each text or pair: `[{"label": "good", "score": 0.98}]`.

        Scores are probabilities over the labels; where the checkpoint says otherwise (`problem_type`, or a single
        label), what the reference makes of them: one probability for each label, or the plain output of a
        regression.

        Args:
            top_k: give this many labels a text, the best first, as a list for each.
        """
        scores = self.probabilities(as_list(texts), max_length=max_length)
        ranked = [
            [{"label": self.labels[n], "score": float(row[n])} for n in np.argsort(-row)[: top_k or 1]]
            for row in scores
        ]
        return [row[0] for row in ranked] if top_k is None else ranked

    def probabilities(self, texts: Sequence[Any], *, max_length: int | None = None) -> np.ndarray:
        """The score of every class as `classify` gives it, `(texts, classes)` float32."""
        encoded = self.preprocess.encode(texts, max_length=max_length)
        found = np.zeros((len(encoded), len(self.labels)), np.float32)
        for n, row in self.run(encoded, _SCORES.get(self.problem, softmax())):
            found[n] = row
        return found

    @property
    def problem(self) -> str:
        """What the output means: the config's `problem_type`, else what the reference takes for granted."""
        default = "single_label_classification" if len(self.labels) > 1 else "multi_label_classification"
        return self.config.source.get("problem_type") or default

    def default_loss(self) -> keras.losses.Loss:
        if self.problem != "single_label_classification":
            raise ZooError(
                f"zoo trains one label a text; the head of {self.preset or 'this model'} is for {self.problem}.",
                fix="Load it with labels=[...] of your own: they start a new head.",
            )
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def dataset(
        self, inputs: Sequence[Any], labels: Sequence[Any], batch_size: int = 32, *, seed: int = 0
    ) -> LabelledTexts:
        """Texts and their label names (or numbers) as batches for `fit`."""
        encoded = self.preprocess.encode(as_list(inputs))
        targets = np.array(label_numbers(labels, self.labels), np.int32)
        return LabelledTexts(self.preprocess, encoded, targets, batch_size, seed)
