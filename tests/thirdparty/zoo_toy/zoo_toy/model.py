"""The bag of embeddings: its config, its backbone, its heads, and where its weights are kept.

Each token is embedded and told the mean of its text:

    features = tanh(dense(embedding + mean of the embeddings it can see))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from zoo.nn import Config, attention_mask, first_tokens, linear
from zoo.weights import Layout, Rule


@dataclass(frozen=True)
class ToyConfig(Config):
    """The fields of `config.json`."""

    vocab_size: int = 100
    hidden_size: int = 16
    max_position_embeddings: int = 64  # the longest text, in tokens
    pad_token_id: int = 0


class ToyBackbone(keras.layers.Layer):
    """Token ids to features `(batch, length, hidden_size)`.

    Takes a dict of int arrays `(batch, length)`: `input_ids`, and if there are any `attention_mask`, or
    `segment_ids` of packed rows.
    """

    def __init__(self, config: ToyConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = config.hidden_size
        self.words = keras.layers.Embedding(config.vocab_size, self.dim, name="words")
        self.dense = linear(self.dim, "dense")

    def build(self, input_shape: Any = None) -> None:
        self.words.build(None)
        self.dense.build((None, None, self.dim))

    def call(self, arrays: dict[str, Any], training: bool = False) -> Any:
        x = self.words(arrays["input_ids"])
        mask = attention_mask(arrays)
        visible = ops.ones_like(x[:, None, :, 0]) if mask is None else ops.cast(mask[:, 0], x.dtype)
        mean = ops.matmul(visible, x) / ops.maximum(ops.sum(visible, axis=-1, keepdims=True), 1)
        return ops.tanh(self.dense(x + mean))


class ToyClassifier(keras.layers.Layer):
    """Logits `(examples, labels)` from each example's first token."""

    def __init__(self, config: ToyConfig, labels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = config.hidden_size
        self.classifier = linear(labels, "classifier")

    def build(self, input_shape: Any = None) -> None:
        self.classifier.build((None, self.dim))

    def call(self, features: Any, arrays: dict[str, Any], training: bool = False) -> Any:
        return self.classifier(first_tokens(features, arrays))


def features(config: ToyConfig, labels: int, **kwargs: Any) -> keras.layers.Layer:
    """The head of feature extraction: nothing."""
    return keras.layers.Identity(**kwargs)


def layout(config: ToyConfig, task: str) -> Layout:
    """Which tensor of `model.safetensors` is which variable. A new classifier may start at random."""
    backbone = (
        Rule("words.weight", "backbone/words/embeddings"),
        Rule("dense.weight", "backbone/dense/kernel"),
        Rule("dense.bias", "backbone/dense/bias"),
    )
    classifier = (
        Rule("classifier.weight", "head/classifier/kernel"),
        Rule("classifier.bias", "head/classifier/bias"),
    )
    if task == "feature-extraction":
        return Layout(backbone, ignore={"classifier.*": "a classifier, which this task does not use"})
    return Layout((*backbone, *classifier), fresh=("head/*",), labelled=("head/classifier/*",))
