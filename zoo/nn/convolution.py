"""Convolution and pooling over images `(batch, height, width, channels)`, padded as the references pad."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np
from keras import ops

from zoo.errors import ZooError
from zoo.nn.depthwise import depthwise
from zoo.nn.windows import max_windows

Padding = tuple[int, int] | str | None
"""Zeros before and after each axis; "same" as TensorFlow pads; None for `size // 2` on every side, as in torch."""


@keras.saving.register_keras_serializable("zoo")
class Conv2D(keras.layers.Layer):
    """A convolution over `(batch, height, width, in)`; each side shrinks by the stride, rounded up.

    By default it pads `size // 2` zeros on every side, whatever the stride. TensorFlow's "same" pads unevenly where
    the stride is above 1, by the image's size, and gives other numbers; checkpoints need the one they were trained
    with.

    Args:
        filters: channels of the output.
        size: height and width of the kernel, which is `(size, size, in / groups, filters)`.
        stride: how far apart the windows are.
        groups: how many groups of channels there are that do not mix; as many as channels is depthwise.
        padding: how the sides are padded.
        bias: whether a number is added to every channel.

    Raises a ZooError where the channels cannot be divided so.
    """

    def __init__(
        self,
        filters: int,
        size: int,
        stride: int = 1,
        groups: int = 1,
        padding: Padding = None,
        bias: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters, self.size, self.stride, self.groups = filters, size, stride, groups
        self.padding: Padding = (size // 2, size // 2) if padding is None else padding
        self.use_bias = bias

    def build(self, input_shape: Any) -> None:
        channels = input_shape[-1]
        if channels % self.groups or self.filters % self.groups:
            raise ZooError(f"{channels} channels to {self.filters} cannot be divided into {self.groups} groups.")
        # He et al., https://arxiv.org/abs/1502.01852, over the outputs, as the references start their convolutions.
        deviation = (2 * self.groups / (self.size * self.size * self.filters)) ** 0.5
        self.kernel = self.add_weight(
            shape=(self.size, self.size, channels // self.groups, self.filters),
            initializer=keras.initializers.RandomNormal(stddev=deviation),
            name="kernel",
        )
        self.bias = (
            self.add_weight(shape=(self.filters,), initializer="zeros", name="bias") if self.use_bias else None
        )

    def call(self, x: Any) -> Any:
        if self.size == 1 and self.groups == 1:  # a matrix product, which XLA computes twice as fast on a CPU
            x = ops.matmul(x[:, :: self.stride, :: self.stride], self.kernel[0, 0])
        elif self.groups == x.shape[-1] == self.filters and jax.default_backend() == "cpu":
            x = depthwise(x, ops.cast(self.kernel, x.dtype), self.stride, self._pads(x.shape))
        elif self.padding == "same":
            x = ops.conv(x, self.kernel, strides=self.stride, padding="same")
        else:
            x = ops.conv(_padded(x, self.padding, 0.0), self.kernel, strides=self.stride, padding="valid")
        return x if self.bias is None else x + self.bias

    def _pads(self, shape: Any) -> Any:
        """Zeros before and after height and width, as "same" means for pictures of this shape."""
        if self.padding != "same":
            return self.padding, self.padding
        over = [max(0, (-(-n // self.stride) - 1) * self.stride + self.size - n) for n in shape[1:3]]
        return tuple((n // 2, n - n // 2) for n in over)


def max_pool(x: Any, size: int, stride: int) -> Any:
    """The largest value of each window, with `size // 2` places of nothing on every side."""
    x = _padded(x, (size // 2, size // 2), -np.inf)
    if jax.default_backend() == "cpu":
        return max_windows(x, size, stride)
    return ops.max_pool(x, size, strides=stride, padding="valid")


def average_pool(x: Any, size: int) -> Any:
    """The mean of each of the windows that lie side by side; those that reach over the edge count what is there."""
    return ops.average_pool(x, size, strides=size, padding="same")


def _padded(x: Any, around: Any, value: float) -> Any:
    return ops.pad(x, ((0, 0), around, around, (0, 0)), constant_values=value)
