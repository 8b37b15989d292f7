"""Weights as 8-bit whole numbers: a quarter of float32's bytes, computed with in floating point.

A matrix is kept as `(out, in)`, the way checkpoints have it and embeddings are looked up in, with one scale for
each output channel; zero stays zero (https://arxiv.org/abs/1712.05877, symmetric). Only weights are rounded,
never what they are multiplied with. The weights are fixed: gradients pass through to the input alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax import lax

_BLOCK = 128  # output channels that a CPU converts at a time, so that they stay in its cache
_SOME_ROWS = 512  # up to which converting a matrix takes longer than a product by blocks loses
_LARGE = 1 << 24  # numbers of which nobody wants a float32 copy
_TINY = np.finfo(np.float32).tiny  # scales up to here have no reciprocal that all know, and their rows are zeros


class Quantized(NamedTuple):
    """A quantized matrix `(out, in)`, and its scale `(out,)`."""

    numbers: Any
    scale: Any

    @classmethod
    def of(cls, numbers: Any, scale: Any) -> Quantized:
        """By the values of two variables."""
        return cls(keras.ops.convert_to_tensor(numbers), keras.ops.convert_to_tensor(scale))


def keep_as_int8(layer: Any, matrix: Any) -> Any:
    """Let a variable `(out, in)` of a layer hold 8-bit numbers, untrained. Returns the scale's variable.

    Where the variable has no numbers yet, it and its scale wait for them; `scales` tells which belong together.
    """
    layer._tracker.unlock()  # Keras lets nothing be added to a layer that is built
    with keras.name_scope(layer.name, caller=layer):
        scale = layer.add_weight(
            shape=matrix.shape[:1], initializer="zeros", name="scale", trainable=False, autocast=False
        )
    layer._tracker.lock()
    scale.scaled = matrix
    matrix.trainable = False
    if matrix._value is None:
        matrix._dtype = "int8"
    else:
        numbers, found = jax.jit(quantize)(matrix.value)
        scale.assign(found)
        hold(matrix, numbers, "int8")
    return scale


def scales(variables: Iterable[Any]) -> list[tuple[Any, Any]]:
    """Each variable that `keep_as_int8` has hold 8-bit numbers, and its scale's."""
    return [(variable.scaled, variable) for variable in variables if hasattr(variable, "scaled")]


def hold(variable: Any, numbers: Any, dtype: str) -> None:
    """Let a variable hold numbers of another dtype."""
    variable._dtype = dtype  # Keras variables keep the dtype they are born with
    variable.assign(numbers)


def quantize(matrix: Any) -> tuple[Any, Any]:
    """A matrix `(out, in)` as int8 `(out, in)` and a float32 scale `(out,)`, numpy's of numpy's, else jax's.

    Each number comes back within half a scale: 1/254 of the largest in its row.
    """
    library = np if isinstance(matrix, np.ndarray) else jnp
    wide = library.asarray(matrix, "float32")
    scale = library.max(abs(wide), axis=1) * np.float32(1 / 127)
    # Products alone, for XLA divides by multiplying with the reciprocal, and a half would be rounded another way.
    steps = wide * (np.float32(1) / library.where(scale > _TINY, scale, 1))[:, None]
    return library.clip(library.round(steps), -127, 127).astype("int8"), scale


def dequantize(numbers: jax.Array, scale: jax.Array) -> jax.Array:
    """The float32 matrix that the numbers stand for; also of some of its rows, as an embedding looks them up."""
    return numbers.astype(jnp.float32) * scale[..., None]


def as_float(matrix: Any) -> jax.Array:
    """The numbers of a matrix that may be quantized."""
    return dequantize(*matrix) if isinstance(matrix, Quantized) else keras.ops.convert_to_tensor(matrix)


@jax.custom_vjp
def matmul(x: jax.Array, numbers: jax.Array, scale: jax.Array) -> jax.Array:
    """`x @ matrix.T` for `x` `(..., in)` and a quantized matrix `(out, in)`: `(..., out)` in the dtype of `x`."""
    rows = x.reshape(-1, x.shape[-1])
    cpu = jax.default_backend() == "cpu"
    if cpu:  # where other precisions are slower than float32
        rows = rows.astype(jnp.float32)
    if cpu and numbers.shape[0] > _BLOCK and (len(rows) <= _SOME_ROWS or numbers.size > _LARGE):
        product = _by_blocks(rows, numbers)
    else:
        product = _product(rows, numbers.astype(rows.dtype))
    return (product * scale).astype(x.dtype).reshape(*x.shape[:-1], -1)


def _product(rows: jax.Array, matrix: jax.Array) -> jax.Array:
    return lax.dot_general(rows, matrix, (((1,), (1,)), ((), ())), preferred_element_type=jnp.float32)


def _by_blocks(rows: jax.Array, numbers: jax.Array) -> jax.Array:
    """The same product, converting a few output channels at a time.

    XLA's CPU compiler writes a converted matrix to memory before it multiplies, four times what was read, and
    does so for all layers at once; a block never leaves the cache. The last block begins where a whole one fits,
    and so repeats some channels.
    """
    channels, dim = numbers.shape

    def one(n: jax.Array, product: jax.Array) -> jax.Array:
        start = jnp.minimum(n * _BLOCK, channels - _BLOCK)
        block = lax.dynamic_slice(numbers, (start, 0), (_BLOCK, dim)).astype(rows.dtype)
        return lax.dynamic_update_slice(product, _product(block, rows), (start, 0))

    blocks = -(-channels // _BLOCK)
    return lax.fori_loop(0, blocks, one, jnp.zeros((channels, len(rows)), jnp.float32)).T


def _forward(x: jax.Array, numbers: jax.Array, scale: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return matmul(x, numbers, scale), (numbers, scale)


def _backward(kept: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, np.ndarray, jax.Array]:
    # Converted anew, once the gradient is there: else XLA keeps every layer's floats from the forward pass.
    numbers, gradient = lax.optimization_barrier((kept[0], gradient))
    scale = kept[1]
    weighed = gradient.astype(jnp.float32) * scale
    passed = jnp.matmul(weighed.astype(gradient.dtype), numbers.astype(gradient.dtype))
    return passed, np.zeros(numbers.shape, jax.dtypes.float0), jnp.zeros_like(scale)


matmul.defvjp(_forward, _backward)
