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


@keras.saving.register_keras_serializable("zoo")
class RMSNorm(keras.layers.Layer):
    """Root-mean-square normalisation over the last axis (https://arxiv.org/abs/1910.07467).

    `x / sqrt(mean(x^2) + epsilon) * scale`, in one of the two ways in which checkpoints store the scale:

    Args:
        centred: the scale is stored as its distance from one, and multiplied in float32 (Gemma); else it is stored
            as it is, and multiplied in the compute dtype (Llama).
    """

    def __init__(self, epsilon: float, *, centred: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon
        self.centred = centred

    def build(self, input_shape: Any) -> None:
        start = "zeros" if self.centred else "ones"
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer=start, name="scale", autocast=False)

    def call(self, x: Any) -> Any:
        wide = ops.cast(x, "float32")
        wide = wide * ops.rsqrt(ops.mean(ops.square(wide), axis=-1, keepdims=True) + self.epsilon)
        if self.centred:
            return ops.cast(wide * (1.0 + ops.cast(self.scale, "float32")), self.compute_dtype)
        return ops.cast(self.scale, self.compute_dtype) * ops.cast(wide, self.compute_dtype)
