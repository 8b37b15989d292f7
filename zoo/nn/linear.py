"""The affine layer of transformer blocks, which an adapter can be put on."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from zoo.nn.lora import Lora, adapters_apply


@keras.saving.register_keras_serializable("zoo")
class Linear(keras.layers.Layer):
    """`x @ kernel + bias`, `(..., dim) -> (..., units)`, and what its adapter adds.

    Args:
        units: the width of the output.
        stddev: the kernel starts normally distributed, as transformers are trained with.
    """

    def __init__(self, units: int, *, stddev: float = 0.02, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.stddev, self.use_bias = units, stddev, use_bias
        self.adapter: Lora | None = None

    def build(self, input_shape: Any) -> None:
        normal = keras.initializers.RandomNormal(stddev=self.stddev)
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer=normal, name="kernel")
        self.bias = (
            self.add_weight(shape=(self.units,), initializer="zeros", name="bias") if self.use_bias else None
        )

    def call(self, x: Any, training: bool = False) -> Any:
        product = ops.matmul(x, self.kernel)
        if self.adapter is not None and adapters_apply():
            product = self.adapter(x, product, self.kernel, training=training)
        return product if self.bias is None else product + self.bias

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

    def merged_kernel(self) -> Any:
        """The kernel with the adapter's change in it, in the kernel's dtype."""
        if self.adapter is None:
            return self.kernel.value
        return ops.cast(self.adapter.merged(self.kernel.value), self.kernel.dtype)

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "stddev": self.stddev, "use_bias": self.use_bias}
        return super().get_config() | own


def linear(units: int, name: str, stddev: float = 0.02, *, use_bias: bool = True) -> Linear:
    """A layer `(..., dim) -> (..., units)` of a block or a head."""
    return Linear(units, stddev=stddev, use_bias=use_bias, name=name)
