"""Convolution and pooling over images `(batch, height, width, channels)`, padded as torch pads."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.errors import ZooError


@keras.saving.register_keras_serializable("zoo")
class Conv2D(keras.layers.Layer):
    """A convolution without bias over `(batch, height, width, in)`; each side shrinks by the stride, rounded up.

    It pads `size // 2` zeros on every side, whatever the stride; Keras' "same" pads unevenly where the stride is
    above 1, and gives other numbers than the checkpoint was trained with.

    Args:
        filters: channels of the output.
        size: height and width of the kernel, which is `(size, size, in / groups, filters)`.
        stride: how far apart the windows are.
        groups: how many groups of channels there are that do not mix; as many as channels is depthwise.

    Raises a ZooError where the channels cannot be divided so.
    """

    def __init__(self, filters: int, size: int, stride: int = 1, groups: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters, self.size, self.stride, self.groups = filters, size, stride, groups

    def build(self, input_shape: Any) -> None:
        channels = input_shape[-1]
        if channels % self.groups or self.filters % self.groups:
            raise ZooError(f"{channels} channels to {self.filters} cannot be divided into {self.groups} groups.")
        # He et al., https://arxiv.org/abs/1502.01852, over the outputs, as the reference starts its convolutions.
        deviation = (2 * self.groups / (self.size * self.size * self.filters)) ** 0.5
        self.kernel = self.add_weight(
            shape=(self.size, self.size, channels // self.groups, self.filters),
            initializer=keras.initializers.RandomNormal(stddev=deviation),
            name="kernel",
        )

    def call(self, x: Any) -> Any:
        if self.size == 1 and self.groups == 1:  # a matrix product, which XLA computes twice as fast on a CPU
            return ops.matmul(x[:, :: self.stride, :: self.stride], self.kernel[0, 0])
        return ops.conv(_padded(x, self.size // 2, 0.0), self.kernel, strides=self.stride, padding="valid")


def max_pool(x: Any, size: int, stride: int) -> Any:
    """The largest value of each window, with `size // 2` places of nothing on every side."""
    return ops.max_pool(_padded(x, size // 2, -np.inf), size, strides=stride, padding="valid")


def _padded(x: Any, places: int, value: float) -> Any:
    around = (places, places)
    return ops.pad(x, ((0, 0), around, around, (0, 0)), constant_values=value)
