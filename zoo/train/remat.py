"""Rematerialisation: what the gradient needs is computed again rather than kept (https://arxiv.org/abs/1604.06174)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import keras

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
    """A layer's call under `jax.checkpoint`, with its variables handed in and, where they changed, handed out.

    keras.remat would leave the seeds that dropout moves on behind as values of a trace that is over.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        variables = layer.variables
        leaves, tree = jax.tree.flatten((args, kwargs))
        places = [n for n, leaf in enumerate(leaves) if isinstance(leaf, jax.Array)]

        @jax.checkpoint
        def pure(values: list[Any], arrays: list[Any]) -> tuple[Any, list[Any]]:
            filled = list(leaves)
            for n, array in zip(places, arrays, strict=True):
                filled[n] = array
            own_args, own_kwargs = jax.tree.unflatten(tree, filled)
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))) as scope:
                outputs = plain(*own_args, **own_kwargs)
            return outputs, [scope.get_current_value(v) for v in layer.non_trainable_variables]

        outputs, moved = pure([v.value for v in variables], [leaves[n] for n in places])
        for variable, value in zip(layer.non_trainable_variables, moved, strict=True):
            variable.assign(value)
        return outputs

    return call
