"""Text classification: one label for a text or a pair of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from zoo.data.text import as_list
from zoo.tasks.labelled import LabelledTexts, label_numbers
from zoo.tasks.model import Model, softmax


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

        Args:
            top_k: give this many labels a text, the best first, as a list for each.
        """
        probabilities = self.probabilities(as_list(texts), max_length=max_length)
        ranked = [
            [{"label": self.labels[n], "score": float(row[n])} for n in np.argsort(-row)[: top_k or 1]]
            for row in probabilities
        ]
        return [row[0] for row in ranked] if top_k is None else ranked

    def probabilities(self, texts: Sequence[Any], *, max_length: int | None = None) -> np.ndarray:
        """The probability of every class, `(texts, classes)` float32."""
        encoded = self.preprocess.encode(texts, max_length=max_length)
        found = np.zeros((len(encoded), len(self.labels)), np.float32)
        for n, row in self.run(encoded, softmax()):
            found[n] = row
        return found

    def default_loss(self) -> keras.losses.Loss:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def dataset(
        self, inputs: Sequence[Any], labels: Sequence[Any], batch_size: int = 32, *, seed: int = 0
    ) -> LabelledTexts:
        """Texts and their label names (or numbers) as batches for `fit`."""
        encoded = self.preprocess.encode(as_list(inputs))
        targets = np.array(label_numbers(labels, self.labels), np.int32)
        return LabelledTexts(self.preprocess, encoded, targets, batch_size, seed)
