"""Choosing the next token. Everything but `Shape` is data, so that other numbers compile nothing.

Reference: transformers/generation/logits_process.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
from jax import numpy as jnp

from zoo.generate.settings import Sampling

_BEST = 1024  # tokens that are looked at before all are sorted


@dataclass(frozen=True)
class Shape:
    """The parts of the choice that a compiled function is made for.

    Args:
        greedy: the most probable token is taken.
        top_k: how many tokens are left, or None for all.
        nucleus: `top_p` or `min_p` takes some out.
        penalty: tokens that were there are made less probable.
        logprobs: the chosen tokens' log-probabilities are wanted.
    """

    greedy: bool
    top_k: int | None
    nucleus: bool
    penalty: bool
    logprobs: bool

    @classmethod
    def of(cls, sampling: Sampling, logprobs: bool, vocab_size: int) -> Shape:
        penalty = sampling.repetition_penalty != 1.0
        if sampling.greedy:
            return cls(True, None, False, penalty, logprobs)
        top_k = None if sampling.top_k is None or sampling.top_k >= vocab_size else sampling.top_k
        return cls(False, top_k, sampling.top_p < 1 or sampling.min_p > 0, penalty, logprobs)


def numbers(sampling: Sampling) -> dict[str, Any]:
    """The parts of the choice that are data."""
    names = ("temperature", "top_p", "min_p", "repetition_penalty")
    return {name: jnp.float32(getattr(sampling, name)) for name in names}


def choose(logits: Any, shape: Shape, numbers: dict[str, Any], keys: Any, seen: Any) -> tuple[Any, Any]:
    """The next token of each row, and its log-probability under the model (None where it is not wanted).

    Args:
        logits: `(batch, vocab_size)`.
        keys: `(batch,)` random keys, one for each row's draw.
        seen: bool `(batch, vocab_size)`, which tokens were there; None without a penalty.

    Returns:
        `(batch,)` int32, and `(batch,)` float32.
    """
    plain = logits.astype("float32")
    scores = plain
    if shape.penalty:
        penalty = numbers["repetition_penalty"]
        scores = jnp.where(seen, jnp.where(scores < 0, scores * penalty, scores / penalty), scores)
    if shape.greedy:
        tokens = jnp.argmax(scores, axis=-1)
    else:
        tokens = _drawn(scores / numbers["temperature"], shape, numbers, keys)
    tokens = tokens.astype("int32")
    if not shape.logprobs:
        return tokens, None
    chosen = jnp.take_along_axis(plain, tokens[:, None], axis=-1)[:, 0]
    return tokens, chosen - jax.nn.logsumexp(plain, axis=-1)


def _drawn(scores: Any, shape: Shape, numbers: dict[str, Any], keys: Any) -> Any:
    if shape.top_k is None and not shape.nucleus:
        return jax.vmap(jax.random.categorical)(keys, scores)
    every = scores.shape[-1]
    if shape.top_k is not None or every <= _BEST:
        ranked, tokens = jax.lax.top_k(scores, shape.top_k or every)
        return _from_ranked(ranked, tokens, jax.nn.logsumexp(ranked, axis=-1), shape, numbers, keys)
    # Sorting a whole vocabulary takes longer than a small model's step, and what is left lies among the best.
    norm = jax.nn.logsumexp(scores, axis=-1)
    ranked, tokens = jax.lax.top_k(scores, _BEST)
    chances = jnp.exp(ranked - norm[:, None])
    enough = (jnp.sum(chances[:, :-1], axis=-1) >= numbers["top_p"]) | (
        chances[:, -1] < numbers["min_p"] * chances[:, 0]
    )
    return jax.lax.cond(
        jnp.all(enough),
        lambda: _from_ranked(ranked, tokens, norm, shape, numbers, keys),
        lambda: _from_ranked(*jax.lax.top_k(scores, every), norm, shape, numbers, keys),
    )


def _from_ranked(ranked: Any, tokens: Any, norm: Any, shape: Shape, numbers: dict[str, Any], keys: Any) -> Any:
    """Draw from tokens whose scores `(batch, count)` fall, so that what the filters leave is a beginning.

    Args:
        norm: `(batch,)`, the logarithm of what the scores' exponentials sum up to, over all that may be drawn.
    """
    if shape.nucleus:
        chances = jnp.exp(ranked - norm[:, None])
        before = jnp.cumsum(chances, axis=-1) - chances
        # The filters follow each other, as in the reference; a ratio is the same before and after the first.
        kept = (before < numbers["top_p"]) & (chances >= numbers["min_p"] * chances[:, :1])
        ranked = jnp.where(kept, ranked, -jnp.inf)
    drawn = jax.vmap(jax.random.categorical)(keys, ranked)
    return jnp.take_along_axis(tokens, drawn[:, None], axis=-1)[:, 0]
