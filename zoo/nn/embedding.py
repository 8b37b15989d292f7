"""The embedding of tokens, whose matrix may be the output layer's, too."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.nn import int8
from zoo.nn.int8 import Quantized


@keras.saving.register_keras_serializable("zoo")
class TokenEmbedding(keras.layers.Layer):
    """Token ids `(..., length)` to vectors `(..., length, dim)`."""

    def __init__(self, vocab_size: int, dim: int, *, stddev: float = 0.02, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocab_size, self.dim, self.stddev = vocab_size, dim, stddev
        self.scale: Any = None  # of vectors of 8-bit numbers

    def build(self, input_shape: Any = None) -> None:
        self.embeddings: Any = self.add_weight(
            shape=(self.vocab_size, self.dim),
            initializer=keras.initializers.RandomNormal(stddev=self.stddev),
            name="embeddings",
        )

    @property
    def matrix(self) -> Any:
        """The vectors of all tokens, `(vocab_size, dim)`, for `product`."""
        return self.embeddings if self.scale is None else Quantized.of(self.embeddings, self.scale)

    def call(self, ids: Any) -> Any:
        vectors = ops.take(self.embeddings, ids, axis=0)
        if self.scale is not None:
            vectors = int8.dequantize(vectors, ops.take(self.scale, ids, axis=0))
        return ops.cast(vectors, self.compute_dtype)

    def keep_as_int8(self) -> None:
        """Keep the vectors as 8-bit numbers from now on, which are not trained; see `zoo.nn.int8`."""
        if self.scale is None:
            self.scale = int8.keep_as_int8(self, self.embeddings)

    def get_config(self) -> dict[str, Any]:
        own = {"vocab_size": self.vocab_size, "dim": self.dim, "stddev": self.stddev}
        return super().get_config() | own
