"""Attention: the formula, and the self-attention of an encoder."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from zoo.nn.costly import costly
from zoo.nn.dropout import Dropout
from zoo.nn.linear import linear, product


def attend(
    query: Any,
    key: Any,
    value: Any,
    visible: Any = None,
    past: tuple[Any, Any, Any] | None = None,
    *,
    scale: float,
    soft_cap: float | None = None,
    drop: Callable[[Any], Any] = lambda weights: weights,
) -> Any:
    """`softmax(scale * Q K^T) V`, the softmax in float32.

    Args:
        query: `(batch, heads, length, head_dim)`.
        key, value: `(batch, kv_heads, keys, head_dim)`; each serves `heads / kv_heads` queries in a row
            (https://arxiv.org/abs/2305.13245).
        visible: bool `(batch | 1, 1, length | 1, keys)`; None where every key may be seen.
        past: more keys, values and who may see them, which a cache holds. They are read where they lie.
        soft_cap: keeps scores within it, by `soft_cap * tanh(score / soft_cap)` (Gemma 2).
        drop: dropout of the weights.

    Returns `(batch, heads, length, head_dim)`.
    """
    batch, heads, length, head_dim = ops.shape(query)
    kv_heads = ops.shape(key)[1]
    group = heads // kv_heads
    # The queries that share a key become more rows of one product; repeating the keys would copy them.
    together = ops.reshape(query * scale, (batch, kv_heads, group * length, head_dim))

    def scores_of(key: Any, visible: Any) -> Any:
        """How much each query attends to each key: `(batch, kv_heads, group, length, keys)` float32."""
        scores = product(together, key)
        scores = ops.cast(ops.reshape(scores, (batch, kv_heads, group, length, ops.shape(key)[2])), "float32")
        if soft_cap is not None:
            scores = soft_cap * ops.tanh(scores / soft_cap)
        # Not minus infinity: a row of padding alone would turn into NaN.
        return scores if visible is None else ops.where(visible[:, :, None], scores, -1e30)

    scores, values = [scores_of(key, visible)], [value]
    if past is not None:
        scores, values = [scores_of(past[0], past[2]), *scores], [past[1], *values]
    weights = ops.softmax(ops.concatenate(scores, axis=-1) if past else scores[0], axis=-1)
    weights = drop(ops.cast(weights, value.dtype))
    mixed, start = 0.0, 0
    for part in values:
        keys = ops.shape(part)[2]
        own = ops.reshape(weights[..., start : start + keys], (batch, kv_heads, group * length, keys))
        mixed, start = mixed + ops.matmul(own, part), start + keys
    return ops.reshape(mixed, (batch, heads, length, head_dim))


def split_heads(x: Any, heads: int) -> Any:
    """`(batch, length, heads * head_dim)` to `(batch, heads, length, head_dim)`."""
    batch, length, dim = ops.shape(x)
    return ops.transpose(ops.reshape(x, (batch, length, heads, dim // heads)), (0, 2, 1, 3))


def merge_heads(x: Any) -> Any:
    """`(batch, heads, length, head_dim)` to `(batch, length, heads * head_dim)`."""
    batch, heads, length, head_dim = ops.shape(x)
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (batch, length, heads * head_dim))


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
        query, key, value = (split_heads(p(x), self.heads) for p in (self.query, self.key, self.value))
        drop = functools.partial(self.dropout, training=training)
        mixed = attend(query, key, value, visible, scale=self.head_dim**-0.5, drop=drop)
        return merge_heads(costly(mixed))
