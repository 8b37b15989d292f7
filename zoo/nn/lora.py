"""LoRA and its kin: a change of low rank to a linear layer whose own weights stay as they are.

LoRA (https://arxiv.org/abs/2106.09685), rsLoRA (https://arxiv.org/abs/2312.03732), DoRA
(https://arxiv.org/abs/2402.09353). Reference: peft/tuners/lora/layer.py and dora.py
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import math
from collections.abc import Iterator
from typing import Any

import jax
import keras
import numpy as np
from keras import ops

from zoo.nn.dropout import Dropout

_apply = contextvars.ContextVar("adapters apply", default=True)


def adapters_apply() -> bool:
    """Whether layers compute with their adapters, as they do outside of `without_adapters`."""
    return _apply.get()


@contextlib.contextmanager
def without_adapters() -> Iterator[None]:
    """Compute as the base does, adapters or not: what is traced inside leaves them out."""
    token = _apply.set(False)
    try:
        yield
    finally:
        _apply.reset(token)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _change(x: Any, a: Any, b: Any, scale: float) -> Any:
    """`scale * (x @ a) @ b`, `(..., in)` to `(..., out)`.

    The gradients of `a` and `b` are written as they lie in memory. Those derived from the product have the output's
    gradient turned first, and XLA's CPU compiler computes all that leads to it in the turned order: for GELU's,
    that takes three times as long as the product with the kernel.
    """
    return _forward(x, a, b, scale)[0]


def _forward(x: Any, a: Any, b: Any, scale: float) -> tuple[Any, tuple[Any, ...]]:
    inner = ops.matmul(x, a) * scale
    return ops.matmul(inner, b), (x, inner, a, b)


def _backward(scale: float, kept: tuple[Any, ...], gradient: Any) -> tuple[Any, Any, Any]:
    x, inner, a, b = kept
    back = ops.matmul(gradient, ops.transpose(b)) * scale
    return ops.matmul(back, ops.transpose(a)), _across(x, back), _across(inner, gradient)


def _across(left: Any, right: Any) -> Any:
    """`left.T @ right` over all leading axes: `(..., n)` and `(..., m)` to `(n, m)`."""
    left, right = (ops.reshape(x, (-1, x.shape[-1])) for x in (left, right))
    return jax.lax.dot_general(left, right, (((0,), (0,)), ((), ())))


_change.defvjp(_forward, _backward)


@keras.saving.register_keras_serializable("zoo")
class Lora(keras.layers.Layer):
    """Turns `x @ kernel.T` into `x @ kernel.T + scale * (x @ a) @ b`; `a @ b` is never made.

    `a` `(in, rank)` starts uniformly distributed and `b` `(rank, out)` at zero, so that nothing changes at first.
    With DoRA each output channel is brought to a length of its own, `magnitude` `(out,)`, which starts as the
    kernel's. All are float32, whatever the kernel is.

    Args:
        rank: how many directions can change.
        alpha: the change is multiplied with `alpha / rank`, or `alpha / sqrt(rank)` with rsLoRA.
        dropout: the share of the inputs that is dropped on the way to the change, in training.
    """

    def __init__(
        self,
        rank: int,
        alpha: float,
        *,
        dropout: float = 0.0,
        rslora: bool = False,
        dora: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"name": "lora", **kwargs})
        self.rank, self.alpha, self.rslora, self.dora = rank, alpha, rslora, dora
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")

    @property
    def scale(self) -> float:
        return self.alpha / (math.sqrt(self.rank) if self.rslora else self.rank)

    def build(self, kernel_shape: tuple[int, int]) -> None:
        units, dim = kernel_shape
        self.a = self.add_weight(shape=(dim, self.rank), initializer="zeros", name="a")
        self.b = self.add_weight(shape=(self.rank, units), initializer="zeros", name="b")
        if self.dora:
            self.magnitude = self.add_weight(shape=(units,), initializer="ones", name="magnitude", autocast=False)

    def start(self, kernel: Any, seed: int) -> None:
        """Draw `a` and the dropout's seed, and take the magnitudes of the kernel `(out, in)`.

        Until then, or until numbers are assigned, all of it is zero.
        """
        # Kaiming's bound with a slope of sqrt(5), as the reference and torch's own linear layers have it.
        bound = 1 / math.sqrt(self.a.shape[0])
        self.a.assign(np.random.default_rng(seed).uniform(-bound, bound, self.a.shape).astype(np.float32))
        if self.dropout.rate:
            self.dropout.seeds.state.assign(np.array([seed, 0], np.uint32))
        if self.dora:
            self.magnitude.assign(self._lengths(kernel))

    def call(self, x: Any, product: Any, kernel: Any = None, training: bool = False) -> Any:
        """What the layer gives with its adapter.

        Args:
            x: `(..., in)`.
            product: `x @ kernel.T`, `(..., out)`.
            kernel: `(out, in)`; DoRA alone needs it.
        """
        kept = self.dropout(x, training=training)
        change = _change(kept, *(ops.cast(w.value, kept.dtype) for w in (self.a, self.b)), self.scale)
        if not self.dora:
            return product + change
        factor = self._factor(kernel)
        if training and self.dropout.rate:  # the reference turns what dropout has left of the input, and no more
            turned = ops.cast(factor - 1, x.dtype) * ops.matmul(kept, ops.transpose(kernel))
            return product + turned + ops.cast(factor, x.dtype) * change
        return ops.cast(factor, x.dtype) * (product + change)

    def merged(self, kernel: Any) -> Any:
        """The float32 kernel `(out, in)` that computes the same without an adapter."""
        change = ops.transpose(ops.matmul(self.a.value, self.b.value))
        wide = ops.cast(kernel, "float32") + self.scale * change
        return wide * self._factor(kernel)[:, None] if self.dora else wide

    def _factor(self, kernel: Any) -> Any:
        """What each output channel is multiplied with `(out,)`; no gradient runs through the length it has."""
        return self.magnitude.value / jax.lax.stop_gradient(self._lengths(kernel))

    def _lengths(self, kernel: Any) -> Any:
        """The lengths of the changed kernel's rows `(out,)`, without making the changed kernel.

        `|w + s A b|^2 = |w|^2 + 2 s (A^T w) . b + s^2 b . (A^T A) b`, for each row `w` and column `b`.
        """
        w, a, b = (ops.cast(x, "float32") for x in (kernel, self.a, self.b))
        across = ops.transpose(ops.matmul(w, a)) * (2 * self.scale)
        within = ops.matmul(ops.matmul(ops.transpose(a), a), b) * self.scale**2
        squares = ops.sum(ops.square(w), axis=1) + ops.sum((across + within) * b, axis=0)
        return ops.sqrt(ops.maximum(squares, 1e-30))  # a row of zeros keeps a factor of one

    def get_config(self) -> dict[str, Any]:
        own = {"rank": self.rank, "alpha": self.alpha, "dropout": self.dropout.rate}
        return super().get_config() | own | {"rslora": self.rslora, "dora": self.dora}
