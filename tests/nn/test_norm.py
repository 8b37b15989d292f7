"""LayerNorm against torch's."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch

from zoo.nn import LayerNorm


@pytest.mark.parametrize("epsilon", [1e-12, 1e-5, 0.1])
@pytest.mark.parametrize(("mean", "spread"), [(0.0, 1.0), (100.0, 1.0), (0.0, 1e-4), (3.0, 50.0)])
def test_it_is_the_references(epsilon, mean, spread):
    rng = np.random.default_rng(0)
    x = rng.normal(mean, spread, (3, 5, 32)).astype(np.float32)
    gamma, beta = rng.normal(size=(2, 32)).astype(np.float32)
    layer = LayerNorm(epsilon)
    layer.build(x.shape)
    layer.set_weights([gamma, beta])

    wide, scale, shift = (torch.from_numpy(array).double() for array in (x, gamma, beta))
    exact = torch.nn.functional.layer_norm(wide, (32,), scale, shift, epsilon).numpy()

    # Float32 numbers around 100 are known to 4e-6 at best, and so is what is left after the mean is taken off.
    np.testing.assert_allclose(layer(x), exact, atol=1e-6 * max(1.0, mean))


def test_a_constant_row_gives_beta():
    layer = LayerNorm(1e-12)
    layer.build((None, 8))

    np.testing.assert_array_equal(layer(np.full((2, 8), 7.0, np.float32)), np.zeros((2, 8)))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16"])
def test_half_precision_is_rounded_once_at_the_end(policy):
    x = keras.ops.cast(np.random.default_rng(0).normal(50, 1, (4, 64)), "bfloat16")
    layer = LayerNorm(1e-12, dtype=policy)
    layer.build(x.shape)
    exact = LayerNorm(1e-12)
    exact.build(x.shape)

    y = layer(x)

    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    expected = keras.ops.cast(exact(keras.ops.cast(x, "float32")), "bfloat16")
    np.testing.assert_array_equal(np.asarray(y, np.float32), np.asarray(expected, np.float32))
