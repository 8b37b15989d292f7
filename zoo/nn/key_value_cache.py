"""The cache of keys and values that decoding token by token reads in place of the tokens before.

Every row of a batch is padded on the left, so that all of them write the same column next. A layer that sees only
a window keeps no more columns than that: column `c` lies in slot `c mod slots`, and overwrites the one that has
just left the window. A layer that sees all has as many slots as there will ever be columns.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
from jax import numpy as jnp
from keras import ops

Cache = dict[str, Any]
"""`column`: the column that is written next, int32; `start` `(batch,)`: each row's first column that is no padding;
`layers`: for each layer its keys and values, `(batch, kv_heads, slots, head_dim)` each."""


def slots_of(window: int | None, columns: int) -> int:
    """How many columns a layer keeps of `columns`."""
    return min(window or columns, columns)


def filled(tensors: Sequence[tuple[Any, Any]], windows: Sequence[int | None], start: Any, columns: int) -> Cache:
    """The cache after a prompt.

    Args:
        tensors: each layer's keys and values `(batch, kv_heads, length, head_dim)`.
        windows: each layer's window, or None.
        start: `(batch,)` int32, how many columns of each row are padding.
        columns: how many there will be with all that is generated.
    """
    layers = [
        tuple(_placed(x, slots_of(window, columns)) for x in pair)
        for pair, window in zip(tensors, windows, strict=True)
    ]
    return {"column": jnp.int32(tensors[0][0].shape[2]), "start": start, "layers": layers}


def _placed(x: Any, slots: int) -> Any:
    length = x.shape[2]
    if length <= slots:
        return jnp.pad(x, ((0, 0), (0, 0), (0, slots - length), (0, 0)))
    return jnp.roll(x[:, :, length - slots :], length % slots, axis=2)


def visible_slots(cache: Cache, slots: int) -> Any:
    """Which slots the token at `column` sees, its own included: bool `(batch, 1, 1, slots)`."""
    behind = ops.mod(cache["column"] - ops.arange(slots, dtype="int32"), slots)
    return (cache["column"] - behind >= cache["start"][:, None])[:, None, None, :]


def written(layer: tuple[Any, Any], column: Any, key: Any, value: Any) -> tuple[Any, Any]:
    """A layer's keys and values with those of one token `(batch, kv_heads, 1, head_dim)` at `column`."""
    slot = column % layer[0].shape[2]
    put = functools.partial(jax.lax.dynamic_update_slice_in_dim, start_index=slot, axis=2)
    return put(layer[0], key.astype(layer[0].dtype)), put(layer[1], value.astype(layer[1].dtype))
