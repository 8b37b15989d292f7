"""The chunked cross-entropy beside the plain formula: values, gradients, and what it does not keep."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from jax import numpy as jnp

from zoo.nn import cross_entropy
from zoo.nn.cross_entropy import token_losses, vocabulary_cross_entropy


def plain(features, matrix, targets, weights, soft_cap=None):
    logits = features @ matrix.T
    if soft_cap is not None:
        logits = soft_cap * jnp.tanh(logits / soft_cap)
    losses = jax.nn.logsumexp(logits, axis=-1) - jnp.take_along_axis(logits, targets[:, None], axis=-1)[:, 0]
    return jnp.sum(losses * weights)


def both(function, features, matrix):
    """A function's value, and its gradients by the features and the matrix."""
    return jax.jit(jax.value_and_grad(function, argnums=(0, 1)))(features, matrix)


def made(tokens, vocabulary, dim=5):
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 3, tokens).astype(np.float32)
    targets = np.where(weights > 0, rng.integers(0, vocabulary, tokens), -100).astype(np.int32)
    features, matrix = (rng.standard_normal((n, dim), np.float32) for n in (tokens, vocabulary))
    return features, matrix, targets, weights


@pytest.mark.parametrize("soft_cap", [None, 1.5])
@pytest.mark.parametrize(("tokens", "logits"), [(1, 1 << 25), (37, 1 << 25), (37, 11 * 10), (40, 11 * 8), (3, 11)])
def test_values_and_gradients_are_the_plain_formulas(tokens, logits, soft_cap, monkeypatch):
    monkeypatch.setattr(cross_entropy, "_LOGITS", logits)
    features, matrix, targets, weights = made(tokens, vocabulary=11)

    def total(features, matrix):
        return 0.3 * vocabulary_cross_entropy(features, matrix, targets, weights, soft_cap=soft_cap)[0]

    def plainly(features, matrix):
        return 0.3 * plain(features, matrix, targets * (weights > 0), weights, soft_cap)

    ours, gradients = both(total, features, matrix)
    theirs, wanted = both(plainly, features, matrix)

    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    for got, want in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(got, want, atol=1e-6)


@pytest.mark.parametrize("trained", [0, 3, 37])
def test_a_frozen_matrix_changes_nothing_but_its_own_gradient(trained, monkeypatch):
    monkeypatch.setattr(cross_entropy, "_LOGITS", 11 * 10)
    features, matrix, targets, _ = made(37, vocabulary=11)
    weights = np.zeros(37, np.float32)
    weights[np.random.default_rng(1).permutation(37)[:trained]] = 0.5
    targets = abs(targets) % 11

    def total(features):
        return vocabulary_cross_entropy(features, matrix, targets, weights)[0]

    ours, gradient = jax.jit(jax.value_and_grad(total))(features)
    theirs, wanted = jax.value_and_grad(lambda x: plain(x, matrix, targets, weights))(features)

    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    np.testing.assert_allclose(gradient, wanted, atol=1e-6)


def test_a_frozen_matrix_has_no_gradient_computed():
    features, matrix, targets, weights = made(64, vocabulary=1 << 12)

    def flops(argnums):
        step = jax.jit(jax.grad(lambda *x: vocabulary_cross_entropy(*x, targets, weights)[0], argnums=argnums))
        return step.lower(features, matrix).cost_analysis()["flops"]

    assert flops(0) < 0.75 * flops((0, 1))


def test_chunks_without_a_trained_token_are_not_computed(monkeypatch):
    monkeypatch.setattr(cross_entropy, "_LOGITS", 11 * 10)
    features, matrix, targets, _ = made(37, vocabulary=11)
    trained = np.random.default_rng(1).permutation(37)[:20]  # two chunks full
    weights = np.zeros(37, np.float32)
    weights[trained] = 1
    features[weights == 0] = np.nan  # which whatever is computed from them would be, too
    step = jax.jit(jax.value_and_grad(lambda *x: vocabulary_cross_entropy(*x)[0]))

    loss, gradient = step(features, matrix, abs(targets) % 11, weights)

    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
    assert np.array_equal(np.flatnonzero(np.any(gradient != 0, axis=1)), np.sort(trained))


def test_each_tokens_loss_and_nothing_where_nothing_is_trained():
    features, matrix, targets, weights = made(20, 11)

    total, losses = vocabulary_cross_entropy(features, matrix, targets, weights)

    assert (losses[weights == 0] == 0).all()
    assert (losses[weights > 0] > 0).all()
    np.testing.assert_allclose(total, jnp.sum(losses * weights), rtol=1e-6)


@pytest.mark.parametrize("soft_cap", [None, 1.5])
@pytest.mark.parametrize(("tokens", "logits"), [(37, 1 << 25), (37, 11 * 10), (40, 11 * 8)])
def test_what_weighs_tokens_by_their_losses_has_the_plain_formulas_gradients(tokens, logits, soft_cap, monkeypatch):
    monkeypatch.setattr(cross_entropy, "_LOGITS", logits)
    features, matrix, targets, weights = made(tokens, vocabulary=11)
    trained = (weights > 0).astype(np.float32)

    def weighed(losses):
        return jnp.sum(jax.nn.sigmoid(losses - 2) * jnp.arange(tokens) * trained)

    def ours(features, matrix):
        return weighed(token_losses(features, matrix, targets, trained, soft_cap=soft_cap))

    def theirs(features, matrix):
        each = jax.vmap(lambda f, t, w: plain(f[None], matrix, t[None], w[None], soft_cap))
        return weighed(each(features, targets * (weights > 0), trained))

    got, gradients = both(ours, features, matrix)
    want, wanted = both(theirs, features, matrix)

    np.testing.assert_allclose(got, want, rtol=1e-6)
    for one, other in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "total", [lambda *x: vocabulary_cross_entropy(*x)[0], lambda *x: jnp.sum(jnp.square(token_losses(*x)))]
)
def test_the_logits_of_all_tokens_never_exist(total):
    tokens, vocabulary = 4096, 1 << 16
    shapes = [
        jax.ShapeDtypeStruct(shape, kind)
        for shape, kind in (
            ((tokens, 8), jnp.float32),
            ((vocabulary, 8), jnp.float32),
            ((tokens,), jnp.int32),
            ((tokens,), jnp.float32),
        )
    ]
    step = jax.jit(jax.grad(total, argnums=(0, 1)))

    peak = step.lower(*shapes).compile().memory_analysis().temp_size_in_bytes

    assert peak < tokens * vocabulary * 4
