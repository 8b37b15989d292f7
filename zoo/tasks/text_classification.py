"""Text classification: one label for a text or a pair of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from zoo.data.text import as_list
from zoo.tasks.classification import Classifier
from zoo.tasks.labelled import LabelledTexts
from zoo.tasks.text_model import TextModel


@keras.saving.register_keras_serializable("zoo")
class TextClassifier(Classifier, TextModel):
    """Logits `(batch, classes)`; `classify` names the classes."""

    task = "text-classification"

    def call(self, arrays: dict[str, Any], training: bool = False) -> Any:
        features = self.backbone(arrays, training=training)
        return self.head(features, arrays, training=training)

    def written_config(self) -> dict[str, Any]:
        """As every model's; with the token that rows are padded with, by which the reference finds a row's last."""
        entry = super().written_config()
        if self._preprocessor and getattr(self.config, "pad_token_id", 0) is None:
            entry["pad_token_id"] = self._preprocessor.pad_id
        return entry

    def classify(self, texts: Any, *, top_k: int | None = None, max_length: int | None = None) -> list[Any]:
        """The most probable label of each text or pair: `[{"label": "good", "score": 0.98}]`. Of a model for
        several labels, a list for each text: all whose probability is above 0.5, the best first.

        Scores are probabilities over the labels; where the checkpoint says otherwise (`problem_type`, or a single
        label), what the reference makes of them: one probability for each label, or the plain output of a
        regression.

        Args:
            top_k: give this many labels a text, the best first, as a list for each.
        """
        return self.ranked(self.probabilities(as_list(texts), max_length=max_length), top_k)

    def probabilities(self, texts: Sequence[Any], *, max_length: int | None = None) -> np.ndarray:
        """The score of every class as `classify` gives it, `(texts, classes)` float32."""
        encoded = self.preprocess.encode(texts, max_length=max_length)
        found = np.zeros((len(encoded), len(self.labels)), np.float32)
        for n, row in self.run(encoded, self.scoring):
            found[n] = row
        return found

    def dataset(
        self, inputs: Sequence[Any], labels: Sequence[Any], batch_size: int = 32, *, seed: int = 0
    ) -> LabelledTexts:
        """Texts and their label names (or numbers) as batches for `fit`."""
        encoded = self.preprocess.encode(as_list(inputs))
        targets = self.targets(labels)
        return LabelledTexts(self.preprocess, encoded, targets, batch_size, seed)
