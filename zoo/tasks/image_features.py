"""Feature extraction from images: a vector for each picture, and the maps of every stage."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from zoo.data.images import as_images
from zoo.errors import ZooError
from zoo.nn.image import pool_image
from zoo.tasks.image_model import ImageModel


@keras.saving.register_keras_serializable("zoo")
class ImageFeatureExtractor(ImageModel):
    """Features `(batch, height, width, dim)`; `embed` pools them to one vector a picture."""

    task = "feature-extraction"
    verb = "embed"

    def embed(self, images: Any, *, allow_urls: bool = False) -> np.ndarray:
        """One vector a picture, `(images, dim)` float32: the features pooled as the reference pools them.

        Args:
            images, allow_urls: as `classify` of image classification takes them.
        """
        pictures = as_images(images, allow_urls=allow_urls)
        found = np.zeros((len(pictures), self.backbone.dim), np.float32)
        for n, row in self.run(pictures, self._pooled):
            found[n] = row
        return found

    def feature_maps(self, images: Any, *, allow_urls: bool = False) -> list[np.ndarray]:
        """The features after every stage, fine to coarse: a list of `(images, height, width, channels)` float32.

        The arguments are those of `embed`.

        Raises a ZooError for pictures of different sizes, where the checkpoint does not bring them to one.
        """
        pictures = as_images(images, allow_urls=allow_urls)
        rows = [row for _, row in self.run(pictures, _plain, self.backbone.feature_maps)]
        if len({tuple(x.shape for x in row) for row in rows}) > 1:
            raise ZooError(
                "The pictures have different sizes, and so have their maps.", fix="Give them one by one."
            )
        return [np.stack(stage) for stage in zip(*rows, strict=True)]

    def _pooled(self, features: Any, arrays: dict[str, Any]) -> Any:
        return pool_image(keras.ops.cast(features, "float32"), self.head.pooling)


def _plain(maps: list[Any], arrays: dict[str, Any]) -> list[Any]:
    return [keras.ops.cast(x, "float32") for x in maps]
