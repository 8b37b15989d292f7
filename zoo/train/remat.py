"""Rematerialisation: what the gradient needs is computed again rather than kept (https://arxiv.org/abs/1604.06174)."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
from jax import numpy as jnp
from jax.tree_util import Partial

from zoo.nn.costly import COSTLY
from zoo.nn.pure_call import PureCall
from zoo.train.depth import blocks

_KERNELS = "conv_general_dilated", "dot_product_attention_fwd_wrapper"  # the second is cuDNN's
_MANY = 64  # terms, from which on a sum of products is kept: that of an adapter's few is soon made again


def remat_blocks(model: Any, what: str) -> None:
    """Let the gradient of each repeated layer of the backbone start from less than all that the layer computes.

    Args:
        what: is computed again. `layers`: of a layer, its inputs alone are kept; `elementwise`: also what takes
            long to make, its products with weights and what is `zoo.nn.costly`; `nothing` changes nothing.
    """
    for block in blocks(model) if what != "nothing" else ():
        # No function of its own: what of two blocks is the same is seen to be so (zoo.nn.TraceOnce).
        block.call = functools.partial(_again, block, block.call, _KEPT[what])


def _long_work(primitive: Any, *inputs: Any, **parameters: Any) -> bool:
    """Whether to keep what a primitive returns. Attention's scores, which no weights make, are too many."""
    if primitive.name == "dot_general":
        (axes, _), (batched, _) = parameters["dimension_numbers"]
        return not batched and math.prod(inputs[0].shape[axis] for axis in axes) >= _MANY
    return primitive.name in _KERNELS or parameters.get("name") == COSTLY


_KEPT: dict[str, Callable[..., bool]] = {
    "elementwise": _long_work,
    "layers": jax.checkpoint_policies.nothing_saveable,
}


def _again(layer: Any, plain: Callable[..., Any], keep: Callable[..., bool], *args: Any, **kwargs: Any) -> Any:
    """A layer's call of which the gradient keeps its inputs and what `keep` says; all, if it is no pure function.

    keras.remat would leave the seeds that dropout moves on behind as values of a trace that is over.
    """
    call = PureCall(plain, layer.variables, args, kwargs)
    program = call.written_down()
    return plain(*args, **kwargs) if call.strange else call.returned(_recomputed(program, keep)(*call.inputs))


def _recomputed(function: Callable[..., Any], keep: Callable[..., bool]) -> Callable[..., Any]:
    """A function of values and of arrays, both lists, most of which is computed once more for its gradient.

    `jax.checkpoint` asks for that with a barrier, which XLA's CPU compiler drops before it merges what is computed
    twice. So what is computed again starts from arrays that hang on the gradient: a zero is added which it makes.
    """
    lean = jax.checkpoint(function, policy=keep)

    @jax.custom_vjp
    def once(values: list[Any], arrays: list[Any]) -> Any:
        return function(values, arrays)

    def forward(values: list[Any], arrays: list[Any]) -> tuple[Any, Any]:
        found, pull = jax.vjp(lean, values, arrays)
        weights = {id(value) for value in values}
        free = [id(x) not in weights for x in jax.tree.leaves(pull)]  # weights would be copied
        return found, Partial(functools.partial(_pulled, free), pull)

    def backward(pulled: Any, gradients: Any) -> Any:
        return pulled(gradients)

    once.defvjp(forward, backward)
    return once


def _pulled(free: list[bool], pull: Any, gradients: Any) -> Any:
    """What a pullback makes of these gradients, with those of the arrays it holds hung on them that are free."""
    some = [x.ravel()[0] for x in jax.tree.leaves(gradients) if x.size and jnp.issubdtype(x.dtype, jnp.floating)]
    # Of all of them: that of an output which nothing uses is a constant, and would be folded away.
    zero = sum(jnp.minimum(jnp.abs(x), 0).astype("float32") for x in some)
    kept, form = jax.tree.flatten(pull)
    hung = [
        x + jnp.asarray(zero, x.dtype) if own and jnp.issubdtype(x.dtype, jnp.floating) else x
        for x, own in zip(kept, free, strict=True)
    ]
    return jax.tree.unflatten(form, hung)(gradients)
