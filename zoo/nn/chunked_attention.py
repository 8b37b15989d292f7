"""Attention some queries at a time: the same numbers, in memory that grows with the length alone.

The scores of a chunk are made, used and forgotten; for the gradient they are made again. A chunk reads the keys it
may see. With a window time grows with the length alone, too. Without one, a causal row is cut into a few bands, and
the chunks of each, which is a program of its own, read what comes before its end.
"""

from __future__ import annotations

from typing import Any

import jax
from jax import numpy as jnp

from zoo.nn.attention import attend
from zoo.nn.masks import Mask

_BANDS = 8


def attend_in_chunks(
    query: Any,
    key: Any,
    value: Any,
    mask: Mask,
    *,
    scale: float,
    soft_cap: float | None = None,
    chunk: int,
    keep: bool = False,
) -> Any:
    """As `attend`, for queries and keys of the same tokens.

    Args:
        query: `(batch, heads, length, head_dim)`.
        key, value: `(batch, kv_heads, length, head_dim)`.
        mask: who sees whom.
        chunk: how many queries, at most.
        keep: the scores for the gradient, in place of making them again.
    """
    length = query.shape[2]
    numbers: dict[str, Any] = {"scale": scale, "soft_cap": soft_cap, "chunk": chunk, "keep": keep}
    if not mask.causal or 2 * _reach(mask, chunk, length) <= length:
        return _band(query, key, value, mask, 0, **numbers)
    size = -(-length // (_BANDS * chunk)) * chunk
    bands = []
    for first in range(0, length, size):
        end = min(length, first + size)
        seen = key[:, :, :end], value[:, :, :end]
        bands.append(_band(query[:, :, first:end], *seen, mask, first, **numbers))
    return jnp.concatenate(bands, axis=2) if len(bands) > 1 else bands[0]


def _reach(mask: Mask, count: int, keys: int) -> int:
    """How many keys `count` queries in a row see, at most."""
    if mask.window is None:
        return keys
    behind = mask.window - 1
    return min(keys, behind + count + (0 if mask.causal else behind))


def _band(
    query: Any,
    key: Any,
    value: Any,
    mask: Mask,
    place: int,
    *,
    scale: float,
    soft_cap: float | None,
    chunk: int,
    keep: bool,
) -> Any:
    """What the queries from `place` on see of the keys from 0 on, chunk by chunk."""
    length, keys = query.shape[2], key.shape[2]
    count = min(chunk, length)
    reach = _reach(mask, count, keys)
    behind = keys if mask.window is None else mask.window - 1

    def one(start: Any) -> Any:
        first = jnp.clip(place + start - behind, 0, keys - reach)
        part = jax.lax.dynamic_slice_in_dim(query, start, count, axis=2)
        near, values = (jax.lax.dynamic_slice_in_dim(x, first, reach, axis=2) for x in (key, value))
        seen = mask.part(place + start, count, first, reach)
        return attend(part, near, values, seen, scale=scale, soft_cap=soft_cap)

    one = one if keep else jax.checkpoint(one)
    if count == length:
        return one(0)
    # The last chunk ends where the band does, and so begins inside the one before.
    chunks = -(-length // count)
    starts = jnp.minimum(jnp.arange(chunks) * count, length - count)
    found = jnp.moveaxis(jax.lax.map(one, starts), 0, 2)  # (batch, heads, chunks, count, head_dim)
    whole = found[:, :, :-1].reshape(*query.shape[:2], -1, query.shape[3])
    rest = found[:, :, -1, count - (length - (chunks - 1) * count) :]
    return jnp.concatenate([whole, rest], axis=2)
