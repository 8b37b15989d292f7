"""Which way attention is computed: all scores at once, in bands or in chunks, or by a kernel of the device."""

from __future__ import annotations

from typing import Any

import jax

from zoo.nn.attention import attend
from zoo.nn.banded_attention import attend_in_bands
from zoo.nn.chunked_attention import attend_in_chunks
from zoo.nn.costly import costly
from zoo.nn.flash_attention import attend_in_flash, flash_serves
from zoo.nn.masks import Mask

LONG = 1024  # tokens from which on all scores at once are too much


def attend_by_mask(
    query: Any, key: Any, value: Any, mask: Mask, *, scale: float, soft_cap: float | None = None
) -> Any:
    """As `attend`, for queries and keys of the same tokens.

    Long rows never have all their scores at a time: flash attention computes them where it serves, else chunks do.
    Causal rows that are shorter are computed in bands on a CPU, where each score less is time.

    Args:
        query: `(batch, heads, length, head_dim)`.
        key, value: `(batch, kv_heads, length, head_dim)`.
        mask: who sees whom.
    """
    numbers: Any = {"scale": scale, "soft_cap": soft_cap}
    if query.shape[2] >= LONG:
        if flash_serves(query, mask, soft_cap):
            return attend_in_flash(query, key, value, mask, scale=scale)  # which rematerialisation knows itself
        mixed = attend_in_chunks(query, key, value, mask, **numbers)
    elif mask.causal and jax.default_backend() == "cpu":
        mixed = attend_in_bands(query, key, value, mask, **numbers)
    else:
        mixed = attend(query, key, value, mask.whole(), **numbers)
    return costly(mixed)
