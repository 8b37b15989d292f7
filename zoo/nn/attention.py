"""Self-attention with padding and packed rows, and the mask both share."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from zoo.nn.dropout import Dropout
from zoo.nn.linear import linear


def attention_mask(arrays: dict[str, Any]) -> Any:
    """Who may look at whom: bool `(batch, 1, length | 1, length)`, or None where all may.

    `segment_ids` (packed rows) lets a token see its own segment; `attention_mask` hides padding.
    """
    segments = arrays.get("segment_ids")
    if segments is not None:
        return ops.equal(segments[:, None, :, None], segments[:, None, None, :])
    mask = arrays.get("attention_mask")
    return None if mask is None else ops.cast(mask, "bool")[:, None, None, :]


@keras.saving.register_keras_serializable("zoo")
class SelfAttention(keras.layers.Layer):
    """Multi-head self-attention: `softmax(Q K^T / sqrt(dim / heads)) V` (https://arxiv.org/abs/1706.03762).

    Maps `(batch, length, dim)` to the concatenated heads `(batch, length, dim)`; the output projection belongs
    to the block around it, where the reference keeps it too. The softmax runs in float32.
    """

    def __init__(self, dim: int, heads: int, *, dropout: float, stddev: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads
        self.head_dim = dim // heads
        self.query, self.key, self.value = (linear(dim, name, stddev) for name in ("query", "key", "value"))
        self.dropout = Dropout(dropout, name="dropout")

    def build(self, input_shape: Any) -> None:
        for projection in (self.query, self.key, self.value):
            projection.build(input_shape)

    def call(self, x: Any, visible: Any = None, training: bool = False) -> Any:
        query, key, value = (self._split(p(x)) for p in (self.query, self.key, self.value))
        scores = ops.matmul(query * (1.0 / math.sqrt(self.head_dim)), ops.transpose(key, (0, 1, 3, 2)))
        scores = ops.cast(scores, "float32")
        if visible is not None:
            # Not minus infinity: a row of padding alone would turn into NaN.
            scores = ops.where(visible, scores, -1e30)
        weights = ops.cast(ops.softmax(scores, axis=-1), value.dtype)
        mixed = ops.matmul(self.dropout(weights, training=training), value)
        return ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (*ops.shape(x)[:-1], self.heads * self.head_dim))

    def _split(self, x: Any) -> Any:
        batch, length = ops.shape(x)[:2]
        return ops.transpose(ops.reshape(x, (batch, length, self.heads, self.head_dim)), (0, 2, 1, 3))
