"""Batch normalisation as torch computes it (https://arxiv.org/abs/1502.03167)."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import keras
from jax import lax
from jax import numpy as jnp
from keras import ops


@keras.saving.register_keras_serializable("zoo")
class BatchNorm(keras.layers.Layer):
    """Normalises every channel, the last axis, over all the others: in float32, to numbers of the compute dtype.

    In training it normalises by the batch's own mean and variance, and moves the running ones towards them by
    `momentum`; the running variance takes the unbiased estimate, which Keras' layer does not. Otherwise, and where
    the layer is frozen (`trainable = False`), it normalises by the running ones and leaves them.

    Reference: torch.nn.BatchNorm2d
    """

    def __init__(self, epsilon: float = 1e-5, momentum: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon, self.momentum = epsilon, momentum

    def build(self, input_shape: Any) -> None:
        def weight(name: str, initializer: str, trainable: bool) -> Any:
            shape = (input_shape[-1],)
            return self.add_weight(
                shape=shape, initializer=initializer, trainable=trainable, name=name, autocast=False
            )

        self.gamma = weight("gamma", "ones", True)
        self.beta = weight("beta", "zeros", True)
        self.moving_mean = weight("moving_mean", "zeros", False)
        self.moving_variance = weight("moving_variance", "ones", False)

    def call(self, x: Any, training: bool = False) -> Any:
        wide, gamma, beta = (ops.cast(value, "float32") for value in (x, self.gamma, self.beta))
        if training and self.trainable:
            result: Any = _normalised(wide, gamma, beta, self.epsilon)
            wide, mean, variance = result
            count = math.prod(x.shape[:-1])
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance * (count / max(1, count - 1)))
        else:
            mean, variance = (ops.cast(value, "float32") for value in (self.moving_mean, self.moving_variance))
            wide = (wide - mean) * (ops.rsqrt(variance + self.epsilon) * gamma) + beta
        return ops.cast(wide, self.compute_dtype)

    def _move(self, running: Any, seen: Any) -> None:
        running.assign(running * (1 - self.momentum) + ops.stop_gradient(seen) * self.momentum)


# Derived by hand: what automatic differentiation makes of the mean and the variance passes over the picture twice
# as often. Formulas: https://arxiv.org/abs/1502.03167, section 3.
@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _normalised(x: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[Any, Any, Any]:
    """`x` `(..., channels)` by its own mean and variance; these two carry no gradient."""
    return _forward(x, gamma, beta, epsilon)[0]


def _forward(x: Any, gamma: Any, beta: Any, epsilon: float) -> tuple[tuple[Any, Any, Any], Any]:
    axes = tuple(range(x.ndim - 1))
    mean = jnp.mean(x, axis=axes)
    variance = jnp.mean(jnp.square(x - mean), axis=axes)
    inverse = lax.rsqrt(variance + epsilon)
    return ((x - mean) * (inverse * gamma) + beta, mean, variance), (x, mean, inverse, gamma)


def _backward(epsilon: float, saved: Any, changes: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    (x, mean, inverse, gamma), change = saved, changes[0]
    axes, count = tuple(range(x.ndim - 1)), math.prod(x.shape[:-1])
    by_beta = jnp.sum(change, axis=axes)
    by_gamma = jnp.sum(change * (x - mean), axis=axes) * inverse
    by_x = (change - by_beta / count - (x - mean) * (inverse * by_gamma / count)) * (gamma * inverse)
    return by_x, by_gamma, by_beta


_normalised.defvjp(_forward, _backward)
