"""Rematerialisation: what the gradient needs is computed again rather than kept (https://arxiv.org/abs/1604.06174)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import keras
from jax import numpy as jnp
from jax.extend.core import jaxpr_as_fun

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
        block.call = _again(block, block.call)


def _again(layer: Any, plain: Callable[..., Any]) -> Callable[..., Any]:
    """A layer's call of which the gradient keeps the inputs alone.

    Its variables are handed in and, where they changed, handed out: keras.remat would leave the seeds that dropout
    moves on behind as values of a trace that is over.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        variables, kept = layer.variables, layer.non_trainable_variables
        leaves, tree = jax.tree.flatten((args, kwargs))
        places = [n for n, leaf in enumerate(leaves) if isinstance(leaf, jax.Array)]

        def pure(values: list[Any], arrays: list[Any]) -> tuple[Any, dict[int, Any]]:
            filled = list(leaves)
            for n, array in zip(places, arrays, strict=True):
                filled[n] = array
            own_args, own_kwargs = jax.tree.unflatten(tree, filled)
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))) as scope:
                before = [scope.get_current_value(v) for v in kept]
                outputs = plain(*own_args, **own_kwargs)
                after = [scope.get_current_value(v) for v in kept]
            return outputs, {
                n: new for n, (old, new) in enumerate(zip(before, after, strict=True)) if new is not old
            }

        values, arrays = [v.value for v in variables], [leaves[n] for n in places]
        # Keras knows only while the layer is called whether it trains, and what its weights are cast to. So its
        # program is written down once, here: the gradient is computed when all that is over.
        program, shapes = jax.make_jaxpr(pure, return_shape=True)(values, arrays)
        found = _recomputed(lambda values, arrays: jaxpr_as_fun(program)(*values, *arrays))(values, arrays)
        outputs, moved = jax.tree.unflatten(jax.tree.structure(shapes), found)
        for n, value in moved.items():
            kept[n].assign(value)
        return outputs

    return call


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
