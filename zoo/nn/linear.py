"""The affine layer of transformer blocks, which an adapter can be put on."""

from __future__ import annotations

import math
from typing import Any

import jax
import keras
from keras import ops

from zoo.nn import int8
from zoo.nn.costly import costly
from zoo.nn.int8 import Quantized
from zoo.nn.lora import Lora, adapters_apply

_FEW_ROWS = 32  # up to which reading a matrix, not multiplying with it, is what takes the time


def product(x: Any, matrix: Any) -> Any:
    """`x @ matrix.T`, `(..., in)` and `(out, in)` to `(..., out)`; or for each batch a matrix.

    On a CPU a few rows, as in decoding, are put on the right: XLA packs what is on the right before it multiplies,
    and so would read the matrix more than once.
    """
    if isinstance(matrix, Quantized):
        return costly(int8.matmul(x, *matrix))
    *shape, dim = x.shape
    each = matrix.ndim > 2
    matrix = ops.cast(matrix, x.dtype)
    rows = shape[-1] if each else math.prod(shape) if all(shape) else None
    if not rows or rows > _FEW_ROWS or jax.default_backend() != "cpu":
        return ops.matmul(x, _swap(matrix))
    if rows == 1 and not each:  # as a vector, of whose product no copy is made
        return ops.reshape(ops.matmul(matrix, ops.reshape(x, (dim,))), (*shape, -1))
    if not each:
        x = ops.reshape(x, (rows, dim))
    columns = ops.matmul(matrix, _swap(x))
    columns = jax.lax.optimization_barrier(columns)  # or the compiler turns the product back
    return ops.reshape(_swap(columns), (*shape, -1))


def _swap(x: Any) -> Any:
    """The last two axes exchanged."""
    return ops.transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


@keras.saving.register_keras_serializable("zoo")
class Linear(keras.layers.Layer):
    """`x @ kernel.T + bias`, `(..., dim) -> (..., units)`, and what its adapter adds.

    The kernel is `(units, dim)`, as checkpoints have it.

    Args:
        units: the width of the output.
        stddev: the kernel starts normally distributed, as transformers are trained with.
    """

    def __init__(self, units: int, *, stddev: float = 0.02, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.stddev, self.use_bias = units, stddev, use_bias
        self.adapter: Lora | None = None
        self.scale: Any = None  # of a kernel of 8-bit numbers

    def build(self, input_shape: Any) -> None:
        normal = keras.initializers.RandomNormal(stddev=self.stddev)
        self.kernel: Any = self.add_weight(shape=(self.units, input_shape[-1]), initializer=normal, name="kernel")
        self.bias = (
            self.add_weight(shape=(self.units,), initializer="zeros", name="bias") if self.use_bias else None
        )

    def call(self, x: Any, training: bool = False) -> Any:
        y = product(x, self.kernel if self.scale is None else Quantized.of(self.kernel, self.scale))
        if self.adapter is not None and adapters_apply():
            kernel = self.float_kernel() if self.adapter.dora else None
            y = self.adapter(x, y, kernel, training=training)
        return y if self.bias is None else y + self.bias

    def adapt(self, adapter: Lora | None) -> None:
        """Put an adapter on in place of the one there is, or take that off. Compiled functions turn stale."""
        # Keras lets nothing be added to a layer that is built, and forgets nothing by itself.
        if self.adapter is not None:
            self._tracker.untrack(self.adapter)
        self._tracker.unlock()
        self.adapter = adapter
        self._tracker.lock()
        if adapter is not None and not adapter.built:
            with keras.name_scope(self.name, caller=self):
                adapter.build(tuple(self.kernel.shape))

    def float_kernel(self) -> Any:
        """The kernel `(units, dim)` without its adapter, as floating-point numbers."""
        return self.kernel.value if self.scale is None else int8.dequantize(*Quantized.of(self.kernel, self.scale))

    def holds(self, kernel: Any) -> bool:
        """Whether the kernel without its adapter is this one `(units, dim)`, as far as it is kept."""
        if self.scale is not None:
            kernel = int8.dequantize(*int8.quantize(kernel))
        own = self.float_kernel()
        return bool(ops.all(ops.cast(kernel, own.dtype) == own))

    def merged_kernel(self) -> Any:
        """The kernel with the adapter's change in it, in the dtype of the layer's policy."""
        adapter = self.adapter if adapters_apply() else None
        merged = self.float_kernel() if adapter is None else adapter.merged(self.float_kernel())
        return ops.cast(merged, self.variable_dtype)

    def keep_as_int8(self) -> None:
        """Keep the kernel as 8-bit numbers from now on, which are not trained; see `zoo.nn.int8`."""
        if self.scale is None:
            self.scale = int8.keep_as_int8(self, self.kernel)

    def set_kernel(self, kernel: Any) -> None:
        """Take floating-point numbers `(units, dim)` for the kernel, whatever it was kept as."""
        if self.scale is not None:
            self._tracker.untrack(self.scale)
            self.scale = None
            int8.hold(self.kernel, kernel, self.variable_dtype)
        self.kernel.assign(kernel)

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "stddev": self.stddev, "use_bias": self.use_bias}
        return super().get_config() | own


def linear(units: int, name: str, stddev: float = 0.02, *, use_bias: bool = True) -> Linear:
    """A layer `(..., dim) -> (..., units)` of a block or a head."""
    return Linear(units, stddev=stddev, use_bias=use_bias, name=name)
