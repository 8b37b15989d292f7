"""What models need to know of packed rows: where an example's tokens begin, and how they are counted."""

from __future__ import annotations

from typing import Any

from keras import ops


def positions(arrays: dict[str, Any], length: int) -> Any:
    """Position ids `(batch | 1, length)`: the given ones (packed rows restart them), else 0, 1, 2, ..."""
    given = arrays.get("position_ids")
    return ops.arange(length, dtype="int32")[None, :] if given is None else given


def first_tokens(features: Any, example_index: Any = None) -> Any:
    """The features of each example's first token, `(examples, dim)`.

    Args:
        features: `(batch, length, dim)`.
        example_index: `(examples, 2)` int32, the row and column where each example of packed rows starts; None
            where a row is an example.
    """
    if example_index is None:
        return features[:, 0]
    rows, length, dim = ops.shape(features)
    flat = ops.reshape(features, (rows * length, dim))
    return ops.take(flat, example_index[:, 0] * length + example_index[:, 1], axis=0)
