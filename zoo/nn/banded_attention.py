"""Attention of a causal row in bands of queries, none of which makes scores of what comes after its end."""

from __future__ import annotations

from typing import Any

from jax import numpy as jnp

from zoo.nn.attention import attend
from zoo.nn.masks import Mask

_BAND = 128


def attend_in_bands(
    query: Any, key: Any, value: Any, mask: Mask, *, scale: float, soft_cap: float | None = None
) -> Any:
    """As `attend`, for queries and keys of the same tokens, with up to half of the scores.

    Each band is a program of its own, so the rows should be short.

    Args:
        query: `(batch, heads, length, head_dim)`.
        key, value: `(batch, kv_heads, length, head_dim)`.
        mask: who sees whom; causal.
    """
    length = query.shape[2]
    bands = []
    for first in range(0, length, _BAND):
        end = min(length, first + _BAND)
        seen = 0 if mask.window is None else max(0, first - mask.window + 1)
        near = mask.part(first, end - first, seen, end - seen)
        keys, values = key[:, :, seen:end], value[:, :, seen:end]
        bands.append(attend(query[:, :, first:end], keys, values, near, scale=scale, soft_cap=soft_cap))
    return jnp.concatenate(bands, axis=2) if len(bands) > 1 else bands[0]
