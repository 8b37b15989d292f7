"""The cache of keys and values that decoding token by token reads in place of the tokens before.

Every row of a batch is padded on the left, so that all of them write the same column next. A layer that sees only
a window keeps no more columns than that: column `c` lies in slot `c mod slots`, and overwrites the one that has
just left the window. A layer that sees all has as many slots as there will ever be columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax import numpy as jnp

Pair = tuple[Any, Any]
"""A layer's keys and values, `(batch, kv_heads, length, head_dim)` each."""

Cache = dict[str, Any]
"""`column`: the column that is written next, int32; `start` `(batch,)`: each row's first column that is no padding;
`layers`: a `Pair` for each layer, with its slots in place of a length."""


def filled(pairs: Sequence[Pair], windows: Sequence[int | None], start: Any, columns: int) -> Cache:
    """The cache after a prompt.

    Args:
        windows: each layer's window, or None.
        start: `(batch,)` int32, how many columns of each row are padding.
        columns: how many there will be with all that is generated.
    """
    layers = []
    for (key, value), window in zip(pairs, windows, strict=True):
        slots = min(window or columns, columns)
        layers.append((_placed(key, slots), _placed(value, slots)))
    return {"column": jnp.int32(pairs[0][0].shape[2]), "start": start, "layers": layers}


def _placed(x: Any, slots: int) -> Any:
    length = x.shape[2]
    if length <= slots:
        return jnp.pad(x, ((0, 0), (0, 0), (0, slots - length), (0, 0)))
    return jnp.roll(x[:, :, length - slots :], length % slots, axis=2)


def visible_slots(cache: Cache, slots: int, window: int | None) -> Any:
    """Which slots of a layer the token at `column` sees: bool `(batch, 1, 1, slots)`."""
    behind = 1 + (cache["column"] - 1 - jnp.arange(slots, dtype="int32")) % slots
    seen = cache["column"] - behind >= cache["start"][:, None]
    return (seen if window is None else seen & (behind < window))[:, None, None, :]


def extended(cache: Cache, pairs: Sequence[Pair]) -> Cache:
    """The cache with one more token of each row. Give the old one away, and it is written where it lies."""
    column = cache["column"]
    layers = [
        tuple(_written(whole, one, column) for whole, one in zip(layer, pair, strict=True))
        for layer, pair in zip(cache["layers"], pairs, strict=True)
    ]
    return {**cache, "column": column + 1, "layers": layers}


def _written(whole: Any, one: Any, column: Any) -> Any:
    slot = column % whole.shape[2]
    return jax.lax.dynamic_update_slice_in_dim(whole, one.astype(whole.dtype), slot, axis=2)
