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


def both(function, features, matrix, learns=True):
    """A function's value, and its gradients by the features and by a matrix that learns."""
    return jax.jit(jax.value_and_grad(function, argnums=(0, 1) if learns else (0,)))(features, matrix)


def made(tokens, vocabulary, dim=5):
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 3, tokens).astype(np.float32)
    targets = np.where(weights > 0, rng.integers(0, vocabulary, tokens), -100).astype(np.int32)
    features, matrix = (rng.standard_normal((n, dim), np.float32) for n in (tokens, vocabulary))
    return features, matrix, targets, weights


SIZES = pytest.mark.parametrize(
    ("tokens", "chunk", "block"), [(1, 256, 256), (37, 256, 4), (37, 10, 4), (40, 8, 11), (40, 8, 1), (3, 1, 6)]
)


@pytest.fixture
def sizes(chunk, block, monkeypatch):
    """So few tokens, and rows of the matrix, go together."""
    monkeypatch.setattr(cross_entropy, "_LOGITS", 11 * chunk)
    monkeypatch.setattr(cross_entropy, "_blocks", lambda: (chunk, block))


@pytest.mark.parametrize("soft_cap", [None, 1.5])
@SIZES
@pytest.mark.usefixtures("sizes")
def test_values_and_gradients_are_the_plain_formulas(tokens, soft_cap):
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


@pytest.mark.parametrize("soft_cap", [None, 1.5])
@pytest.mark.parametrize("trained", [0, 3, 37])
@pytest.mark.parametrize(("chunk", "block"), [(256, 4096), (10, 11), (10, 4), (5, 1)])
@pytest.mark.usefixtures("sizes")
def test_a_frozen_matrix_changes_nothing_but_its_own_gradient(trained, soft_cap):
    features, matrix, targets, _ = made(37, vocabulary=11)
    matrix *= 10  # so that the largest logits are far from the others
    weights = np.zeros(37, np.float32)
    weights[np.random.default_rng(1).permutation(37)[:trained]] = 0.5
    targets = abs(targets) % 11

    def total(features):
        return vocabulary_cross_entropy(features, matrix, targets, weights, soft_cap=soft_cap)[0]

    ours, gradient = jax.jit(jax.value_and_grad(total))(features)
    theirs, wanted = jax.value_and_grad(lambda x: plain(x, matrix, targets, weights, soft_cap))(features)

    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    # What is small here is a difference of what is large: rounding is by the largest that is added up.
    np.testing.assert_allclose(gradient, wanted, rtol=0, atol=max(1e-6, 2e-6 * np.abs(wanted).max()))


def test_losses_in_bfloat16_are_as_near_as_its_products_are():
    features, matrix, targets, weights = (jnp.asarray(x) for x in made(300, vocabulary=5000, dim=64))
    targets, weights = abs(targets) % 5000, jnp.ones(300)
    half = features.astype(jnp.bfloat16), matrix.astype(jnp.bfloat16)

    def total(features, matrix):
        return vocabulary_cross_entropy(features, matrix, targets, weights)[0]

    loss, gradient = jax.jit(jax.value_and_grad(total))(*half)
    exact, wanted = jax.value_and_grad(total)(*(x.astype(jnp.float32) for x in half))

    assert gradient.dtype == jnp.bfloat16
    np.testing.assert_allclose(loss, exact, rtol=1e-5)
    np.testing.assert_allclose(gradient.astype(jnp.float32), wanted, atol=0.01 * float(jnp.abs(wanted).max()))


@pytest.mark.optimized
def test_a_frozen_matrix_has_no_gradient_computed():
    features, matrix, targets, weights = made(64, vocabulary=1 << 12)

    def flops(argnums):
        step = jax.jit(jax.grad(lambda *x: vocabulary_cross_entropy(*x, targets, weights)[0], argnums=argnums))
        return step.lower(features, matrix).cost_analysis()["flops"]

    assert flops(0) < 0.75 * flops((0, 1))


@pytest.mark.parametrize(("chunk", "block"), [(10, 4)])
@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.usefixtures("sizes")
def test_chunks_without_a_trained_token_are_not_computed(learns):
    features, matrix, targets, _ = made(37, vocabulary=11)
    trained = np.random.default_rng(1).permutation(37)[:20]  # two chunks full
    weights = np.zeros(37, np.float32)
    weights[trained] = 1
    features[weights == 0] = np.nan  # which whatever is computed from them would be, too
    by = (0, 1) if learns else (0,)
    step = jax.jit(jax.value_and_grad(lambda *x: vocabulary_cross_entropy(*x)[0], argnums=by))

    loss, (gradient, *_) = step(features, matrix, abs(targets) % 11, weights)

    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
    assert np.array_equal(np.flatnonzero(np.any(gradient != 0, axis=1)), np.sort(trained))


def test_each_tokens_loss_and_nothing_where_nothing_is_trained():
    features, matrix, targets, weights = made(20, 11)

    total, losses = vocabulary_cross_entropy(features, matrix, targets, weights)

    assert (losses[weights == 0] == 0).all()
    assert (losses[weights > 0] > 0).all()
    np.testing.assert_allclose(total, jnp.sum(losses * weights), rtol=1e-6)


@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("soft_cap", [None, 1.5])
@SIZES
@pytest.mark.usefixtures("sizes")
def test_what_weighs_tokens_by_their_losses_has_the_plain_formulas_gradients(tokens, soft_cap, learns):
    features, matrix, targets, weights = made(tokens, vocabulary=11)
    trained = (weights > 0).astype(np.float32)

    def weighed(losses):
        return jnp.sum(jax.nn.sigmoid(losses - 2) * jnp.arange(tokens) * trained)

    def ours(features, matrix):
        return weighed(token_losses(features, matrix, targets, trained, soft_cap=soft_cap))

    def theirs(features, matrix):
        each = jax.vmap(lambda f, t, w: plain(f[None], matrix, t[None], w[None], soft_cap))
        return weighed(each(features, targets * (weights > 0), trained))

    got, gradients = both(ours, features, matrix, learns)
    want, wanted = both(theirs, features, matrix, learns)

    np.testing.assert_allclose(got, want, rtol=1e-6)
    for one, other in zip(gradients, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.optimized
@pytest.mark.parametrize(("argnums", "share"), [((0, 1), 1), ((0,), 1 / 64)])
@pytest.mark.parametrize(
    "total", [lambda *x: vocabulary_cross_entropy(*x)[0], lambda *x: jnp.sum(jnp.square(token_losses(*x)))]
)
def test_the_logits_of_all_tokens_never_exist(total, argnums, share):
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
    step = jax.jit(jax.grad(total, argnums=argnums))

    peak = step.lower(*shapes).compile().memory_analysis().temp_size_in_bytes

    assert peak < tokens * vocabulary * 4 * share
