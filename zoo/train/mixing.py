"""What the device does to a batch of pictures before the model sees it: normalise, mixup, CutMix.

mixup: https://arxiv.org/abs/1710.09412; CutMix: https://arxiv.org/abs/1905.04899
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from zoo.data.preprocessing import ImagePreprocessor


class Mixing:
    """Batches of `ImageBatches` to the model's arrays and soft targets; to be compiled with the step.

    Class numbers become shares of the classes; targets that are rows of numbers already are mixed as they are.
    """

    def __init__(self, preprocess: ImagePreprocessor, classes: int) -> None:
        # Normalising is a line through any two of its values.
        low, high = preprocess.normalised(np.array([[0], [255]], np.uint8).repeat(preprocess.channels, axis=1))
        self.shift, self.scale = low, (high - low) / 255
        self.classes = classes

    def __call__(self, arrays: dict[str, Any], targets: Any) -> tuple[dict[str, Any], Any]:
        pixels = ops.cast(arrays["pixels"], "float32") * self.scale + self.shift
        if len(targets.shape) == 1:
            targets = ops.one_hot(targets, self.classes, dtype="float32")
        if "partner" in arrays:
            partner, kept = arrays["partner"], arrays["kept"]
            others = ops.take(pixels, partner, axis=0)
            top, bottom, left, right = (arrays["box"][n] for n in range(4))
            y, x = ops.arange(pixels.shape[1])[:, None], ops.arange(pixels.shape[2])[None, :]
            inside = ((y >= top) & (y < bottom) & (x >= left) & (x < right))[None, :, :, None]
            blended = kept * pixels + (1 - kept) * others
            pixels = ops.where(bottom > top, ops.where(inside, others, pixels), blended)
            targets = kept * targets + (1 - kept) * ops.take(targets, partner, axis=0)
        return {"pixel_values": pixels}, targets
