"""The BERT encoder: summed embeddings, then post-norm transformer blocks.

Reference: transformers/models/bert/modeling_bert.py
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.errors import ZooError
from zoo.nn import Dropout, LayerNorm, SelfAttention, TraceOnce, activation, attention_mask, linear, positions
from zoo_bert.config import BertConfig


@keras.saving.register_keras_serializable("zoo_bert")
class BertBackbone(keras.layers.Layer):
    """Token ids to features `(batch, length, hidden_size)`.

    Takes a dict of int arrays `(batch, length)`: `input_ids`, and if there are any `attention_mask`,
    `token_type_ids` (default 0), `position_ids` (default 0, 1, 2, ...) and `segment_ids` of packed rows.
    """

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = config.hidden_size
        self.embeddings = BertEmbeddings(config, name="embeddings")
        self.blocks = [BertBlock(config, name=f"layer_{i}") for i in range(config.num_hidden_layers)]

    def build(self, input_shape: Any = None) -> None:
        features = (None, None, self.dim)
        self.embeddings.build(features)
        for block in self.blocks:
            block.build(features)

    @property
    def token_table(self) -> Any:
        """The word embeddings `(vocab_size, hidden_size)`, which a tied head shares."""
        return self.embeddings.word.embeddings

    def call(self, arrays: dict[str, Any], training: bool = False) -> Any:
        visible = attention_mask(arrays)
        x = self.embeddings(arrays, training=training)
        once = TraceOnce()
        for block in self.blocks:
            x = once(block, x, visible=visible, training=training)
        return x


class BertEmbeddings(keras.layers.Layer):
    """The sum of word, position and token-type embeddings, normalised: `(batch, length, hidden_size)`."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)

        def table(rows: int, name: str) -> keras.layers.Embedding:
            normal = keras.initializers.RandomNormal(stddev=config.initializer_range)
            return keras.layers.Embedding(rows, config.hidden_size, embeddings_initializer=normal, name=name)

        self.word = table(config.vocab_size, "word")
        self.position = table(config.max_position_embeddings, "position")
        self.token_type = table(config.type_vocab_size, "token_type")
        self.norm = LayerNorm(config.layer_norm_eps, name="norm")
        self.dropout = Dropout(config.hidden_dropout_prob, name="dropout")

    def build(self, input_shape: Any) -> None:
        for table in (self.word, self.position, self.token_type):
            table.build(None)
        self.norm.build(input_shape)

    def call(self, arrays: dict[str, Any], training: bool = False) -> Any:
        ids = arrays["input_ids"]
        types = arrays.get("token_type_ids")
        length, most = ops.shape(ids)[1], self.position.input_dim
        if length > most and "position_ids" not in arrays:
            raise ZooError(f"The rows have {length} tokens, and the model has positions for {most}.")
        summed = self.word(ids) + self.position(positions(arrays, length))
        summed = summed + self.token_type(ops.zeros_like(ids) if types is None else types)
        return self.dropout(self.norm(summed), training=training)


class BertBlock(keras.layers.Layer):
    """Attention and a two-layer perceptron, each followed by dropout, the residual sum and a norm."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        dim, stddev = config.hidden_size, config.initializer_range
        self.attention = SelfAttention(
            dim,
            config.num_attention_heads,
            dropout=config.attention_probs_dropout_prob,
            stddev=stddev,
            name="attention",
        )
        self.attention_output = linear(dim, "attention_output", stddev)
        self.attention_norm = LayerNorm(config.layer_norm_eps, name="attention_norm")
        self.up = linear(config.intermediate_size, "up", stddev)
        self.down = linear(dim, "down", stddev)
        self.mlp_norm = LayerNorm(config.layer_norm_eps, name="mlp_norm")
        self.activation = activation(config.hidden_act)
        self.dropouts = [Dropout(config.hidden_dropout_prob, name=f"dropout_{i}") for i in range(2)]
        self.intermediate_size = config.intermediate_size

    def build(self, input_shape: Any) -> None:
        for layer in (self.attention, self.attention_output, self.attention_norm, self.up, self.mlp_norm):
            layer.build(input_shape)
        self.down.build((None, None, self.intermediate_size))

    def call(self, x: Any, visible: Any = None, training: bool = False) -> Any:
        mixed = self.attention_output(self.attention(x, visible=visible, training=training))
        x = self.attention_norm(x + self.dropouts[0](mixed, training=training))
        changed = self.down(self.activation(self.up(x)))
        return self.mlp_norm(x + self.dropouts[1](changed, training=training))
