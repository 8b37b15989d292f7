"""The product of a linear layer, however many rows there are."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from zoo.nn import linear, product


@pytest.mark.parametrize("shape", [(5,), (1, 5), (1, 1, 5), (7, 5), (2, 3, 5), (4, 12, 5), (0, 5)], ids=str)
def test_the_product_and_its_gradients(shape):
    rng = np.random.default_rng(0)
    x, matrix = rng.standard_normal(shape, np.float32), rng.standard_normal((3, 5), np.float32)

    got, back = jax.vjp(product, x, matrix)
    want, plain = jax.vjp(lambda x, matrix: x @ matrix.T, x, matrix)

    np.testing.assert_allclose(got, want, atol=1e-6)
    for ours, theirs in zip(back(got), plain(want), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_layer_keeps_its_matrix_as_checkpoints_do():
    layer = linear(3, "dense")
    layer.build((None, 5))
    layer.bias.assign([1.0, 2.0, 3.0])
    x = np.random.default_rng(0).standard_normal((2, 4, 5), np.float32)

    assert layer.kernel.shape == (3, 5)
    np.testing.assert_allclose(layer(x), x @ np.asarray(layer.kernel).T + [1.0, 2.0, 3.0], atol=1e-6)
