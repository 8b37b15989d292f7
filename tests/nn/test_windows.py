"""Pooling by moved pictures: torch's values, and its gradients where values are equal, too."""

from __future__ import annotations

import jax
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.references.torch_images import channels_first, channels_last
from tests.suite.properties import examples
from zoo.nn.windows import max_windows


@settings(max_examples=examples(6), deadline=None)
@given(
    height=st.integers(3, 12),
    width=st.integers(3, 12),
    size=st.integers(1, 3),
    stride=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_values_and_gradients_are_torch_s(height, width, size, stride, seed):
    x = np.random.default_rng(seed).integers(0, 4, (2, height, width, 3)).astype(np.float32)  # many are equal
    there = channels_first(x).requires_grad_()
    expected = torch.nn.functional.max_pool2d(there, size, stride)
    ours, back = jax.vjp(lambda x: max_windows(x, size, stride), x)
    np.testing.assert_array_equal(ours, channels_last(expected))
    change = np.random.default_rng(seed).normal(size=ours.shape).astype(np.float32)
    expected.backward(channels_first(change))
    np.testing.assert_allclose(back(change)[0], channels_last(there.grad), atol=1e-6)
