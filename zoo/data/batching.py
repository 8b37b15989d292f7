"""Batches for inference: inputs of like length together, in few shapes, with little padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SHORTEST = 16
_TOKENS = 4096
_WORTH = 1024


@dataclass(frozen=True)
class Batch:
    """Which inputs go together, and the `(rows, length)` they are padded to."""

    indices: list[int]
    rows: int
    length: int


def batches(
    lengths: Sequence[int], *, tokens: int = _TOKENS, rows: int | None = None, worth: int = _WORTH
) -> Iterator[Batch]:
    """Group inputs by length, the longest first, at most `tokens` and `rows` to a batch, padding rows included.

    Rows and lengths are powers of two, so that a handful of shapes compiles whatever the inputs are; where many
    inputs come at once, padding stays far below a half.

    Args:
        worth: so many places of padding are worth a batch more: a few long inputs are not filled up with many that
            are half as long or less.
    """
    order = sorted(range(len(lengths)), key=lambda n: -lengths[n])
    start = 0
    while start < len(order):
        length = _power_of_two(max(lengths[order[start]], _SHORTEST))
        most = max(1, tokens // length)
        most = most if rows is None else min(most, rows)
        most = 1 << (most.bit_length() - 1)  # which padding rows cannot overshoot
        indices = order[start : start + most]
        long = sum(2 * lengths[n] > length for n in indices) or len(indices)
        if (len(indices) - long) * length // 2 >= worth:
            indices = indices[:long]
        yield Batch(indices, _power_of_two(len(indices)), length)
        start += len(indices)


def _power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()
