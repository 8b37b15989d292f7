"""Image classification: one label for a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from zoo.data.images import as_images
from zoo.tasks.classification import Classifier
from zoo.tasks.image_model import ImageModel
from zoo.tasks.labelled import LabelledImages


@keras.saving.register_keras_serializable("zoo")
class ImageClassifier(Classifier, ImageModel):
    """Logits `(batch, classes)`; `classify` names the classes."""

    task = "image-classification"

    def classify(self, images: Any, *, top_k: int | None = None, allow_urls: bool = False) -> list[Any]:
        """The most probable label of each picture: `[{"label": "tabby", "score": 0.98}]`. Of a model for several
        labels, a list for each picture: all whose probability is above 0.5, the best first.

        Args:
            images: a path, bytes, PIL image or array `(height, width, channels)`, a list of them, or a batch
                `(batch, height, width, channels)`.
            top_k: give this many labels a picture, the best first, as a list for each.
            allow_urls: fetch pictures that are given as URLs, whatever address that is.

        Raises a ZooError that names the picture that cannot be fetched or read.
        """
        return self.ranked(self.probabilities(as_images(images, allow_urls=allow_urls)), top_k)

    def probabilities(self, images: Sequence[Any]) -> np.ndarray:
        """The score of every class as `classify` gives it, `(images, classes)` float32."""
        found = np.zeros((len(images), len(self.labels)), np.float32)
        for n, row in self.run(images, self.scoring):
            found[n] = row
        return found

    def dataset(
        self, inputs: Sequence[Any], labels: Sequence[Any], batch_size: int = 32, *, seed: int = 0
    ) -> LabelledImages:
        """Pictures and their label names (or numbers) as batches for `fit`, as the checkpoint preprocesses them."""
        targets = self.targets(labels)
        return LabelledImages(self.preprocess, as_images(inputs), targets, batch_size, seed)
