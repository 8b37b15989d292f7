"""Rematerialisation: what the gradient needs is computed again rather than kept (https://arxiv.org/abs/1604.06174)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
from jax import numpy as jnp

from zoo.nn.pure_call import PureCall
from zoo.train.depth import blocks

_KEEP = jax.checkpoint_policies.dots_with_no_batch_dims_saveable


def remat_policy(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What to wrap a loss in: `elementwise` keeps the products with weights only, all else is left as it is."""
    if what != "elementwise":
        return lambda function: function
    return lambda function: jax.checkpoint(function, policy=_KEEP)


def remat_blocks(model: Any) -> None:
    """Let the gradient of each repeated layer of the backbone start from its inputs, of which alone are kept."""
    for block in blocks(model):
        # No function of its own: what of two blocks is the same is seen to be so (zoo.nn.TraceOnce).
        block.call = functools.partial(_again, block, block.call)


def _again(layer: Any, plain: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A layer's call of which the gradient keeps the inputs alone.

    keras.remat would leave the seeds that dropout moves on behind as values of a trace that is over.
    """
    call = PureCall(plain, layer.variables, args, kwargs)
    return call.returned(_recomputed(call.written_down())(*call.inputs))


def _recomputed(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of values and of arrays, both lists, that is computed once more for its gradient.

    `jax.checkpoint` says so with a barrier, which XLA's CPU compiler drops before it merges what is computed twice.
    So what is computed again starts from arrays that hang on the gradient: a zero is added which it makes.
    """

    @jax.custom_vjp
    def once(values: list[Any], arrays: list[Any]) -> Any:
        return function(values, arrays)

    def forward(values: list[Any], arrays: list[Any]) -> tuple[Any, Any]:
        return function(values, arrays), (values, arrays)

    def backward(inputs: Any, gradients: Any) -> Any:
        first = next(x for x in jax.tree.leaves(gradients) if jnp.issubdtype(x.dtype, jnp.floating))
        zero = jnp.minimum(jnp.abs(first.ravel()[0]), 0)

        def hang(x: Any) -> Any:
            return x + zero.astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x

        values, arrays = inputs
        return jax.vjp(function, values, [hang(x) for x in arrays])[1](gradients)

    once.defvjp(forward, backward)
    return once
