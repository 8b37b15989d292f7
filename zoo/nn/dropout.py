"""Dropout whose random bits cost next to nothing.

On a CPU, drawing bits with threefry or rbg takes longer than the matrix product they mask. A mask needs bits
that are uniform and independent enough to fool no gradient, not to withstand an adversary: a hash of the
element's position, keyed by the layer's seed and step, fuses into the multiplication. The hash is the finaliser
idea of MurmurHash3 (xor-shift and odd multiplies, until every input bit reaches every output bit), run under
two keys; its statistics are tested.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

_ODD = (np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35), np.uint32(0x9E3779B1))


def _scramble(x: Any, key: Any) -> Any:
    x = (x ^ (x >> np.uint32(16))) * _ODD[0]
    x = (x + key) ^ (x >> np.uint32(13))
    x = x * _ODD[1]
    x = (x ^ (x >> np.uint32(15))) * _ODD[2]
    return x ^ (x >> np.uint32(16))


def random_bits(shape: tuple[int, ...], seed: Any) -> Any:
    """Uniform uint32 `shape`, a function of the position and of `seed` `(2,)` uint32: a stream and a step."""
    seed = ops.cast(seed, "uint32")
    first = _scramble(seed[0] + _ODD[2], _ODD[0])
    second = _scramble(seed[1] ^ first, _ODD[1])
    counter = ops.arange(math.prod(shape), dtype="uint32")
    return ops.reshape(_scramble(counter ^ second, first), shape)


@keras.saving.register_keras_serializable("zoo")
class Dropout(keras.layers.Layer):
    """Sets a share `rate` of the elements to zero in training and scales the others by `1 / (1 - rate)`."""

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        if rate > 0:
            self.seeds = keras.random.SeedGenerator()
        self.built = True

    def call(self, x: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return x
        bits = random_bits(self.drawn(ops.shape(x)), self.seeds.next())
        keep = bits >= np.uint32(round(self.rate * 2**32))
        return ops.where(keep, x / (1.0 - self.rate), ops.zeros((), x.dtype))

    def drawn(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """How many draws decide on an input of this shape: one for each element."""
        return shape

    # Keras leaves the state of seed generators out of its files; training could not go on where it stopped.

    def save_own_variables(self, store: Any) -> None:
        if self.rate > 0:
            store["seeds"] = np.asarray(self.seeds.state)

    def load_own_variables(self, store: Any) -> None:
        if self.rate > 0:
            self.seeds.state.assign(store["seeds"])


@keras.saving.register_keras_serializable("zoo")
class StochasticDepth(Dropout):
    """Dropout of whole examples: in a residual block they pass by unchanged (https://arxiv.org/abs/1603.09382)."""

    def drawn(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[0],) + (1,) * (len(shape) - 1)
