"""Attention of long rows, whose scores are never there all at once."""

from __future__ import annotations

from typing import Any

from zoo.nn.chunked_attention import attend_in_chunks
from zoo.nn.flash_attention import attend_in_flash, flash_serves
from zoo.nn.masks import Mask

LONG = 1024  # tokens from which on all scores at once are too much


def attend_long(
    query: Any, key: Any, value: Any, mask: Mask, *, scale: float, soft_cap: float | None = None
) -> Any:
    """As `attend`, for queries and keys of the same tokens: by flash attention where it serves, else in chunks.

    Args:
        query: `(batch, heads, length, head_dim)`.
        key, value: `(batch, kv_heads, length, head_dim)`.
        mask: who sees whom.
    """
    if flash_serves(query, mask, soft_cap):
        return attend_in_flash(query, key, value, mask, scale=scale)
    return attend_in_chunks(query, key, value, mask, scale=scale, soft_cap=soft_cap)
