"""Who may look at whom in a row of tokens: padding, packed rows, causal order and windows in one mask."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import jax
from jax import numpy as jnp


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("segments", "kept"),
    meta_fields=("length", "causal", "window"),
)
@dataclass(frozen=True)
class Mask:
    """The rule, of which any part of the table can be made.

    Args:
        segments: `(batch, length)` int, of packed rows: a token sees its own segment; or None.
        kept: `(batch, length)`, 0 for padding, which nobody sees; or None.
        causal: a token sees itself and those before it.
        window: of those, it sees what is less than this many tokens away.
    """

    segments: Any
    kept: Any
    length: int
    causal: bool = False
    window: int | None = None

    @classmethod
    def of(cls, arrays: dict[str, Any], *, causal: bool = False, window: int | None = None) -> Mask:
        """By `segment_ids` where rows are packed, else by `attention_mask`, if there is one.

        A window as long as the rows is none: layers with it and without are then alike.
        """
        segments = arrays.get("segment_ids")
        kept = arrays.get("attention_mask") if segments is None else None
        names = ("input_ids", "segment_ids", "attention_mask")
        length = next(arrays[name] for name in names if name in arrays).shape[1]
        wide = window is not None and window >= length
        return cls(segments, kept, length, causal, None if wide else window)

    def part(self, row: Any, rows: int, column: Any, columns: int) -> Any:
        """Whether tokens `row`, ..., `row + rows - 1` see tokens `column`, ..., `column + columns - 1`.

        Returns bool `(batch | 1, 1, rows | 1, columns)`, or None where all do.
        """
        seen = None
        if self.segments is not None:
            own, other = _cut(self.segments, row, rows), _cut(self.segments, column, columns)
            seen = own[:, None, :, None] == other[:, None, None, :]
        elif self.kept is not None:
            seen = (_cut(self.kept, column, columns) != 0)[:, None, None, :]
        if not self.causal and self.window is None:
            return seen
        distance = (row + jnp.arange(rows))[:, None] - (column + jnp.arange(columns))[None, :]
        near = jnp.ones_like(distance, bool) if self.window is None else abs(distance) < self.window
        near = (near & (distance >= 0) if self.causal else near)[None, None]
        return near if seen is None else seen & near

    def whole(self) -> Any:
        """All of it: bool `(batch | 1, 1, length | 1, length)`, or None where all may see all."""
        return self.part(0, self.length, 0, self.length)


def attention_mask(arrays: dict[str, Any], *, causal: bool = False, window: int | None = None) -> Any:
    """Who may look at whom: bool `(batch | 1, 1, length | 1, length)`, or None where all may; as `Mask` has it."""
    return Mask.of(arrays, causal=causal, window=window).whole()


def _cut(x: Any, first: Any, count: int) -> Any:
    return jax.lax.dynamic_slice_in_dim(jnp.asarray(x), first, count, axis=1)
