"""Who may look at whom in a row of tokens: padding, packed rows, causal order and windows in one mask."""

from __future__ import annotations

from typing import Any

from keras import ops


def attention_mask(arrays: dict[str, Any], *, causal: bool = False, window: int | None = None) -> Any:
    """Who may look at whom: bool `(batch | 1, 1, length | 1, length)`, or None where all may.

    `segment_ids` (packed rows) lets a token see its own segment; `attention_mask` hides padding.

    Args:
        causal: a token sees itself and those before it.
        window: of those, it sees what is less than this many tokens away.
    """
    seen = _of_one_example(arrays)
    if not causal and window is None:
        return seen
    columns = ops.arange(ops.shape(arrays["input_ids"])[1])
    distance = columns[:, None] - columns[None, :]
    near = ops.ones_like(distance, "bool") if window is None else ops.abs(distance) < window
    near = (near & (distance >= 0) if causal else near)[None, None]
    return near if seen is None else seen & near


def _of_one_example(arrays: dict[str, Any]) -> Any:
    segments = arrays.get("segment_ids")
    if segments is not None:
        return ops.equal(segments[:, None, :, None], segments[:, None, None, :])
    mask = arrays.get("attention_mask")
    return None if mask is None else ops.cast(mask, "bool")[:, None, None, :]
