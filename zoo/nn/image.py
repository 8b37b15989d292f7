"""What networks for images are made of: a normalised convolution, and the head of a classifier."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.nn.activations import activation
from zoo.nn.batch_norm import BatchNorm
from zoo.nn.convolution import Conv2D, Padding
from zoo.nn.dropout import Dropout


@keras.saving.register_keras_serializable("zoo")
class ConvNorm(keras.layers.Layer):
    """A convolution without bias, batch normalisation and an activation.

    Args:
        filters, size, stride, groups, padding: the convolution's.
        act: the activation's name; "linear" for none.
        epsilon, momentum: the normalisation's.
    """

    def __init__(
        self,
        filters: int,
        size: int,
        stride: int = 1,
        act: str = "linear",
        *,
        groups: int = 1,
        padding: Padding = None,
        epsilon: float = 1e-5,
        momentum: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.convolution = Conv2D(filters, size, stride, groups, padding, name="convolution")
        self.norm = BatchNorm(epsilon, momentum, name="norm")
        self.activation = activation(act)

    def build(self, input_shape: Any) -> None:
        self.convolution.build(input_shape)
        self.norm.build((*input_shape[:-1], self.filters))

    def call(self, x: Any, training: bool = False) -> Any:
        return self.activation(self.norm(self.convolution(x), training=training))


@keras.saving.register_keras_serializable("zoo")
class ImageHead(keras.layers.Layer):
    """Logits `(batch, labels)` from features `(batch, height, width, dim)`, pooled over height and width.

    Args:
        dim: the width of the features.
        labels: how many classes there are.
        pooling: "mean" or "max".
        dropout: the share of the pooled features that is dropped in training.
    """

    def __init__(
        self, dim: int, labels: int, *, pooling: str = "mean", dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.dim, self.pooling = dim, pooling
        self.dropout = Dropout(dropout, name="dropout")
        self.classifier = keras.layers.Dense(labels, name="classifier")

    def build(self, input_shape: Any = None) -> None:
        self.classifier.build((None, self.dim))

    def call(self, features: Any, training: bool = False) -> Any:
        return self.classifier(self.dropout(pool_image(features, self.pooling), training=training))


@keras.saving.register_keras_serializable("zoo")
class ImageFeatures(keras.layers.Layer):
    """The head of feature extraction: the features as they are; `pooling` says how the reference pools them."""

    def __init__(self, pooling: str = "mean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pooling = pooling

    def build(self, input_shape: Any = None) -> None: ...

    def call(self, features: Any, training: bool = False) -> Any:
        return features


def pool_image(features: Any, pooling: str) -> Any:
    """Features `(batch, height, width, dim)` to `(batch, dim)`: their "mean" or their "max"."""
    return {"mean": ops.mean, "max": ops.max}[pooling](features, axis=(1, 2))


def divisible(channels: float, by: int = 8, *, least: int | None = None, limit: float = 0.9) -> int:
    """The multiple of `by` nearest to a scaled number of channels, never less than `limit` of it.

    Reference: timm/layers/helpers.py (`make_divisible`), transformers' `round_filters`
    """
    found = max(least or by, int(channels + by / 2) // by * by)
    return found + by if found < limit * channels else found
