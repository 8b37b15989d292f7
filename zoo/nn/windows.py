"""A picture seen through every place of a window: what pooling and depthwise convolution are sums and maxima of.

On a CPU, XLA fuses these moved pictures into one pass, and is many times faster at it than at its own windows.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import jax
from jax import lax
from jax import numpy as jnp


def moves(x: Any, size: int, stride: int, height: int, width: int) -> Iterator[tuple[int, int, Any]]:
    """What each place of the kernel meets: `(batch, height, width, channels)` for every row and column of it."""
    batch, _, _, channels = x.shape
    for i in range(size):
        for j in range(size):
            end = (batch, i + (height - 1) * stride + 1, j + (width - 1) * stride + 1, channels)
            yield i, j, lax.slice(x, (0, i, j, 0), end, (1, stride, stride, 1))


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def max_windows(x: Any, size: int, stride: int) -> Any:
    """The largest value of each window of `x` `(batch, height, width, channels)`.

    The gradient goes to the first of equal values, as in torch.
    """
    return _forward(x, size, stride)[0]


def _forward(x: Any, size: int, stride: int) -> tuple[Any, Any]:
    height, width = ((edge - size) // stride + 1 for edge in x.shape[1:3])
    largest, place = None, None
    for i, j, part in moves(x, size, stride, height, width):
        if largest is None or place is None:
            largest, place = part, jnp.zeros(part.shape, jnp.int8)
        else:
            larger = part > largest
            largest = jnp.where(larger, part, largest)
            place = jnp.where(larger, jnp.int8(i * size + j), place)
    return largest, (place, x.shape)


def _backward(size: int, stride: int, saved: Any, change: Any) -> tuple[Any]:
    place, (_, height, width, _) = saved
    total, zero = 0, jnp.zeros((), change.dtype)
    for i in range(size):
        for j in range(size):
            part = jnp.where(place == i * size + j, change, zero)
            ends = [
                (at, edge - at - (seen - 1) * stride - 1, stride - 1)
                for at, edge, seen in zip((i, j), (height, width), change.shape[1:3], strict=True)
            ]
            total = total + lax.pad(part, zero, ((0, 0, 0), *ends, (0, 0, 0)))
    return (total,)


max_windows.defvjp(_forward, _backward)
