"""What each task adds to the BERT encoder.

Reference: transformers/models/bert/modeling_bert.py, the classes named in each docstring.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.nn import Dropout, LayerNorm, activation, first_tokens, linear, product
from zoo_bert.config import BertConfig


class SequenceHead(keras.layers.Layer):
    """Logits `(examples, labels)` from the pooled first token (BertForSequenceClassification)."""

    def __init__(self, config: BertConfig, labels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = config.hidden_size
        self.pooler = linear(self.dim, "pooler", config.initializer_range)
        self.dropout = Dropout(config.head_dropout, name="dropout")
        self.classifier = linear(labels, "classifier", config.initializer_range)

    def build(self, input_shape: Any = None) -> None:
        self.pooler.build((None, self.dim))
        self.classifier.build((None, self.dim))

    def call(self, features: Any, arrays: dict[str, Any], training: bool = False) -> Any:
        pooled = ops.tanh(self.pooler(first_tokens(features, arrays)))
        return self.classifier(self.dropout(pooled, training=training))


class TokenHead(keras.layers.Layer):
    """Logits `(batch, length, labels)` for every token (BertForTokenClassification)."""

    def __init__(self, config: BertConfig, labels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = config.hidden_size
        self.dropout = Dropout(config.head_dropout, name="dropout")
        self.classifier = linear(labels, "classifier", config.initializer_range)

    def build(self, input_shape: Any = None) -> None:
        self.classifier.build((None, None, self.dim))

    def call(self, features: Any, training: bool = False) -> Any:
        return self.classifier(self.dropout(features, training=training))


class MaskedHead(keras.layers.Layer):
    """Logits `(batch, length, vocab_size)` for every token (BertForMaskedLM).

    The decoder's matrix is the word embeddings unless the config unties them.
    """

    def __init__(self, config: BertConfig, labels: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim, self.vocab_size = config.hidden_size, config.vocab_size
        self.transform = linear(self.dim, "transform", config.initializer_range)
        self.activation = activation(config.hidden_act)
        self.norm = LayerNorm(config.layer_norm_eps, name="norm")
        self.decoder = None
        if not config.tie_word_embeddings:
            self.decoder = linear(self.vocab_size, "decoder", config.initializer_range, use_bias=False)

    def build(self, input_shape: Any = None) -> None:
        features = (None, None, self.dim)
        self.transform.build(features)
        self.norm.build(features)
        if self.decoder is not None:
            self.decoder.build(features)
        self.bias = self.add_weight(shape=(self.vocab_size,), initializer="zeros", name="bias")

    def call(self, features: Any, token_table: Any, training: bool = False) -> Any:
        x = self.norm(self.activation(self.transform(features)))
        if self.decoder is not None:
            return self.decoder(x) + self.bias
        return product(x, token_table) + self.bias


class Pooler(keras.layers.Layer):
    """A bare model's pooler (BertModel.pooler). The features pass by it: it stays as it is, to be written back."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = config.hidden_size
        self.pooler = linear(self.dim, "pooler", config.initializer_range)

    def build(self, input_shape: Any = None) -> None:
        self.pooler.build((None, self.dim))
        self.pooler.trainable = False  # weight decay would shrink what has no gradient

    def call(self, features: Any, training: bool = False) -> Any:
        return features


def features(config: BertConfig, labels: int = 0, **kwargs: Any) -> keras.layers.Layer:
    """The head of feature extraction: the pooler where the checkpoint has one, else nothing."""
    return Pooler(config, **kwargs) if config.add_pooling_layer else keras.layers.Identity(**kwargs)
