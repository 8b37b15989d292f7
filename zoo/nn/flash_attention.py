"""Attention by cuDNN's flash kernel, which keeps no scores: what suits it, on the devices where it was compared.

https://arxiv.org/abs/2205.14135. On an H100 with cuDNN 9.19, its values and gradients were nearer to the formula in
float32 than the formula's in bfloat16 are, with every kind of mask. Another device, or a head of another size, is
compared before it is added: `pytest -m gpu tests/nn/test_flash_attention.py`.
"""

from __future__ import annotations

from typing import Any

import jax
from jax import numpy as jnp

from zoo.nn.masks import Mask

_PROVEN = "9.0"  # compute capability
_KERNEL = "cudnn"
_HEAD_DIMS = 64, 256
_TABLE = 1 << 28  # as many numbers a table of who sees whom may have


def flash_serves(query: Any, mask: Mask, soft_cap: float | None = None) -> bool:
    """Whether `attend_in_flash` may be called here, with queries `(batch, heads, length, head_dim)`.

    The kernel knows no soft cap, no float32, and no gradient of rows of odd length. Packed rows, padding, and
    windows in both directions, are told it by a table as large as the square of the length.
    """
    device = jax.devices()[0]
    if device.platform != "gpu" or getattr(device, "compute_capability", "") != _PROVEN:
        return False
    batch, _, length, head_dim = query.shape
    shaped = length % 2 == 0 and head_dim in _HEAD_DIMS
    small = not _needs_table(mask) or batch * length**2 <= _TABLE
    return query.dtype == jnp.bfloat16 and soft_cap is None and shaped and small


def attend_in_flash(query: Any, key: Any, value: Any, mask: Mask, *, scale: float) -> Any:
    """As `attend`, for queries and keys of the same tokens.

    Args:
        query: `(batch, heads, length, head_dim)`.
        key, value: `(batch, kv_heads, length, head_dim)`.
        mask: who sees whom.
    """
    length, window, table = query.shape[2], None, None
    if _needs_table(mask):
        table = mask.whole()
        table = jnp.broadcast_to(table, (table.shape[0], 1, length, length))
    elif mask.window is not None:
        window = mask.window - 1, 0
    query, key, value = (jnp.swapaxes(x, 1, 2) for x in (query, key, value))
    mixed = jax.nn.dot_product_attention(
        query,
        key,
        value,
        mask=table,
        scale=scale,
        is_causal=mask.causal,
        local_window_size=window,
        implementation=_KERNEL,  # pyright: ignore[reportArgumentType]
    )
    return jnp.swapaxes(mixed, 1, 2)


def _needs_table(mask: Mask) -> bool:
    """Whether more is to be told than the order of tokens and how far back they see."""
    return mask.segments is not None or mask.kept is not None or (mask.window is not None and not mask.causal)
