"""The affine layer of transformer blocks."""

from __future__ import annotations

import keras


def linear(units: int, name: str, stddev: float = 0.02, *, use_bias: bool = True) -> keras.layers.Dense:
    """A dense layer `(..., dim) -> (..., units)` with a normal initialiser, as transformers are trained with."""
    return keras.layers.Dense(
        units,
        use_bias=use_bias,
        kernel_initializer=keras.initializers.RandomNormal(stddev=stddev),
        name=name,
    )
