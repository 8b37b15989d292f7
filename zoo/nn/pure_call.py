"""What reads and sets variables as a function of their values, which is what jax traces.

Keras' own way, `stateless_call`, leaves what is set inside of another trace behind in that trace, and knows only
while a layer is called whether it trains and what its weights are cast to. So a call is written down at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import keras
from jax.core import Tracer
from jax.extend.core import jaxpr_as_fun
from keras.src.backend.common.masking import get_keras_mask
from keras.src.backend.common.variables import AutocastScope

Found = tuple[Any, dict[int, Any]]
"""What a call returns, and the new values of the variables it has set, by their number."""

Program = Callable[[list[Any], list[Any]], Found]
"""A call as a function of its variables' values and of its arrays."""


class PureCall:
    """One call of a function.

    Args:
        function: takes and returns trees of arrays; of what it takes, anything may be something else.
        variables: those that it reads and sets.

    Attributes:
        inputs: the variables' values as they are kept, and the arrays among the arguments.
        shape: what two calls of one function differ by, beside the numbers in their inputs: a tuple.
        strange: whether there is what a program has no place for: an argument bears a Keras mask, or the function,
            once written down, was seen to read or set other variables than these, to use arrays that it was not
            given, or to add losses.
    """

    def __init__(
        self, function: Callable[..., Any], variables: Sequence[Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._function, self._variables = function, variables
        self._leaves, self._tree = jax.tree.flatten((args, kwargs))
        self._places = [n for n, leaf in enumerate(self._leaves) if isinstance(leaf, jax.Array)]
        with AutocastScope(None):
            values = [v.value for v in variables]
        self.inputs = values, [self._leaves[n] for n in self._places]
        fixed = [leaf for n, leaf in enumerate(self._leaves) if n not in self._places]
        self.shape = self._tree, tuple(self._places), fixed, tuple(map(jax.typeof, jax.tree.leaves(self.inputs)))
        self.strange = any(get_keras_mask(self._leaves[n]) is not None for n in self._places)

    def written_down(self) -> Program:
        """The call's program. Of other calls, it is that of those which differ in their inputs' numbers alone."""
        program, shapes = jax.make_jaxpr(self._run, return_shape=True)(*self.inputs)
        self.strange = self.strange or any(isinstance(x, Tracer) for x in program.consts)
        flat, tree = jaxpr_as_fun(program), jax.tree.structure(shapes)
        return lambda values, arrays: jax.tree.unflatten(tree, flat(*values, *arrays))

    def returned(self, found: Found) -> Any:
        """What the call returns, once the variables have the values that its program has found."""
        outputs, moved = found
        for n, value in moved.items():
            self._variables[n].assign(value)
        return outputs

    def _run(self, values: list[Any], arrays: list[Any]) -> Found:
        leaves = list(self._leaves)
        for n, array in zip(self._places, arrays, strict=True):
            leaves[n] = array
        args, kwargs = jax.tree.unflatten(self._tree, leaves)
        with _Scope(list(zip(self._variables, values, strict=True)), collect_losses=True) as scope:
            before = [scope.get_current_value(v) for v in self._variables]
            outputs = self._function(*args, **kwargs)
            after = [scope.get_current_value(v) for v in self._variables]
        self.strange = self.strange or scope.strange
        moved = {n: new for n, (old, new) in enumerate(zip(before, after, strict=True)) if new is not old}
        return outputs, moved


class _Scope(keras.StatelessScope):
    """Holds the values of some variables, and leaves others to the scope around it."""

    strange = False

    def get_current_value(self, variable: Any) -> Any:
        value = super().get_current_value(variable)
        if value is None:
            self.strange = True
            if self.original_scope is not None:
                return self.original_scope.get_current_value(variable)
        return value

    def add_update(self, update: tuple[Any, Any]) -> None:
        self.strange = self.strange or id(update[0]) not in self.state_mapping
        super().add_update(update)

    def add_loss(self, loss: Any) -> None:
        self.strange = True
        super().add_loss(loss)
