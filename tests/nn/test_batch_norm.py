"""Batch normalisation against torch's: outputs, gradients, running statistics."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import torch

from tests.references.torch_images import channels_first, channels_last
from zoo.nn import BatchNorm

CHANNELS = 6


@pytest.fixture
def pair():
    """zoo's layer and torch's, with the same random numbers."""
    rng = np.random.default_rng(0)
    ours, theirs = BatchNorm(1e-3, 0.2), torch.nn.BatchNorm2d(CHANNELS, eps=1e-3, momentum=0.2)
    ours.build((None, None, None, CHANNELS))
    names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    with torch.no_grad():
        for here, there in names.items():
            numbers = rng.uniform(0.5, 1.5, CHANNELS).astype(np.float32)
            getattr(ours, here).assign(numbers)
            getattr(theirs, there).copy_(torch.from_numpy(numbers))
    return ours, theirs


@pytest.mark.parametrize("training", [True, False])
def test_outputs_and_statistics_are_torch_s(pair, training):
    ours, theirs = pair
    theirs.train(training)
    for step in range(3):
        x = np.random.default_rng(step).normal(3.0, 2.0, (2, 3, 5, CHANNELS)).astype(np.float32)
        expected = channels_last(theirs(channels_first(x)))
        np.testing.assert_allclose(ours(x, training=training), expected, atol=1e-5)
    np.testing.assert_allclose(np.asarray(ours.moving_mean), theirs.running_mean.numpy(), atol=1e-5)
    np.testing.assert_allclose(np.asarray(ours.moving_variance), theirs.running_var.numpy(), atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_the_gradient_of_the_input_is_torch_s(pair, training):
    ours, theirs = pair
    theirs.train(training)
    rng = np.random.default_rng(1)
    x, weights = rng.normal(1.0, 2.0, (2, 2, 4, 4, CHANNELS)).astype(np.float32)
    state = [v.value for v in ours.trainable_variables], [v.value for v in ours.non_trainable_variables]

    def loss(x):
        out, _ = ours.stateless_call(*state, x, training=training)
        return (out**2 * weights).sum()

    there = channels_first(x).requires_grad_()
    (theirs(there) ** 2 * channels_first(weights)).sum().backward()
    np.testing.assert_allclose(jax.grad(loss)(x), channels_last(there.grad), atol=1e-4)


def test_bfloat16_weights_are_computed_with_in_float32():
    layer, rng = BatchNorm(dtype="bfloat16"), np.random.default_rng(0)
    layer.build((None, None, None, CHANNELS))
    numbers = {}
    for name in ("gamma", "beta", "moving_mean", "moving_variance"):
        getattr(layer, name).assign(rng.uniform(0.5, 1.5, CHANNELS))
        numbers[name] = np.asarray(getattr(layer, name).value, np.float32)
    x = jax.numpy.asarray(rng.normal(size=(4, 9, 9, CHANNELS)), "bfloat16")
    scale = numbers["gamma"] / np.sqrt(numbers["moving_variance"] + 1e-5)
    expected = (np.asarray(x, np.float32) - numbers["moving_mean"]) * scale + numbers["beta"]
    expected = np.asarray(jax.numpy.asarray(expected, "bfloat16"), np.float32)
    assert np.mean(np.asarray(layer(x), np.float32) == expected) > 0.99  # but for rounding

    state = [v.value for v in layer.trainable_variables], [v.value for v in layer.non_trainable_variables]
    gradients = jax.grad(lambda weights: layer.stateless_call(weights, state[1], x, training=True)[0].sum())(
        state[0]
    )
    assert {gradient.dtype.name for gradient in gradients} == {"bfloat16"}


def test_bfloat16_activations_are_normalised_in_float32():
    layer = BatchNorm(dtype="mixed_bfloat16")
    layer.build((None, None, None, 1))
    x = (1000 + np.arange(64, dtype=np.float32)).reshape(1, 8, 8, 1)
    out = layer(jax.numpy.asarray(x, "bfloat16"), training=True)
    assert out.dtype == "bfloat16"
    rounded = np.asarray(jax.numpy.asarray(x, "bfloat16"), np.float32)
    expected = (rounded - rounded.mean()) / np.sqrt(rounded.var() + 1e-5)
    np.testing.assert_allclose(np.asarray(out, np.float32), expected, atol=2e-2)
