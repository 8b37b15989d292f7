"""What the ways to compute attention are compared by: numbers, values and gradients, rows that see anything."""

from __future__ import annotations

import jax
import numpy as np
from jax import numpy as jnp

BATCH = 2


def numbers(heads, kv_heads, length, head_dim, dtype=jnp.float32):
    """Queries, keys, values and what the outputs' gradient is."""
    rng = np.random.default_rng(length)
    made = [
        rng.standard_normal((BATCH, n, length, head_dim), np.float32) for n in (heads, kv_heads, kv_heads, heads)
    ]
    return [jnp.asarray(x, dtype) for x in made]


def values_and_gradients(attention, *inputs, out):
    @jax.jit
    def both(out, *inputs):
        found, back = jax.vjp(attention, *inputs)
        return found, *back(out)

    return both(out, *inputs)


def seen_by_some(mask, length):
    """Which rows see anything at all: what others hold is nobody's business."""
    whole = mask.whole()
    seen = np.ones((1, length), bool) if whole is None else np.asarray(whole).any(axis=(1, 3))
    return jnp.asarray(np.broadcast_to(seen, (BATCH, length))[:, None, :, None])
