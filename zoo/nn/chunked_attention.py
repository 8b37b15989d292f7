"""Attention of long rows, some queries at a time: the same numbers, in memory that grows with the length alone.

The scores of a chunk are made, used and forgotten; for the gradient they are made again. A chunk whose layer sees
only a window reads the keys of that window, so that its time grows with the length alone, too.
"""

from __future__ import annotations

from typing import Any

import jax
from jax import numpy as jnp

from zoo.nn.attention import attend
from zoo.nn.masks import Mask

_CHUNK = 256


def attend_in_chunks(
    query: Any, key: Any, value: Any, mask: Mask, *, scale: float, soft_cap: float | None = None
) -> Any:
    """As `attend`, for queries and keys of the same tokens.

    Args:
        query: `(batch, heads, length, head_dim)`.
        key, value: `(batch, kv_heads, length, head_dim)`.
        mask: who sees whom.
    """
    length = query.shape[2]
    count = min(_CHUNK, length)
    behind = length if mask.window is None else mask.window - 1
    ahead = 0 if mask.causal else behind
    reach = min(length, behind + count + ahead)

    @jax.checkpoint
    def one(start: Any) -> Any:
        first = jnp.clip(start - behind, 0, length - reach)
        part = jax.lax.dynamic_slice_in_dim(query, start, count, axis=2)
        keys, values = (jax.lax.dynamic_slice_in_dim(x, first, reach, axis=2) for x in (key, value))
        seen = mask.part(start, count, first, reach)
        return attend(part, keys, values, seen, scale=scale, soft_cap=soft_cap)

    # The last chunk ends where the row does, and so begins inside the one before.
    chunks = -(-length // count)
    starts = jnp.minimum(jnp.arange(chunks) * count, length - count)
    found = jnp.moveaxis(jax.lax.map(one, starts), 0, 2)  # (batch, heads, chunks, count, head_dim)
    whole = found[:, :, :-1].reshape(*query.shape[:2], -1, query.shape[3])
    rest = found[:, :, -1, count - (length - (chunks - 1) * count) :]
    return jnp.concatenate([whole, rest], axis=2)
