"""The residual network (https://arxiv.org/abs/1512.03385): a stem, then stages of residual blocks.

References: transformers/models/resnet/modeling_resnet.py, timm/models/resnet.py and resnetv2.py
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.nn import BatchNorm, Conv2D, ConvNorm, TraceOnce, max_pool
from zoo_resnet.blocks import Block, PreActivationBlock
from zoo_resnet.config import ResNetConfig


@keras.saving.register_keras_serializable("zoo_resnet")
class ResNetBackbone(keras.layers.Layer):
    """Images to features `(batch, height / 32, width / 32, dim)`.

    Takes a dict with `pixel_values` `(batch, height, width, channels)`, of any size.
    """

    def __init__(self, config: ResNetConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = config.hidden_sizes[-1]
        self.num_channels = config.num_channels
        self.stem = _stem(config)
        self.stages = []
        drops = iter(np.linspace(0.0, config.drop_path_rate, sum(config.depths)).tolist())
        for i, (width, depth) in enumerate(zip(config.hidden_sizes, config.depths, strict=True)):
            before = config.hidden_sizes[i - 1] if i else config.embedding_size
            stride = 2 if i or config.downsample_in_first_stage else 1
            self.stages.append(Stage(config, before, width, list(islice(drops, depth)), stride, name=f"stage_{i}"))
        # v2's blocks end in a sum, which is normalised once at the end.
        self.norm = BatchNorm(name="norm") if config.pre_activation else None

    def build(self, input_shape: Any = None) -> None:
        channels = self.num_channels
        for layer in self.stem:
            layer.build((None, None, None, channels))
            channels = layer.filters
        for stage in self.stages:
            stage.build()
        if self.norm is not None:
            self.norm.build((None, None, None, self.dim))

    def feature_maps(self, arrays: dict[str, Any], training: bool = False) -> list[Any]:
        """The features after every stage, `(batch, height / 4, width / 4, hidden_sizes[0])` and coarser."""
        x = arrays["pixel_values"]
        for layer in self.stem:
            x = layer(x, training=training) if isinstance(layer, ConvNorm) else layer(x)
        x = max_pool(x, 3, 2)
        maps = []
        for stage in self.stages:
            x = stage(x, training=training)
            maps.append(x)
        return maps

    def call(self, arrays: dict[str, Any], training: bool = False) -> Any:
        x = self.feature_maps(arrays, training=training)[-1]
        return x if self.norm is None else ops.relu(self.norm(x, training=training))


class Stage(keras.layers.Layer):
    """Residual blocks of one width, one for each share that is dropped; the first of them strides."""

    def __init__(
        self, config: ResNetConfig, before: int, width: int, drops: list[float], stride: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        block = PreActivationBlock if config.pre_activation else Block
        self.blocks = [
            block(config, width if j else before, width, 1 if j else stride, not j, drop, name=f"block_{j}")
            for j, drop in enumerate(drops)
        ]

    def build(self, input_shape: Any = None) -> None:
        for block in self.blocks:
            block.build()

    def call(self, x: Any, training: bool = False) -> Any:
        once = TraceOnce()
        for block in self.blocks:
            x = once(block, x, training=training)
        return x


def _stem(config: ResNetConfig) -> list[Any]:
    shapes: list[tuple[int, int, int]] = [(config.embedding_size, 7, 2)]
    if config.first_stem:
        shapes = [(config.first_stem, 3, 2), (config.second_stem, 3, 1), (config.embedding_size, 3, 1)]
    layers: list[Any] = [ConvNorm(*shape, config.hidden_act, name=f"stem_{n}") for n, shape in enumerate(shapes)]
    if config.pre_activation:  # its first block normalises what the stem gives
        layers[-1] = Conv2D(*shapes[-1], name=f"stem_{len(shapes) - 1}")
    return layers
