"""Batch normalisation as torch computes it (https://arxiv.org/abs/1502.03167)."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class BatchNorm(keras.layers.Layer):
    """Normalises every channel, the last axis, over all the others; float32 whatever the compute dtype.

    In training it normalises by the batch's own mean and variance, and moves the running ones towards them by
    `momentum`; the running variance takes the unbiased estimate, which Keras' layer does not. Otherwise, and where
    the layer is frozen (`trainable = False`), it normalises by the running ones and leaves them.

    Reference: torch.nn.BatchNorm2d
    """

    def __init__(self, epsilon: float = 1e-5, momentum: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon, self.momentum = epsilon, momentum

    def build(self, input_shape: Any) -> None:
        def weight(name: str, initializer: str, trainable: bool) -> Any:
            shape = (input_shape[-1],)
            return self.add_weight(
                shape=shape, initializer=initializer, trainable=trainable, name=name, autocast=False
            )

        self.gamma = weight("gamma", "ones", True)
        self.beta = weight("beta", "zeros", True)
        self.moving_mean = weight("moving_mean", "zeros", False)
        self.moving_variance = weight("moving_variance", "ones", False)

    def call(self, x: Any, training: bool = False) -> Any:
        wide = ops.cast(x, "float32")
        mean, variance = self.moving_mean, self.moving_variance
        if training and self.trainable:
            axes = tuple(range(len(x.shape) - 1))
            mean = ops.mean(wide, axis=axes)
            variance = ops.mean(ops.square(wide - mean), axis=axes)
            count = math.prod(x.shape[:-1])
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance * (count / max(1, count - 1)))
        scale = ops.rsqrt(variance + self.epsilon) * self.gamma
        return ops.cast((wide - mean) * scale + self.beta, self.compute_dtype)

    def _move(self, running: Any, seen: Any) -> None:
        running.assign(running * (1 - self.momentum) + ops.stop_gradient(seen) * self.momentum)
