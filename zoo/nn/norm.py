"""Normalisation layers, computed in float32 whatever the compute dtype."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class LayerNorm(keras.layers.Layer):
    """Layer normalisation over the last axis (https://arxiv.org/abs/1607.06450).

    `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with the variance taken around the mean: the
    shorter E[x^2] - E[x]^2 loses digits that parity with the reference needs.
    """

    def __init__(self, epsilon: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[-1],)
        self.gamma = self.add_weight(shape=shape, initializer="ones", name="gamma", autocast=False)
        self.beta = self.add_weight(shape=shape, initializer="zeros", name="beta", autocast=False)

    def call(self, x: Any) -> Any:
        wide = ops.cast(x, "float32")
        centred = wide - ops.mean(wide, axis=-1, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=-1, keepdims=True)
        return ops.cast(centred * ops.rsqrt(variance + self.epsilon) * self.gamma + self.beta, self.compute_dtype)
