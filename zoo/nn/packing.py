"""What models need to know of packed rows: where an example's tokens begin, and how they are counted."""

from __future__ import annotations

from typing import Any

from keras import ops


def positions(arrays: dict[str, Any], length: int) -> Any:
    """Position ids `(batch | 1, length)`: the given ones (packed rows restart them), else 0, 1, 2, ..."""
    given = arrays.get("position_ids")
    return ops.arange(length, dtype="int32")[None, :] if given is None else given


def first_tokens(features: Any, arrays: dict[str, Any]) -> Any:
    """The features of each example's first token: `(batch, length, dim)` -> `(examples, dim)`.

    Packed rows tell in `example_index` `(examples, 2)` int32 the row and column where each example starts; else a
    row is an example.
    """
    index = arrays.get("example_index")
    return features[:, 0] if index is None else _taken(features, index[:, 0], index[:, 1])


def last_tokens(features: Any, arrays: dict[str, Any]) -> Any:
    """The features of each example's last token: `(batch, length, dim)` -> `(examples, dim)`.

    In a packed row an example reaches as far as its number in `segment_ids`; else as far as `attention_mask`.
    """
    rows, length = ops.shape(features)[:2]
    columns = ops.arange(length, dtype="int32")[None, :]
    index = arrays.get("example_index")
    if index is not None:
        own = _own_places(arrays["segment_ids"], index)
        return _taken(features, index[:, 0], ops.max(ops.where(own, columns, 0), axis=1))
    mask = arrays.get("attention_mask")
    if mask is None:
        return features[:, -1]
    last = ops.max(ops.where(ops.cast(mask, "bool"), columns, 0), axis=1)
    return _taken(features, ops.arange(rows, dtype="int32"), last)


def unpacked(features: Any, arrays: dict[str, Any]) -> tuple[Any, Any]:
    """Every example in a row of its own again: features `(examples, length, dim)`, and which of its places are the
    example's, `(examples, length)` bool. Rows of one example each are so already."""
    index = arrays.get("example_index")
    if index is None:
        return features, ops.cast(arrays["attention_mask"], "bool")
    length = ops.shape(features)[1]
    columns = index[:, 1:] + ops.arange(length, dtype="int32")[None, :]
    inside = columns < length
    columns = ops.minimum(columns, length - 1)
    segments = ops.take_along_axis(ops.take(arrays["segment_ids"], index[:, 0], axis=0), columns, axis=1)
    own = ops.logical_and(inside, ops.equal(segments, segments[:, :1]))
    return _taken(features, index[:, :1], columns), own


def example_sums(values: Any, arrays: dict[str, Any]) -> Any:
    """The sum of each example's `values`: `(batch, length)` -> `(examples,)`; 0 outside is taken for granted."""
    index = arrays.get("example_index")
    if index is not None:
        own = _own_places(arrays["segment_ids"], index)
        values = ops.where(own, ops.take(values, index[:, 0], axis=0), 0.0)
    return ops.sum(values, axis=1)


def _own_places(segment_ids: Any, index: Any) -> Any:
    """Which places of its row each example has that begins at `index` `(examples, 2)`: `(examples, length)`."""
    segments = ops.take(segment_ids, index[:, 0], axis=0)
    return ops.equal(segments, ops.take_along_axis(segments, index[:, 1:], axis=1))


def _taken(features: Any, rows: Any, columns: Any) -> Any:
    batch, length, dim = ops.shape(features)
    return ops.take(ops.reshape(features, (batch * length, dim)), rows * length + columns, axis=0)
