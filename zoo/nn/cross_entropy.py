"""Cross-entropy over a vocabulary, a few tokens at a time, so that all logits never exist together.

The gradient of a token's loss by its logits is `softmax - one_hot`, known as soon as the logits are. So it is
carried on to the features and the matrix while they are there, and nothing is computed twice
(https://arxiv.org/abs/2410.10989, section 3.2). Tokens of weight 0 are put last, and chunks of them are skipped.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax import numpy as jnp

_LOGITS = 1 << 25  # as many numbers of logits exist at a time, at most


def vocabulary_cross_entropy(
    features: Any, matrix: Any, targets: Any, weights: Any, *, soft_cap: float | None = None
) -> tuple[Any, Any]:
    """The weighted sum of the tokens' losses, and each token's loss in nats, which has no gradient.

    Args:
        features: `(tokens, dim)`.
        matrix: `(vocabulary, dim)`; logits are `features @ matrix.T`.
        targets: `(tokens,)` int.
        weights: `(tokens,)` float32; a token of weight 0 has no loss, whatever its target.
        soft_cap: what `soft_cap * tanh(logits / soft_cap)` keeps the logits within.

    Returns:
        `()` and `(tokens,)` float32.
    """
    return _cross_entropy(soft_cap, features, matrix, targets, weights)


def token_losses(features: Any, matrix: Any, targets: Any, weights: Any, *, soft_cap: float | None = None) -> Any:
    """Each token's loss in nats `(tokens,)` float32, with its gradient: for what weighs tokens by their losses.

    The arguments are those of `vocabulary_cross_entropy`; weights are 1 or 0. Only when the gradient arrives is it
    known what each token weighs, so the matrix's takes the logits once more. Where it is frozen, nothing does.
    """
    return _token_losses(soft_cap, features, matrix, targets, weights)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _cross_entropy(soft_cap: float | None, features: Any, matrix: Any, targets: Any, weights: Any) -> Any:
    losses = _token_losses(soft_cap, features, matrix, targets, weights)
    return jnp.sum(losses * weights), jax.lax.stop_gradient(losses)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _token_losses(soft_cap: float | None, features: Any, matrix: Any, targets: Any, weights: Any) -> Any:
    places, chunks = _chunked(features, matrix, targets, weights)
    _, losses = _over_trained(lambda _, chunk: (_, _losses(soft_cap, matrix, chunk)[0]), (), chunks)
    return _returned(losses, places)


def _chunked(features: Any, matrix: Any, targets: Any, weights: Any, *others: Any) -> tuple[Any, Any]:
    """The tokens' places, those of weight 0 last, and the tokens so in chunks `(chunks, size, ...)`.

    The last chunk is filled up with tokens of weight 0.

    Args:
        others: what else there is of each token `(tokens,)`.
    """
    tokens = features.shape[0]
    size = min(tokens, max(8, _LOGITS // matrix.shape[0]))
    places = jnp.argsort(weights == 0, stable=True)
    arrays = (jnp.asarray(x)[places] for x in (features, targets, weights, *others))
    padded = (jnp.pad(x, [(0, -tokens % size)] + [(0, 0)] * (x.ndim - 1)) for x in arrays)
    return places, tuple(x.reshape(-1, size, *x.shape[1:]) for x in padded)


def _returned(chunks: Any, places: Any) -> Any:
    """What chunks hold of each token `(chunks, size, ...)`, where the token stood `(tokens, ...)`."""
    rows = chunks.reshape(-1, *chunks.shape[2:])[: len(places)]
    return jnp.zeros_like(rows).at[places].set(rows, unique_indices=True)


def _over_trained(compute: Callable[[Any, Any], tuple[Any, Any]], start: Any, chunks: Any) -> tuple[Any, Any]:
    """`scan`, but a chunk in which no token has a weight is not computed, and gives zeros."""

    def skip(carried: Any, chunk: Any) -> tuple[Any, Any]:
        _, shapes = jax.eval_shape(compute, carried, chunk)
        return carried, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)

    def one(carried: Any, chunk: Any) -> tuple[Any, Any]:
        return jax.lax.cond(jnp.any(chunk[2] != 0), compute, skip, carried, chunk)

    return jax.lax.scan(one, start, chunks)


def _losses(soft_cap: float | None, matrix: Any, chunk: Any) -> tuple[Any, Any, Any]:
    """The losses of a chunk `(size,)`, its logits, and the logarithm of what normalises them."""
    features, targets, weights = chunk
    logits = jnp.matmul(features, matrix.astype(features.dtype).T, preferred_element_type=jnp.float32)
    if soft_cap is not None:
        logits = soft_cap * jnp.tanh(logits / soft_cap)
    norm = jax.nn.logsumexp(logits, axis=-1)
    own = jnp.take_along_axis(logits, targets[:, None], axis=-1, mode="clip")[:, 0]
    return jnp.where(weights > 0, norm - own, 0.0), logits, norm


def _changes(soft_cap: float | None, matrix: Any, chunk: Any) -> tuple[Any, Any]:
    """The losses of a chunk, and their weighted gradients by its logits `(size, vocabulary)`."""
    part, own, weight = chunk
    losses, logits, norm = _losses(soft_cap, matrix, chunk)
    change = jnp.exp(logits - norm[:, None])
    change = (change - (jnp.arange(change.shape[1]) == own[:, None])) * weight[:, None]
    if soft_cap is not None:
        change = change * (1 - jnp.square(logits / soft_cap))
    return losses, change.astype(part.dtype)


def _by_features(change: Any, matrix: Any) -> Any:
    return jnp.matmul(change, matrix.astype(change.dtype), preferred_element_type=jnp.float32)


def _by_matrix(change: Any, features: Any) -> Any:
    return jnp.matmul(change.T, features, preferred_element_type=jnp.float32)


def _forward(soft_cap: float | None, features: Any, matrix: Any, targets: Any, weights: Any) -> Any:
    learns = matrix.perturbed  # a frozen matrix has no gradient, which would cost as much as the features'
    features, matrix, targets, weights = (x.value for x in (features, matrix, targets, weights))
    places, chunks = _chunked(features, matrix, targets, weights)

    def gradients(matrix_gradient: Any, chunk: Any) -> Any:
        losses, change = _changes(soft_cap, matrix, chunk)
        if learns:
            matrix_gradient += _by_matrix(change, chunk[0])
        return matrix_gradient, (losses, _by_features(change, matrix))

    start = jnp.zeros(matrix.shape if learns else (), jnp.float32)
    matrix_gradient, (losses, gradient) = _over_trained(gradients, start, chunks)
    losses, gradient = (_returned(x, places) for x in (losses, gradient))
    by_matrix = matrix_gradient.astype(matrix.dtype) if learns else None
    return (jnp.sum(losses * weights), losses), (gradient.astype(features.dtype), by_matrix, losses)


def _backward(soft_cap: float | None, kept: Any, passed: tuple[Any, Any]) -> tuple[Any, Any, None, Any]:
    by_features, by_matrix, losses = kept
    total = passed[0]
    scaled = None if by_matrix is None else (by_matrix * total).astype(by_matrix.dtype)
    return (by_features * total).astype(by_features.dtype), scaled, None, losses * total


_cross_entropy.defvjp(_forward, _backward, symbolic_zeros=True)


def _token_forward(soft_cap: float | None, features: Any, matrix: Any, targets: Any, weights: Any) -> Any:
    learns = matrix.perturbed
    features, matrix, targets, weights = (x.value for x in (features, matrix, targets, weights))
    places, chunks = _chunked(features, matrix, targets, weights)

    def gradients(_: Any, chunk: Any) -> Any:
        losses, change = _changes(soft_cap, matrix, chunk)
        return _, (losses, _by_features(change, matrix))

    _, found = _over_trained(gradients, (), chunks)
    losses, gradient = (_returned(x, places) for x in found)
    again = (features, matrix, targets, weights) if learns else None
    return losses, (gradient.astype(features.dtype), again)


def _token_backward(soft_cap: float | None, kept: Any, passed: Any) -> tuple[Any, Any, None, None]:
    gradient, again = kept
    by_features = (gradient * passed[:, None]).astype(gradient.dtype)
    if again is None:
        return by_features, None, None, None
    features, matrix, targets, weights = again
    _, chunks = _chunked(features, matrix, targets, weights, passed)

    def add(matrix_gradient: Any, chunk: Any) -> Any:
        *own, scale = chunk
        _, change = _changes(soft_cap, matrix, own)
        return matrix_gradient + _by_matrix(change * scale[:, None].astype(change.dtype), own[0]), ()

    by_matrix, _ = _over_trained(add, jnp.zeros(matrix.shape, jnp.float32), chunks)
    return by_features, by_matrix.astype(matrix.dtype), None, None


_token_losses.defvjp(_token_forward, _token_backward, symbolic_zeros=True)
