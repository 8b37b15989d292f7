"""zoo.nn.int8: what rounding costs, and that nothing but rounding does."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.suite.properties import examples
from zoo.nn import int8

MATRICES = arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 9)),
    # Below that, a 127th of it is no normal number any more.
    elements=st.floats(-1e4, 1e4, width=32).map(lambda x: x if abs(x) > 1e-30 else 0.0),
)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@settings(deadline=None, max_examples=examples(200))
@given(MATRICES)
def test_every_number_comes_back_within_half_a_scale(matrix):
    numbers, scale = map(np.asarray, int8.quantize(matrix))
    assert numbers.dtype == np.int8
    assert numbers.min(initial=0) >= -127
    np.testing.assert_allclose(scale, np.abs(matrix).max(axis=1) / 127, rtol=1e-6)
    back = np.asarray(int8.dequantize(numbers, scale))
    assert (np.abs(back - matrix) <= scale[:, None] * 0.50001).all()
    assert (back[matrix == 0] == 0).all()


@settings(deadline=None, max_examples=examples(50))
@given(MATRICES)
def test_quantizing_again_changes_nothing(matrix):
    numbers, scale = int8.quantize(matrix)
    again, _ = int8.quantize(int8.dequantize(numbers, scale))
    np.testing.assert_array_equal(again, numbers)


# One block, no whole number of blocks, several rows of blocks; few rows (by blocks) and many (at once).
@pytest.mark.parametrize("channels", [1, 127, 128, 129, 300, 640])
@pytest.mark.parametrize("leading", [(), (1,), (3, 4), (2, 40)])
def test_the_product_is_the_dequantized_matrix_s(channels, leading):
    x = normal(*leading, 48)
    numbers, scale = int8.quantize(normal(channels, 48, seed=1))
    expected = x @ np.asarray(int8.dequantize(numbers, scale)).T
    found = jax.jit(int8.matmul)(x, numbers, scale)
    assert found.shape == (*leading, channels)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("rows", [64, 600])  # of a prompt; of so many that the matrix must be large
def test_a_matrix_is_not_copied_as_floats(rows, monkeypatch):
    monkeypatch.setattr(int8, "_LARGE", 1000 if rows > int8._SOME_ROWS else 1 << 24)
    x = normal(rows, 32)
    numbers, scale = int8.quantize(normal(400, 32, seed=1))
    compiled = jax.jit(lambda x: int8.matmul(x, numbers, scale)).lower(x).compile()
    assert "f32[400,32]" not in compiled.as_text()
    np.testing.assert_allclose(compiled(x), x @ np.asarray(int8.dequantize(numbers, scale)).T, atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_the_error_of_a_product_stays_within_its_bound(seed):
    x, matrix = normal(20, 64, seed=seed), normal(150, 64, seed=seed + 10)
    numbers, scale = int8.quantize(matrix)
    error = np.abs(np.asarray(int8.matmul(x, numbers, scale)) - x @ matrix.T)
    bound = np.abs(x).sum(axis=1)[:, None] * np.asarray(scale) / 2
    assert (error <= bound * 1.0001 + 1e-5).all()
    assert error.mean() > 1e-4  # it is rounded, after all


@pytest.mark.parametrize("rows", [3, 50])
def test_the_gradient_is_the_dequantized_matrix_s(rows):
    x = normal(rows, 24)
    numbers, scale = int8.quantize(normal(200, 24, seed=1))
    dense = np.asarray(int8.dequantize(numbers, scale))
    found = jax.grad(lambda x: jnp.sin(int8.matmul(x, numbers, scale)).sum())(x)
    expected = jax.grad(lambda x: jnp.sin(x @ dense.T).sum())(x)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_bfloat16_inputs_give_bfloat16():
    x = jnp.asarray(normal(4, 32), jnp.bfloat16)
    numbers, scale = int8.quantize(normal(160, 32, seed=1))
    found = int8.matmul(x, numbers, scale)
    assert found.dtype == jnp.bfloat16
    expected = np.asarray(x, np.float32) @ np.asarray(int8.dequantize(numbers, scale)).T
    np.testing.assert_allclose(np.asarray(found, np.float32), expected, rtol=1e-2, atol=1e-2)


def test_bfloat16_weights_are_quantized_as_the_numbers_they_are():
    matrix = jnp.asarray(normal(5, 7), jnp.bfloat16)
    for ours, theirs in zip(int8.quantize(matrix), int8.quantize(np.asarray(matrix, np.float32)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
