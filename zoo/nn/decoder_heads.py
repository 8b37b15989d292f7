"""What tasks add on top of a decoder."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.nn.cross_entropy import token_losses, vocabulary_cross_entropy
from zoo.nn.decoder_config import DecoderConfig
from zoo.nn.int8 import as_float
from zoo.nn.linear import linear, product
from zoo.nn.packing import last_tokens


class TokenLogits(keras.layers.Layer):
    """The head of text generation: logits `(..., vocab_size)` from features `(..., dim)`."""

    def __init__(self, config: DecoderConfig, labels: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        spec = config.spec
        self.dim, self.soft_cap = spec.dim, spec.logit_soft_cap
        self.decoder = None if spec.tied else linear(spec.vocab_size, "decoder", spec.stddev, use_bias=False)

    def build(self, input_shape: Any = None) -> None:
        if self.decoder is not None:
            self.decoder.build((None, self.dim))

    def call(self, features: Any, token_table: Any, training: bool = False) -> Any:
        logits = product(features, token_table) if self.decoder is None else self.decoder(features)
        return logits if self.soft_cap is None else self.soft_cap * ops.tanh(logits / self.soft_cap)

    def losses(self, features: Any, token_table: Any, labels: Any) -> tuple[Any, Any, Any]:
        """How well features `(batch, length, dim)` say the next token, without the logits of all tokens at once.

        Args:
            labels: `(batch, length)`, the tokens themselves, `NO_LABEL` where one is not trained.

        Returns:
            the sum of the losses and how many there are, both `()`, and the loss of each place's next token
            `(batch, length)`, in nats, 0 where it is not trained; it has no gradient.
        """
        targets, weights = _following(labels)
        matrix = self._matrix(token_table)
        total, losses = vocabulary_cross_entropy(
            self._flat(features), matrix, targets, weights, soft_cap=self.soft_cap
        )
        return total, ops.sum(weights), ops.reshape(losses, ops.shape(labels))

    def token_losses(self, features: Any, token_table: Any, labels: Any) -> Any:
        """The loss of each place's next token alone, as `losses` gives it, with its gradient."""
        found = token_losses(
            self._flat(features), self._matrix(token_table), *_following(labels), soft_cap=self.soft_cap
        )
        return ops.reshape(found, ops.shape(labels))

    def _flat(self, features: Any) -> Any:
        return ops.reshape(features, (-1, self.dim))

    def _matrix(self, token_table: Any) -> Any:
        """The output layer's matrix `(vocab_size, dim)`."""
        return as_float(token_table) if self.decoder is None else self.decoder.merged_kernel()


def _following(labels: Any) -> tuple[Any, Any]:
    """Of labels `(batch, length)` what each place is to say, and 1 where that is trained, else 0; both flat."""
    following = ops.reshape(ops.pad(labels[:, 1:], ((0, 0), (0, 1)), constant_values=-1), (-1,))
    return following, ops.cast(following >= 0, "float32")


class Features(keras.layers.Identity):
    """The head of feature extraction, which adds nothing."""

    def __init__(self, config: DecoderConfig, labels: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def call(self, features: Any, training: bool = False) -> Any:
        return features


class LastTokenClassifier(keras.layers.Layer):
    """Logits `(examples, labels)` from the last token of each example, as decoders classify."""

    def __init__(self, config: DecoderConfig, labels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        spec = config.spec
        self.dim = spec.dim
        self.classifier = linear(labels, "classifier", spec.stddev, use_bias=False)

    def build(self, input_shape: Any = None) -> None:
        self.classifier.build((None, self.dim))

    def call(self, features: Any, arrays: dict[str, Any], training: bool = False) -> Any:
        return self.classifier(last_tokens(features, arrays))
