"""Cross-entropy over a vocabulary, a few tokens at a time, so that all logits never exist together.

The gradient of a token's loss by its logits is `softmax - one_hot`, known as soon as the logits are. So it is
carried on to the features and the matrix while they are there, and nothing is computed twice
(https://arxiv.org/abs/2410.10989, section 3.2).
"""

from __future__ import annotations

import functools
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


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _cross_entropy(soft_cap: float | None, features: Any, matrix: Any, targets: Any, weights: Any) -> Any:
    chunks, tokens = _chunked(features, matrix, targets, weights)
    losses = jax.lax.map(lambda chunk: _losses(soft_cap, matrix, chunk)[0], chunks).reshape(-1)[:tokens]
    return jnp.sum(losses * weights), jax.lax.stop_gradient(losses)


def _chunked(features: Any, matrix: Any, targets: Any, weights: Any) -> tuple[Any, int]:
    """The tokens in chunks `(chunks, size, ...)`, the last filled up with tokens of weight 0, and their number."""
    tokens = features.shape[0]
    size = min(tokens, max(8, _LOGITS // matrix.shape[0]))
    more = -tokens % size
    arrays = (features, targets, weights)
    return tuple(
        jnp.pad(x, [(0, more)] + [(0, 0)] * (x.ndim - 1)).reshape(-1, size, *x.shape[1:]) for x in arrays
    ), tokens


def _losses(soft_cap: float | None, matrix: Any, chunk: Any) -> tuple[Any, Any, Any]:
    """The losses of a chunk `(size,)`, its logits, and the logarithm of what normalises them."""
    features, targets, weights = chunk
    logits = jnp.matmul(features, matrix.astype(features.dtype).T, preferred_element_type=jnp.float32)
    if soft_cap is not None:
        logits = soft_cap * jnp.tanh(logits / soft_cap)
    norm = jax.nn.logsumexp(logits, axis=-1)
    own = jnp.take_along_axis(logits, targets[:, None], axis=-1, mode="clip")[:, 0]
    return jnp.where(weights > 0, norm - own, 0.0), logits, norm


def _forward(soft_cap: float | None, features: Any, matrix: Any, targets: Any, weights: Any) -> Any:
    def one(matrix_gradient: Any, chunk: Any) -> tuple[Any, tuple[Any, Any]]:
        part, own, weight = chunk
        losses, logits, norm = _losses(soft_cap, matrix, chunk)
        change = jnp.exp(logits - norm[:, None])
        change = (change - (jnp.arange(change.shape[1]) == own[:, None])) * weight[:, None]
        if soft_cap is not None:
            change = change * (1 - jnp.square(logits / soft_cap))
        change = change.astype(part.dtype)
        gradient = jnp.matmul(change, matrix.astype(part.dtype), preferred_element_type=jnp.float32)
        matrix_gradient += jnp.matmul(change.T, part, preferred_element_type=jnp.float32)
        return matrix_gradient, (losses, gradient)

    chunks, tokens = _chunked(features, matrix, targets, weights)
    matrix_gradient, (losses, gradient) = jax.lax.scan(one, jnp.zeros(matrix.shape, jnp.float32), chunks)
    losses, gradient = losses.reshape(-1)[:tokens], gradient.reshape(-1, features.shape[1])[:tokens]
    kept = gradient.astype(features.dtype), matrix_gradient.astype(matrix.dtype), losses
    return (jnp.sum(losses * weights), losses), kept


def _backward(soft_cap: float | None, kept: Any, passed: tuple[Any, Any]) -> tuple[Any, Any, None, Any]:
    gradient, matrix_gradient, losses = kept
    total = passed[0]
    by_features, by_matrix = ((x * total).astype(x.dtype) for x in (gradient, matrix_gradient))
    return by_features, by_matrix, None, losses * total


_cross_entropy.defvjp(_forward, _backward)
