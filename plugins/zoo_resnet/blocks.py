"""The two residual blocks: activated after the sum (v1, v1.5), and before the convolutions (v2)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.nn import BatchNorm, Conv2D, ConvNorm, StochasticDepth, activation, average_pool, divisible
from zoo_resnet.config import EXPANSION, ResNetConfig

Shape = tuple[int, int, int, int]
"""Filters, size, stride and groups of a convolution."""


class Block(keras.layers.Layer):
    """Two 3x3 convolutions, or a 3x3 between two 1x1, around which the input is added to the output."""

    def __init__(
        self, config: ResNetConfig, before: int, width: int, stride: int, first: bool, drop: float, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.before = before
        self.activation = activation(config.hidden_act)
        shapes = _shapes(config, width, stride)
        self.convolutions = [
            # Whatever hidden_act says, the reference has ReLU inside a block.
            ConvNorm(filters, size, step, act, groups=groups, name=f"conv_{k}")
            for k, ((filters, size, step, groups), act) in enumerate(
                zip(shapes, ["relu"] * (len(shapes) - 1) + ["linear"], strict=True)
            )
        ]
        self.dropout = StochasticDepth(drop, name="dropout")
        self.shortcut = None
        self.averages = config.average_down and stride > 1
        if before != width or stride != 1:
            self.shortcut = ConvNorm(width, 1, 1 if self.averages else stride, name="shortcut")

    def build(self, input_shape: Any = None) -> None:
        channels = self.before
        for convolution in self.convolutions:
            convolution.build((None, None, None, channels))
            channels = convolution.filters
        if self.shortcut is not None:
            self.shortcut.build((None, None, None, self.before))

    def call(self, x: Any, training: bool = False) -> Any:
        passed = average_pool(x, 2) if self.averages else x
        if self.shortcut is not None:
            passed = self.shortcut(passed, training=training)
        for convolution in self.convolutions:
            x = convolution(x, training=training)
        return self.activation(self.dropout(x, training=training) + passed)


class PreActivationBlock(keras.layers.Layer):
    """Normalised and activated before every convolution; the sum is passed on as it is (v2)."""

    def __init__(
        self, config: ResNetConfig, before: int, width: int, stride: int, first: bool, drop: float, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.before = before
        shapes = _shapes(config, width, stride)
        self.norms = [BatchNorm(name=f"norm_{k}") for k in range(len(shapes))]
        self.convolutions = [Conv2D(*shape, name=f"conv_{k}") for k, shape in enumerate(shapes)]
        self.dropout = StochasticDepth(drop, name="dropout")
        self.shortcut = None
        self.averages = config.average_down and stride > 1
        # A bottleneck's first block projects even where the shapes would let it pass the input on.
        if (first and config.layer_type == "bottleneck") or before != width or stride != 1:
            self.shortcut = Conv2D(width, 1, 1 if self.averages else stride, name="shortcut")

    def build(self, input_shape: Any = None) -> None:
        channels = self.before
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            norm.build((None, None, None, channels))
            convolution.build((None, None, None, channels))
            channels = convolution.filters
        if self.shortcut is not None:
            self.shortcut.build((None, None, None, self.before))

    def call(self, x: Any, training: bool = False) -> Any:
        passed = x
        for k, (norm, convolution) in enumerate(zip(self.norms, self.convolutions, strict=True)):
            x = ops.relu(norm(x, training=training))
            if k == 0 and self.shortcut is not None:
                passed = self.shortcut(average_pool(x, 2) if self.averages else x)
            x = convolution(x)
        return self.dropout(x, training=training) + passed


def _shapes(config: ResNetConfig, width: int, stride: int) -> list[Shape]:
    """The convolutions of a block: two of 3x3, or 1x1, 3x3 and 1x1.

    A bottleneck is widened by `base_width` (https://arxiv.org/abs/1605.07146), and its 3x3 divided into
    `cardinality` groups (https://arxiv.org/abs/1611.05431).
    """
    if config.layer_type == "basic":
        return [(width, 3, stride, 1), (width, 3, 1, 1)]
    groups = config.cardinality
    inner = width // EXPANSION * config.base_width // 64 * groups
    if config.pre_activation:
        inner = divisible(width / EXPANSION)
    first, second = (stride, 1) if config.downsample_in_bottleneck else (1, stride)
    return [(inner, 1, first, 1), (inner, 3, second, groups), (width, 1, 1, 1)]
