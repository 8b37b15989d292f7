"""The decoder that today's language models share: rotary attention with a cache, gated perceptrons, RMS norms.

What tells one family from another is data, a `DecoderSpec`; an architecture is a config that makes one.
Reference: transformers/models/llama, gemma, gemma2 and gemma3
"""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras import ops

from zoo.errors import ZooError
from zoo.nn.activations import activation
from zoo.nn.attention import attend, merge_heads, split_heads
from zoo.nn.costly import costly
from zoo.nn.decoder_config import DecoderConfig
from zoo.nn.decoder_spec import DecoderLayerSpec, DecoderSpec
from zoo.nn.dropout import Dropout
from zoo.nn.embedding import TokenEmbedding
from zoo.nn.kernels import attend_by_mask
from zoo.nn.key_value_cache import Cache, visible_slots
from zoo.nn.linear import linear
from zoo.nn.masks import Mask
from zoo.nn.packing import positions
from zoo.nn.rotary import rotate
from zoo.nn.trace_once import TraceOnce


@keras.saving.register_keras_serializable("zoo")
class Decoder(keras.layers.Layer):
    """Token ids to features `(batch, length, dim)`.

    Takes a dict of int arrays `(batch, length)`: `input_ids`, and if there are any `attention_mask`, `position_ids`
    (default 0, 1, 2, ...) and `segment_ids` of packed rows.
    """

    def __init__(self, config: DecoderConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        spec = self.spec = config.spec
        self.dim = spec.dim
        self.bidirectional = spec.bidirectional
        self.tokens = TokenEmbedding(spec.vocab_size, spec.dim, stddev=spec.stddev, name="tokens")
        self.blocks = [DecoderBlock(spec, layer, name=f"layer_{i}") for i, layer in enumerate(spec.layers)]
        self.norm = spec.norm("norm")

    def build(self, input_shape: Any = None) -> None:
        features = (None, None, self.dim)
        self.tokens.build(None)
        for layer in (*self.blocks, self.norm):
            layer.build(features)

    @property
    def token_table(self) -> Any:
        """The token embeddings `(vocab_size, dim)`, which a tied head shares."""
        return self.tokens.matrix

    @property
    def windows(self) -> list[int | None]:
        """How many tokens each layer sees, itself included; None for all."""
        return [layer.window for layer in self.spec.layers]

    def call(
        self, arrays: dict[str, Any], cache: Cache | None = None, keep: bool = False, training: bool = False
    ) -> Any:
        """Features, and the keys and values of these tokens in each layer, if they are to be kept.

        Args:
            cache: what is kept of the tokens before. `input_ids` is then one token a row, `(batch, 1)`, and
                `position_ids` is given.
        """
        ids = arrays["input_ids"]
        length = ops.shape(ids)[1]
        if length > self.spec.max_positions and "position_ids" not in arrays:
            raise ZooError(
                f"The rows have {length} tokens, and the model has {self.spec.max_positions} positions.",
                fix="Cut the rows, or give position_ids of your own.",
            )
        x = self.tokens(ids)
        if self.spec.embedding_scale != 1.0:
            x = x * np.asarray(self.spec.embedding_scale, x.dtype)
        where = positions(arrays, length)
        angles = {
            rope: rope.angles(where, self.spec.head_dim, self.compute_dtype, arrays.get("attention_mask"))
            for rope in dict.fromkeys(layer.rope for layer in self.spec.layers)
        }
        masks: dict[int | None, Mask] = {}
        if cache is None:
            masks = {
                w: Mask.of(arrays, causal=not self.bidirectional, window=w) for w in dict.fromkeys(self.windows)
            }
        pairs, once = [], TraceOnce()
        for n, (block, layer) in enumerate(zip(self.blocks, self.spec.layers, strict=True)):
            past = None
            if cache is not None:
                key, value = cache["layers"][n]
                past = key, value, visible_slots(cache, key.shape[2], layer.window)
            x, pair = once(
                block, x, angles[layer.rope], visible=masks.get(layer.window), past=past, training=training
            )
            pairs.append(pair)
        x = self.norm(x)
        return (x, pairs) if keep else x


class DecoderBlock(keras.layers.Layer):
    """Attention and a gated perceptron, each normalised before (and after, with `post_norms`) and added to `x`.

    Returns `x` `(batch, length, dim)` and the keys and values that a cache keeps of it.
    """

    def __init__(self, spec: DecoderSpec, layer: DecoderLayerSpec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention = DecoderAttention(spec, name="attention")
        self.attention_norm, self.mlp_norm = spec.norm("attention_norm"), spec.norm("mlp_norm")
        self.mlp = GatedMLP(spec, name="mlp")
        self.after_attention = spec.norm("attention_post_norm") if spec.post_norms else None
        self.after_mlp = spec.norm("mlp_post_norm") if spec.post_norms else None

    def build(self, input_shape: Any) -> None:
        layers = (self.attention, self.attention_norm, self.mlp_norm, self.mlp)
        for layer in (*layers, self.after_attention, self.after_mlp):
            if layer is not None:
                layer.build(input_shape)

    def call(
        self, x: Any, angles: Any, visible: Mask | None = None, past: Any = None, training: bool = False
    ) -> Any:
        mixed, pair = self.attention(self.attention_norm(x), angles, visible=visible, past=past, training=training)
        x = x + (self.after_attention(mixed) if self.after_attention else mixed)
        changed = self.mlp(self.mlp_norm(x))
        return x + (self.after_mlp(changed) if self.after_mlp else changed), pair


class DecoderAttention(keras.layers.Layer):
    """Rotary self-attention `(batch, length, dim)` -> `(batch, length, dim)`, and its keys and values."""

    def __init__(self, spec: DecoderSpec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec

        heads = {"query": spec.heads, "key": spec.kv_heads, "value": spec.kv_heads}
        self.query, self.key, self.value = (
            linear(count * spec.head_dim, name, spec.stddev, use_bias=spec.attention_bias)
            for name, count in heads.items()
        )
        self.output_projection = linear(spec.dim, "output", spec.stddev, use_bias=spec.output_bias)
        self.query_norm = spec.norm("query_norm") if spec.query_key_norms else None
        self.key_norm = spec.norm("key_norm") if spec.query_key_norms else None
        self.dropout = Dropout(spec.dropout, name="dropout")

    def build(self, input_shape: Any) -> None:
        for projection in (self.query, self.key, self.value):
            projection.build(input_shape)
        self.output_projection.build((None, None, self.spec.heads * self.spec.head_dim))
        for norm in (self.query_norm, self.key_norm):
            if norm is not None:
                norm.build((None, self.spec.head_dim))

    def call(
        self, x: Any, angles: Any, visible: Mask | None = None, past: Any = None, training: bool = False
    ) -> Any:
        query = split_heads(self.query(x), self.spec.heads)
        key, value = (split_heads(p(x), self.spec.kv_heads) for p in (self.key, self.value))
        query = rotate(self.query_norm(query) if self.query_norm else query, angles)
        key = rotate(self.key_norm(key) if self.key_norm else key, angles)
        numbers = {"scale": self.spec.scale, "soft_cap": self.spec.attention_soft_cap}
        if visible is None:
            mixed = attend(query, key, value, None, past, **numbers)
        elif training and self.spec.dropout:
            drop = functools.partial(self.dropout, training=True)
            mixed = costly(attend(query, key, value, visible.whole(), **numbers, drop=drop))
        else:
            mixed = attend_by_mask(query, key, value, visible, **numbers)
        return self.output_projection(merge_heads(mixed)), (key, value)


class GatedMLP(keras.layers.Layer):
    """`down(activation(gate(x)) * up(x))` (https://arxiv.org/abs/2002.05202)."""

    def __init__(self, spec: DecoderSpec, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mlp_dim = spec.mlp_dim
        self.gate, self.up = (
            linear(spec.mlp_dim, name, spec.stddev, use_bias=spec.mlp_bias) for name in ("gate", "up")
        )
        self.down = linear(spec.dim, "down", spec.stddev, use_bias=spec.mlp_bias)
        self.activation = activation(spec.activation)

    def build(self, input_shape: Any) -> None:
        self.gate.build(input_shape)
        self.up.build(input_shape)
        self.down.build((None, None, self.mlp_dim))

    def call(self, x: Any) -> Any:
        return self.down(self.activation(self.gate(x)) * self.up(x))
