"""The residual network (https://arxiv.org/abs/1512.03385): a stem, then stages of residual blocks.

Reference: transformers/models/resnet/modeling_resnet.py
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.nn import BatchNorm, Conv2D, activation, max_pool
from zoo_resnet.config import ResNetConfig

_EXPANSION = 4  # a bottleneck's inner convolutions have this many times fewer channels than it gives


@keras.saving.register_keras_serializable("zoo_resnet")
class ResNetBackbone(keras.layers.Layer):
    """Images to features `(batch, height / 32, width / 32, dim)`.

    Takes a dict with `pixel_values` `(batch, height, width, channels)`, of any size.
    """

    def __init__(self, config: ResNetConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = config.hidden_sizes[-1]
        self.num_channels = config.num_channels
        self.stem = ConvNorm(config.embedding_size, 7, 2, config.hidden_act, name="stem")
        self.stages = []
        for i, (width, depth) in enumerate(zip(config.hidden_sizes, config.depths, strict=True)):
            before = config.hidden_sizes[i - 1] if i else config.embedding_size
            stride = 2 if i or config.downsample_in_first_stage else 1
            self.stages.append(Stage(config, before, width, depth, stride, name=f"stage_{i}"))

    def build(self, input_shape: Any = None) -> None:
        self.stem.build((None, None, None, self.num_channels))
        for stage in self.stages:
            stage.build()

    def feature_maps(self, arrays: dict[str, Any], training: bool = False) -> list[Any]:
        """The features after every stage, `(batch, height / 4, width / 4, hidden_sizes[0])` and coarser."""
        x = max_pool(self.stem(arrays["pixel_values"], training=training), 3, 2)
        maps = []
        for stage in self.stages:
            x = stage(x, training=training)
            maps.append(x)
        return maps

    def call(self, arrays: dict[str, Any], training: bool = False) -> Any:
        return self.feature_maps(arrays, training=training)[-1]


class Stage(keras.layers.Layer):
    """Residual blocks of one width; the first of them strides."""

    def __init__(
        self, config: ResNetConfig, before: int, width: int, depth: int, stride: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.blocks = [
            Block(config, width if j else before, width, 1 if j else stride, name=f"block_{j}")
            for j in range(depth)
        ]

    def build(self, input_shape: Any = None) -> None:
        for block in self.blocks:
            block.build()

    def call(self, x: Any, training: bool = False) -> Any:
        for block in self.blocks:
            x = block(x, training=training)
        return x


class Block(keras.layers.Layer):
    """Two 3x3 convolutions, or a 3x3 between two 1x1, around which the input is added to the output."""

    def __init__(self, config: ResNetConfig, before: int, width: int, stride: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.before = before
        self.activation = activation(config.hidden_act)
        if config.layer_type == "basic":
            shapes = [(width, 3, stride), (width, 3, 1)]
        else:
            inner = width // _EXPANSION
            first, second = (stride, 1) if config.downsample_in_bottleneck else (1, stride)
            shapes = [(inner, 1, first), (inner, 3, second), (width, 1, 1)]
        last = len(shapes) - 1
        self.convolutions = [
            # Whatever hidden_act says, the reference has ReLU inside a block.
            ConvNorm(*shape, "linear" if k == last else "relu", name=f"conv_{k}")
            for k, shape in enumerate(shapes)
        ]
        changes = before != width or stride != 1
        self.shortcut = ConvNorm(width, 1, stride, "linear", name="shortcut") if changes else None

    def build(self, input_shape: Any = None) -> None:
        channels = self.before
        for convolution in self.convolutions:
            convolution.build((None, None, None, channels))
            channels = convolution.filters
        if self.shortcut is not None:
            self.shortcut.build((None, None, None, self.before))

    def call(self, x: Any, training: bool = False) -> Any:
        passed = x if self.shortcut is None else self.shortcut(x, training=training)
        for convolution in self.convolutions:
            x = convolution(x, training=training)
        return self.activation(x + passed)


class ConvNorm(keras.layers.Layer):
    """A convolution, batch normalisation and an activation."""

    def __init__(self, filters: int, size: int, stride: int, act: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.convolution = Conv2D(filters, size, stride, name="convolution")
        self.norm = BatchNorm(name="norm")
        self.activation = activation(act)

    def build(self, input_shape: Any) -> None:
        self.convolution.build(input_shape)
        self.norm.build((*input_shape[:-1], self.filters))

    def call(self, x: Any, training: bool = False) -> Any:
        return self.activation(self.norm(self.convolution(x), training=training))


class ImageHead(keras.layers.Layer):
    """Logits `(batch, labels)` from the mean of the features over height and width."""

    def __init__(self, config: ResNetConfig, labels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = config.hidden_sizes[-1]
        self.classifier = keras.layers.Dense(labels, name="classifier")

    def build(self, input_shape: Any = None) -> None:
        self.classifier.build((None, self.dim))

    def call(self, features: Any, training: bool = False) -> Any:
        return self.classifier(ops.mean(features, axis=(1, 2)))
