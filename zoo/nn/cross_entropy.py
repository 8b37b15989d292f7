"""Cross-entropy over a vocabulary, some tokens and some of the vocabulary at a time: no logits are ever kept.

The gradient of a token's loss by its features is the mean of the matrix's rows, weighed by softmax, less its
target's row. Such a mean is what attention computes, with the matrix for keys and values. So where the matrix is
frozen, it is gathered as flash attention gathers its own, block by block of the vocabulary beside a running maximum
(https://arxiv.org/abs/2205.14135, algorithm 1). The gradient by the matrix is made of softmax itself: where it
learns, a few tokens have all their logits at a time (https://arxiv.org/abs/2410.10989, section 3.2). Nothing is
computed twice, unless `token_losses` are of a matrix that learns. Tokens of weight 0 are put last, and chunks of
them are skipped.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax import numpy as jnp

_LOGITS = 1 << 25  # as many numbers of logits exist at a time, at most
_BLOCKS = 2048, 1 << 14  # tokens, and of the vocabulary
_CPU_BLOCKS = 256, 1 << 12  # what its caches hold: two thirds of the time, of 262,144 tokens


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
    places, chunks = _chunked(_blocks()[0], features, targets, weights)
    _, losses = _over_trained(
        lambda _, chunk: (_, _in_blocks(soft_cap, matrix, chunk, by_features=False)[0]), (), chunks
    )
    return _returned(losses, places)


def _blocks() -> tuple[int, int]:
    """The tokens and the part of the vocabulary that go together where the matrix is frozen."""
    return _CPU_BLOCKS if jax.default_backend() == "cpu" else _BLOCKS


def _chunked(size: int, features: Any, targets: Any, weights: Any) -> tuple[Any, Any]:
    """The tokens' places, those of weight 0 last, and the tokens so in chunks `(chunks, size, ...)`.

    The last chunk is filled up with tokens of weight 0.
    """
    tokens = features.shape[0]
    size = min(tokens, size)
    places = jnp.argsort(weights == 0, stable=True)
    arrays = (jnp.asarray(x)[places] for x in (features, targets, weights))
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


def _capped(soft_cap: float | None, logits: Any) -> tuple[Any, Any]:
    """The logits within the soft cap, and its slope there."""
    if soft_cap is None:
        return logits, 1.0
    logits = soft_cap * jnp.tanh(logits / soft_cap)
    return logits, 1 - jnp.square(logits / soft_cap)


def _product(one: Any, other: Any) -> Any:
    """A matrix product in the type of its first factor, its sums in float32."""
    return jnp.matmul(one, other.astype(one.dtype), preferred_element_type=jnp.float32)


def _in_blocks(soft_cap: float | None, matrix: Any, chunk: Any, *, by_features: bool) -> tuple[Any, Any]:
    """A chunk's losses `(size,)`, and if asked for their weighted gradients by the features `(size, dim)`.

    Carried from block to block are each token's largest logit, the sum of the exponentials of how far each logit is
    below it, and the sum of the matrix's rows, each times its exponential and the slope of its soft cap.
    """
    features, targets, weights = chunk
    vocabulary = matrix.shape[0]
    blocks = -(-vocabulary // _blocks()[1])
    size = -(-vocabulary // blocks)

    def add(carried: Any, number: Any) -> tuple[Any, None]:
        largest, total, rows = carried
        # The last block ends where the vocabulary does, and so may begin inside the one before.
        start = jnp.minimum(number * size, vocabulary - size)
        part = jax.lax.dynamic_slice_in_dim(matrix, start, size)
        logits, slope = _capped(soft_cap, _product(features, part.T))
        if vocabulary % size:
            logits = jnp.where(start + jnp.arange(size) >= number * size, logits, -jnp.inf)
        before, largest = largest, jnp.maximum(largest, jnp.max(logits, axis=-1))
        shrunk, powers = jnp.exp(before - largest), jnp.exp(logits - largest[:, None])
        total = total * shrunk + jnp.sum(powers, axis=-1)
        if by_features:
            rows = rows * shrunk[:, None] + _product((powers * slope).astype(features.dtype), part)
        return (largest, total, rows), None

    start = jnp.full(len(targets), -jnp.inf), jnp.zeros(len(targets)), jnp.zeros(features.shape, jnp.float32)
    (largest, total, rows), _ = jax.lax.scan(add, start, jnp.arange(blocks))
    own = jnp.take(matrix, targets, axis=0, mode="clip").astype(features.dtype)
    logits, slope = _capped(soft_cap, jnp.sum(features.astype(jnp.float32) * own, axis=-1, keepdims=True))
    losses = jnp.where(weights > 0, largest + jnp.log(total) - logits[:, 0], 0.0)
    return losses, (rows / total[:, None] - slope * own) * weights[:, None]


def _at_once(soft_cap: float | None, matrix: Any, by_matrix: Any, chunk: Any) -> tuple[Any, Any]:
    """The matrix's gradient with a chunk's part; the chunk's losses and weighted gradients by its features."""
    features, targets, weights = chunk
    logits, slope = _capped(soft_cap, _product(features, matrix.T))
    norm = jax.nn.logsumexp(logits, axis=-1)
    own = jnp.take_along_axis(logits, targets[:, None], axis=-1, mode="clip")[:, 0]
    change = jnp.exp(logits - norm[:, None]) - (jnp.arange(len(matrix)) == targets[:, None])
    change = (change * weights[:, None] * slope).astype(features.dtype)
    losses = jnp.where(weights > 0, norm - own, 0.0)
    return by_matrix + _product(change.T, features), (losses, _product(change, matrix))


def _gradients(
    learns: bool, soft_cap: float | None, features: Any, matrix: Any, targets: Any, weights: Any
) -> tuple[Any, Any, Any]:
    """The losses `(tokens,)`; the gradients of their weighted sum by the features and by a matrix that learns."""
    size = max(8, _LOGITS // len(matrix)) if learns else _blocks()[0]
    places, chunks = _chunked(size, features, targets, weights)
    if learns:
        add, start = functools.partial(_at_once, soft_cap, matrix), jnp.zeros(matrix.shape, jnp.float32)
        by_matrix, found = _over_trained(add, start, chunks)
        by_matrix = by_matrix.astype(matrix.dtype)
    else:
        by_matrix, found = _over_trained(
            lambda _, chunk: (_, _in_blocks(soft_cap, matrix, chunk, by_features=True)), None, chunks
        )
    losses, by_features = (_returned(x, places) for x in found)
    return losses, by_features.astype(features.dtype), by_matrix


def _scaled(gradient: Any, scale: Any) -> Any:
    return None if gradient is None else (gradient * scale).astype(gradient.dtype)


def _forward(soft_cap: float | None, features: Any, matrix: Any, targets: Any, weights: Any) -> Any:
    learns = matrix.perturbed  # a frozen matrix has no gradient, which would cost as much as the features'
    values = (x.value for x in (features, matrix, targets, weights))
    losses, by_features, by_matrix = _gradients(learns, soft_cap, *values)
    return (jnp.sum(losses * weights.value), losses), (by_features, by_matrix, losses)


def _backward(soft_cap: float | None, kept: Any, passed: tuple[Any, Any]) -> tuple[Any, Any, None, Any]:
    by_features, by_matrix, losses = kept
    total = passed[0]
    return _scaled(by_features, total), _scaled(by_matrix, total), None, losses * total


_cross_entropy.defvjp(_forward, _backward, symbolic_zeros=True)


def _token_forward(soft_cap: float | None, features: Any, matrix: Any, targets: Any, weights: Any) -> Any:
    values = tuple(x.value for x in (features, matrix, targets, weights))
    if matrix.perturbed:
        return _token_losses(soft_cap, *values), (None, values)
    losses, by_features, _ = _gradients(False, soft_cap, *values)
    return losses, (by_features, None)


def _token_backward(soft_cap: float | None, kept: Any, passed: Any) -> tuple[Any, Any, None, None]:
    by_features, again = kept
    if again is None:
        return _scaled(by_features, passed[:, None]), None, None, None
    features, matrix, targets, weights = again
    _, by_features, by_matrix = _gradients(True, soft_cap, features, matrix, targets, weights * passed)
    return by_features, by_matrix, None, None


_token_losses.defvjp(_token_forward, _token_backward, symbolic_zeros=True)
